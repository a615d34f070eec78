using System.Threading.Channels;
using CsiLocal.Backends;
using CsiLocal.Hosting;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Microsoft.Extensions.Logging;
using Xunit;

namespace CsiLocal.Tests.Hosting;

public sealed class PoolUpkeepTests : IDisposable
{
    private const int Limit = 20_000;

    private readonly SteppedClock _clock = new();
    private readonly CapturedLog _log = new();
    private readonly CancellationTokenSource _stop = new();
    private volatile IReadOnlyList<TendedPool> _pools = [];

    public void Dispose()
    {
        _stop.Dispose();
        _log.Dispose();
    }

    [Fact(Timeout = Limit)]
    public async Task Each_pool_has_a_turn_every_second()
    {
        var (one, two) = (new Backend(), new Backend());
        _pools = [new("one", one), new("two", two)];

        var began = _clock.GetTimestamp();
        var run = Run();
        for (var i = 0; i < 5; i++)
        {
            await StepAsync(one);
            await two.NextTurnAsync();
        }

        var seconds = (int)_clock.GetElapsedTime(began).TotalSeconds;
        Assert.InRange(one.Turns, 5, seconds + 1);
        Assert.InRange(two.Turns, 5, seconds + 1);
        await StopAsync(run);
    }

    [Fact(Timeout = Limit)]
    public async Task A_turn_that_hangs_is_not_joined_by_another_and_holds_no_other_pool_back()
    {
        var hold = new TaskCompletionSource();
        var hangs = new Backend { OnTurn = _ => hold.Task };
        var works = new Backend();
        _pools = [new("hangs", hangs), new("works", works)];

        var run = Run();
        await hangs.NextTurnAsync();
        await works.NextTurnAsync();
        for (var i = 0; i < 5; i++)
            await StepAsync(works);

        Assert.Equal(1, hangs.Turns);
        hold.SetResult();
        await StopAsync(run);
        Assert.False(hangs.Overlapped);
    }

    [Fact(Timeout = Limit)]
    public async Task The_same_failure_is_told_once_an_hour_and_another_kind_at_once()
    {
        var error = StorageError.Unavailable;
        var backend = new Backend();
        backend.OnTurn = _ => throw new StorageException(error, $"turn {backend.Turns}: no room");
        _pools = [new("bulk", backend)];

        var run = Run();
        for (var i = 0; i < 10; i++)
            await StepAsync(backend);

        Assert.Equal(["turn 1: no room"], Told());
        error = StorageError.ResourceExhausted;
        await StepAsync(backend);
        await StepAsync(backend);
        Assert.Equal(2, Told().Count);
        _clock.Advance(TimeSpan.FromHours(1));
        while (Told().Count < 3)
            await StepAsync(backend);

        await StepAsync(backend);
        await StepAsync(backend);
        Assert.Equal(3, Told().Count);
        await StopAsync(run);
    }

    [Fact(Timeout = Limit)]
    public async Task A_mistake_of_ours_in_a_turn_does_not_end_the_care_for_the_pool()
    {
        var backend = new Backend { OnTurn = static _ => throw new InvalidOperationException("mistake") };
        _pools = [new("bulk", backend)];

        var run = Run();
        await StepAsync(backend);
        await StepAsync(backend);

        Assert.Equal(["InvalidOperationException: mistake"], Told());
        await StopAsync(run);
    }

    [Fact(Timeout = Limit)]
    public async Task At_stop_each_pool_writes_down_what_it_put_off_after_its_turn()
    {
        var hold = new TaskCompletionSource();
        var (busy, idle) = (new Backend { OnTurn = _ => hold.Task }, new Backend());
        _pools = [new("busy", busy), new("idle", idle)];
        var run = Run();
        await busy.NextTurnAsync();
        await idle.NextTurnAsync();

        await _stop.CancelAsync();
        await idle.Flushed.Task;
        Assert.False(busy.Flushed.Task.IsCompleted);
        hold.SetResult();
        await run;

        Assert.True(busy.Flushed.Task.IsCompleted);
        Assert.False(busy.Overlapped);
    }

    [Fact(Timeout = Limit)]
    public async Task A_pool_that_hangs_at_stop_is_left_behind_after_the_grace()
    {
        var backend = new Backend { OnFlush = static _ => new TaskCompletionSource().Task };
        _pools = [new("hangs", backend)];
        var run = Run();
        await backend.NextTurnAsync();

        await _stop.CancelAsync();
        await backend.Flushed.Task;
        Assert.False(run.IsCompleted);
        _clock.Advance(PoolUpkeep.StopGrace);
        await run;

        Assert.Contains(_log.Lines, static line => line.Contains("Pool hangs did not finish its work", StringComparison.Ordinal));
    }

    [Fact(Timeout = Limit)]
    public async Task A_backend_that_a_reload_replaced_writes_down_what_it_put_off_once()
    {
        var (before, after) = (new Backend(), new Backend());
        _pools = [new("bulk", before)];
        var run = Run();
        await before.NextTurnAsync();

        _pools = [new("bulk", after)];
        await StepAsync(after);
        await before.Flushed.Task;
        await StepAsync(after);
        await StepAsync(after);
        await StopAsync(run);

        Assert.Equal(1, before.Flushes);
        Assert.Equal(1, after.Flushes);
    }

    private Task Run() => new PoolUpkeep(() => _pools, _clock, new Logger<PoolUpkeep>(_log)).RunAsync(_stop.Token);

    private async Task StopAsync(Task run)
    {
        await _stop.CancelAsync();
        await run;
    }

    /// <summary>Lets a turn begin and end. The loop may still be about to wait for its timer: another second then.</summary>
    private async Task StepAsync(Backend backend)
    {
        var turn = backend.NextTurnAsync();
        while (!turn.IsCompleted)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(turn, Task.Delay(5, TestContext.Current.CancellationToken));
        }
    }

    private IReadOnlyList<string> Told() =>
        [.. _log.Lines.Where(static line => line.Contains("Looking after pool bulk", StringComparison.Ordinal)).Select(static line => line[(line.IndexOf("repeated: ", StringComparison.Ordinal) + 10)..].Trim())];

    private sealed class Backend : IPoolUpkeep
    {
        private readonly Channel<int> _begun = Channel.CreateUnbounded<int>();
        private int _running;

        public Func<CancellationToken, Task> OnTurn { get; set; } = static _ => Task.CompletedTask;

        public Func<CancellationToken, Task> OnFlush { get; init; } = static _ => Task.CompletedTask;

        public TaskCompletionSource Flushed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Turns { get; private set; }

        public int Flushes { get; private set; }

        public bool Overlapped { get; private set; }

        public Task<int> NextTurnAsync() => _begun.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask();

        public Task UpkeepAsync(CancellationToken cancellationToken) => AloneAsync(async () =>
        {
            Turns++;
            _begun.Writer.TryWrite(Turns);
            await OnTurn(cancellationToken);
        });

        public Task FlushAsync(CancellationToken cancellationToken) => AloneAsync(async () =>
        {
            Flushes++;
            Flushed.TrySetResult();
            await OnFlush(cancellationToken);
        });

        private async Task AloneAsync(Func<Task> work)
        {
            Overlapped |= Interlocked.Increment(ref _running) > 1;
            try
            {
                await work();
            }
            finally
            {
                Interlocked.Decrement(ref _running);
            }
        }
    }
}
