using CsiLocal.Backends.Lvm;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>Changes of a volume group run one at a time, in order, and to their end.</summary>
public sealed class VolumeGroupQueueTests : IDisposable
{
    private const int Limit = 30_000;

    private readonly GroupWorld _world = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _world.Dispose();

    [Fact(Timeout = Limit)]
    public async Task A_hundred_changes_at_once_run_one_by_one_in_order_and_take_one_report()
    {
        await _world.OpenAsync();
        _world.Commands.Commands.Clear();
        var (running, order) = (0, new List<int>());

        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => _world.ChangeAsync(async () =>
        {
            Assert.Equal(1, Interlocked.Increment(ref running));
            order.Add(i);
            await Task.Yield();
            Interlocked.Decrement(ref running);
        })));
        await _world.LiveAsync(TimeSpan.FromMinutes(5));

        Assert.Equal(Enumerable.Range(0, 100), order);
        Assert.Equal((1, 1), (_world.Reports, _world.Commands.Commands.Count));
    }

    [Fact(Timeout = Limit)]
    public async Task A_report_goes_before_the_changes_that_wait()
    {
        await _world.OpenAsync();
        var hold = new TaskCompletionSource();
        var order = new List<string>();
        var running = _world.ChangeAsync(() => hold.Task);
        var waiting = _world.ChangeAsync(() => Task.Run(() => order.Add("change"), Token));
        _world.Commands.Around = (command, run) =>
        {
            order.Add(command.Arguments[0]);
            return run();
        };

        var report = _world.Sut.RefreshAsync(Token);
        hold.SetResult();
        await Task.WhenAll(running, waiting, report);

        Assert.Equal(["fullreport", "change"], order);
    }

    [Fact(Timeout = Limit)]
    public async Task A_change_that_cannot_wait_goes_before_those_that_can()
    {
        await _world.OpenAsync();
        var hold = new TaskCompletionSource();
        var order = new List<string>();
        var running = _world.ChangeAsync(() => hold.Task);
        var waiting = _world.ChangeAsync(() => Task.Run(() => order.Add("create"), Token));

        var urgent = _world.Sut.ChangeFirstAsync((_, _) => Task.Run(() => order.Add("extend"), Token), static report => report, Token);
        hold.SetResult();
        await Task.WhenAll(running, waiting, urgent);

        Assert.Equal(["extend", "create"], order);
    }

    [Fact(Timeout = Limit)]
    public async Task A_caller_that_goes_while_it_waits_changes_nothing()
    {
        await _world.OpenAsync();
        var hold = new TaskCompletionSource();
        var running = _world.ChangeAsync(() => hold.Task);
        using var caller = new CancellationTokenSource();
        var ran = false;
        var waiting = _world.Sut.ChangeAsync((_, _) => Task.FromResult(ran = true), static report => report, caller.Token);

        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        hold.SetResult();
        await running;
        await _world.ChangeAsync(static () => Task.CompletedTask);

        Assert.False(ran);
    }

    [Fact(Timeout = Limit)]
    public async Task A_change_that_has_begun_is_not_cancelled()
    {
        await _world.OpenAsync();
        using var caller = new CancellationTokenSource();
        var hold = new TaskCompletionSource();
        var seen = CancellationToken.None;
        var running = _world.Sut.ChangeAsync(
            (_, token) =>
            {
                seen = token;
                return hold.Task;
            },
            static report => report with { LogicalVolumes = [Volume("v1")] },
            caller.Token);

        await caller.CancelAsync();
        Assert.False(running.IsCompleted);
        Assert.False(seen.IsCancellationRequested);
        hold.SetResult();
        await running;
        Assert.NotNull(_world.Sut.Find("v1"));
    }

    [Fact(Timeout = Limit)]
    public async Task A_change_within_a_change_is_a_mistake_and_not_a_deadlock()
    {
        await _world.OpenAsync();

        await Assert.ThrowsAsync<InvalidOperationException>(() => _world.ChangeAsync(() => _world.ChangeAsync(static () => Task.CompletedTask)));
        await Assert.ThrowsAsync<InvalidOperationException>(() => _world.ChangeAsync(() => _world.Sut.RefreshAsync(Token)));

        await _world.Sut.RefreshAsync(Token);
    }

    private static LogicalVolume Volume(string name) => new()
    {
        Name = name,
        Uuid = "u",
        SizeBytes = 1 << 20,
        SegmentType = "linear",
        Attributes = LvAttributes.Parse("-wi-a-----"),
    };
}
