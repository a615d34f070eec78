using CsiLocal.Backends.Lvm;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class TurnQueueTests
{
    private const int Limit = 10_000;

    private readonly TurnQueue _queue = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Timeout = Limit)]
    public async Task Turns_come_in_the_order_of_arrival()
    {
        await _queue.EnterAsync(first: false, Token);
        var waiting = Enumerable.Range(0, 10).Select(_ => _queue.EnterAsync(first: false, Token)).ToList();

        foreach (var turn in waiting)
        {
            Assert.False(turn.IsCompleted);
            _queue.Leave();
            await turn;
        }

        _queue.Leave();
        Assert.True(_queue.EnterAsync(first: false, Token).IsCompletedSuccessfully);
    }

    [Fact(Timeout = Limit)]
    public async Task Some_go_before_all_who_wait()
    {
        await _queue.EnterAsync(first: false, Token);
        var ordinary = _queue.EnterAsync(first: false, Token);
        var urgent = _queue.EnterAsync(first: true, Token);

        _queue.Leave();
        await urgent;
        Assert.False(ordinary.IsCompleted);
        _queue.Leave();
        await ordinary;
    }

    [Fact(Timeout = Limit)]
    public async Task Who_gives_up_waiting_loses_nobody_elses_turn()
    {
        using var source = new CancellationTokenSource();
        await _queue.EnterAsync(first: false, Token);
        var givesUp = _queue.EnterAsync(first: false, source.Token);
        var waits = _queue.EnterAsync(first: false, Token);

        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => givesUp);
        _queue.Leave();
        await waits;
    }

    [Fact(Timeout = Limit)]
    public async Task A_wait_that_is_cancelled_as_its_turn_comes_passes_the_turn_on()
    {
        for (var round = 0; round < 200; round++)
        {
            using var source = new CancellationTokenSource();
            await _queue.EnterAsync(first: false, Token);
            var torn = _queue.EnterAsync(first: false, source.Token);
            var waits = _queue.EnterAsync(first: false, Token);

            var cancel = Task.Run(source.Cancel, Token);
            _queue.Leave();
            try
            {
                await torn;
                _queue.Leave();
            }
            catch (OperationCanceledException)
            {
                // Passed on by the queue.
            }

            await waits;
            await cancel;
            _queue.Leave();
        }

        Assert.True(_queue.EnterAsync(first: false, Token).IsCompletedSuccessfully);
    }

    [Fact(Timeout = Limit)]
    public async Task One_who_comes_cancelled_takes_no_turn()
    {
        using var source = new CancellationTokenSource();
        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _queue.EnterAsync(first: false, source.Token));

        Assert.True(_queue.EnterAsync(first: false, Token).IsCompletedSuccessfully);
    }
}
