using CsiLocal.Diagnostics;
using CsiLocal.State;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Hosting;

/// <summary>The daemon's slow chores: writing the journal down, pruning it, looking again at pools that could not be used.</summary>
/// <param name="memory">Null: memory is left as it is.</param>
internal sealed class Housekeeping(
    StateStore store, PoolRegistry pools, StartupTask startup, Func<TimeSpan> retention, TimeSpan poolRetry, MemoryKeeper? memory,
    TimeProvider clock, ILogger<Housekeeping> log)
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan PruneInterval = TimeSpan.FromHours(1);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        // Never on the starter's thread: the daemon is ready, the rest can wait for its turn.
        await Task.Yield();
        using var timer = new PeriodicTimer(Tick, clock);
        var (retried, pruned) = (clock.GetTimestamp(), clock.GetTimestamp());
        memory?.Compact();
        try
        {
            do
            {
                try
                {
                    store.Flush();
                    memory?.CompactWhenIdle();
                    if (clock.GetElapsedTime(retried) >= poolRetry)
                    {
                        retried = clock.GetTimestamp();
                        await startup.BringUpAsync([.. pools.All.Where(static pool => pool.State is PoolState.Unavailable or PoolState.Unknown).Select(static pool => pool.Name)], cancellationToken);
                    }

                    if (clock.GetElapsedTime(pruned) >= PruneInterval)
                    {
                        pruned = clock.GetTimestamp();
                        store.PruneJournal(retention());
                    }
                }
                catch (Exception e) when (e is StorageException or ToolException or IOException)
                {
                    // A chore that fails now (a full disk, say) is done by a later turn; the daemon goes on serving.
                    Log.ChoreFailed(log, e.Message);
                }
            }
            while (await timer.WaitForNextTickAsync(cancellationToken));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The way to stop.
        }
    }
}
