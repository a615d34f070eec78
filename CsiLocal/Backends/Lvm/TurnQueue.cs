namespace CsiLocal.Backends.Lvm;

/// <summary>One at a time, in the order of arrival. Unlike a semaphore it promises the order, and lets some go before all who wait.</summary>
internal sealed class TurnQueue
{
    private readonly Lock _lock = new();
    private readonly LinkedList<TaskCompletionSource> _waiting = new();
    private bool _isTaken;

    /// <summary>Waits for the turn; <see cref="Leave"/> ends it.</summary>
    /// <param name="first">Before all who wait now.</param>
    /// <param name="cancellationToken">Ends the wait; once the turn has come it means nothing.</param>
    public async Task EnterAsync(bool first, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        LinkedListNode<TaskCompletionSource> place;
        lock (_lock)
        {
            if (!_isTaken)
            {
                _isTaken = true;
                return;
            }

            var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            place = first ? _waiting.AddFirst(turn) : _waiting.AddLast(turn);
        }

        try
        {
            await place.Value.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (Withdraw(place))
        {
            throw;
        }
        catch (OperationCanceledException)
        {
            // The turn came in the same moment: it goes on to the next.
            Leave();
            throw;
        }
    }

    public void Leave()
    {
        lock (_lock)
        {
            if (_waiting.First is not { } next)
            {
                _isTaken = false;
                return;
            }

            _waiting.RemoveFirst();
            next.Value.SetResult();
        }
    }

    private bool Withdraw(LinkedListNode<TaskCompletionSource> place)
    {
        lock (_lock)
        {
            if (place.List is null)
                return false;

            _waiting.Remove(place);
            return true;
        }
    }
}
