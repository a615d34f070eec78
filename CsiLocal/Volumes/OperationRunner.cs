namespace CsiLocal.Volumes;

/// <summary>Runs mutations under the daemon's lifetime instead of the caller's (design §2.6).</summary>
/// <remarks>A deadline ends the caller's wait, not the work: its locks stay held until the outcome is known, and the retry gets it.</remarks>
internal sealed class OperationRunner : IDisposable
{
    private const int MaxUnclaimed = 256;

    private readonly Lock gate = new();
    private readonly HashSet<Task> running = [];
    private readonly Dictionary<string, StorageException> unclaimed = [];
    private readonly CancellationTokenSource stop = new();
    private bool draining;

    /// <summary>Runs <paramref name="work"/> to its end and returns what it returns, or leaves it running when the caller goes.</summary>
    /// <param name="key">Id that the work is about. Where work failed after its caller had gone, the next call with the same key gets that failure.</param>
    /// <exception cref="OperationCanceledException">The caller went; the work goes on.</exception>
    /// <exception cref="StorageException"><see cref="StorageError.Unavailable"/>: the daemon is stopping.</exception>
    public async Task<T> RunAsync<T>(string key, Func<CancellationToken, Task<T>> work, CancellationToken callerToken)
    {
        Task<T> task;
        lock (gate)
        {
            if (draining)
                throw new StorageException(StorageError.Unavailable, "the daemon is stopping", "try again when it is back");

            if (unclaimed.Remove(key, out var failure))
                throw failure;

            // Task.Run: the work's synchronous part (locks, SQLite) must not run under the gate.
            task = Task.Run(() => work(stop.Token), CancellationToken.None);
            running.Add(task);
        }

        var abandoned = false;
        _ = task.ContinueWith(
            ended => Forget(key, ended, Volatile.Read(ref abandoned)), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        try
        {
            return await task.WaitAsync(callerToken);
        }
        catch (OperationCanceledException) when (callerToken.IsCancellationRequested)
        {
            Volatile.Write(ref abandoned, true);
            throw;
        }
        catch (OperationCanceledException)
        {
            throw new StorageException(StorageError.Unavailable, "the daemon is stopping: what was begun was interrupted", "try again when it is back");
        }
    }

    /// <summary>Refuses new work and waits for what runs; after <paramref name="grace"/> interrupts it and waits again.</summary>
    public async Task DrainAsync(TimeSpan grace)
    {
        lock (gate)
            draining = true;

        var all = WhenIdleAsync();
        if (await Task.WhenAny(all, Task.Delay(grace)) != all)
        {
            await stop.CancelAsync();
            await all;
        }
    }

    /// <summary>Waits until nothing of what runs now is running, however it ends.</summary>
    public async Task WhenIdleAsync()
    {
        Task[] tasks;
        lock (gate)
            tasks = [.. running];

        await Task.WhenAll(tasks).ContinueWith(static _ => { }, TaskScheduler.Default);
    }

    public void Dispose() => stop.Dispose();

    private void Forget(string key, Task ended, bool abandoned)
    {
        lock (gate)
        {
            // Reading the exception also marks it observed. "Busy" is only of the moment: by the next call it is no longer true.
            if (ended.Exception?.InnerException is StorageException failure && abandoned && failure.Error != StorageError.Aborted)
            {
                // Names that nobody asks for again must not pile up; what is forgotten is found out anew.
                if (unclaimed.Count >= MaxUnclaimed)
                    unclaimed.Clear();

                unclaimed[key] = failure;
            }

            running.Remove(ended);
        }
    }
}
