using CsiLocal.State;
using CsiLocal.Volumes;

namespace CsiLocal.Hosting;

/// <summary>The daemon's slow chores: writing the journal down, pruning it, looking again at pools that could not be used.</summary>
internal sealed class Housekeeping(StateStore store, PoolRegistry pools, StartupTask startup, Func<TimeSpan> retention, TimeProvider clock)
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan PoolRetry = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PruneInterval = TimeSpan.FromHours(1);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Tick, clock);
        var (retried, pruned) = (clock.GetTimestamp(), clock.GetTimestamp());
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                store.Flush();
                if (clock.GetElapsedTime(retried) >= PoolRetry)
                {
                    await startup.BringUpAsync([.. pools.All.Where(static pool => !pool.IsReady).Select(static pool => pool.Name)], cancellationToken);
                    retried = clock.GetTimestamp();
                }

                if (clock.GetElapsedTime(pruned) >= PruneInterval)
                {
                    store.PruneJournal(retention());
                    pruned = clock.GetTimestamp();
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The way to stop.
        }
    }
}
