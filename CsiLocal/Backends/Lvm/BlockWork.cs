namespace CsiLocal.Backends.Lvm;

/// <summary>Runs what waits for disks for minutes and hours on a thread of its own: the pool's are for calls.</summary>
internal static class BlockWork
{
    /// <inheritdoc cref="IoFailure.Guard(string, Action)"/>
    public static Task RunAsync(string attempted, Action work) =>
        Task.Factory.StartNew(
            () => IoFailure.Guard(attempted, work), CancellationToken.None, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
}
