using CsiLocal.Configuration;
using CsiLocal.State;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Microsoft.Extensions.Logging.Abstractions;

namespace CsiLocal.Hosting;

/// <summary>Where a row and the object in a pool do not agree.</summary>
internal sealed record PoolFinding(string Pool, RowDecision Decision);

/// <summary>The rows of a state against the pools.</summary>
/// <param name="NotCompared">Pools that could not be compared, a sentence each.</param>
internal sealed record StateComparison(IReadOnlyList<PoolFinding> Findings, IReadOnlyList<string> NotCompared);

/// <summary>One pool after a rebuild.</summary>
/// <param name="State">"ready", "unavailable" or "foreign".</param>
/// <param name="Problem">Why it is not ready; null where it is.</param>
internal sealed record RebuiltPool(string Name, string State, int Volumes, int Snapshots, string? Problem);

/// <summary>What a rebuild found.</summary>
/// <param name="SetAside">Where the old file is now; null where there was none.</param>
/// <param name="LeftAlone">What is in the pools and is not understood, or is known and not there.</param>
internal sealed record RebuiltState(string? SetAside, IReadOnlyList<RebuiltPool> Pools, IReadOnlyList<PoolFinding> LeftAlone);

/// <summary>What can be done with a state that no daemon is using: the lock of its folder is held meanwhile.</summary>
internal static class OfflineState
{
    /// <summary>Compares the rows with the pools and changes neither: the rows are read from a copy, the pools are only looked at.</summary>
    /// <exception cref="StorageException">FailedPrecondition: a daemon is using it. DataLoss: it is damaged.</exception>
    public static async Task<StateComparison> CompareAsync(DriverOptions options, TimeProvider clock, DriverSeams seams, CancellationToken cancellationToken)
    {
        using var held = await StateDirectoryLock.AcquireAsync(options.StateDirectory, clock, cancellationToken);
        var folder = Directory.CreateTempSubdirectory("csilocal-check-");
        try
        {
            StateCopy.Write(options.StateDirectory, Path.Combine(folder.FullName, StateFile.Name), overwrite: false);
            using var services = new DriverServices(
                options, () => options, StateStore.Open(folder.FullName, clock), NullLoggerFactory.Instance, clock, seams);
            services.Pools.Configure(options.File);
            var findings = new List<PoolFinding>();
            var notCompared = new List<string>();
            foreach (var pool in services.Pools.All)
            {
                try
                {
                    await services.Pools.LookAsync(pool, cancellationToken);
                    foreach (var decision in services.Rows.Compare(pool.Name, pool.Backend))
                        findings.Add(new PoolFinding(pool.Name, decision));
                }
                catch (Exception e) when (e is StorageException or ToolException or IOException)
                {
                    notCompared.Add(StorageException.Describe(e));
                }
            }

            return new StateComparison(findings, notCompared);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Sets the state aside and makes a new one of what the pools say, as the daemon does where it finds none.</summary>
    /// <exception cref="StorageException">FailedPrecondition: a daemon is using it.</exception>
    public static async Task<RebuiltState> RebuildAsync(DriverOptions options, TimeProvider clock, DriverSeams seams, CancellationToken cancellationToken)
    {
        using var held = await StateDirectoryLock.AcquireAsync(options.StateDirectory, clock, cancellationToken);
        var file = Path.Combine(options.StateDirectory, StateFile.Name);
        var aside = File.Exists(file) ? StateFile.SetAside(file, clock, "replaced") : null;
        using var services = new DriverServices(
            options, () => options, StateStore.Open(options.StateDirectory, clock), NullLoggerFactory.Instance, clock, seams);
        await services.Startup.RunAsync(options.File, cancellationToken);

        // What it found half-made or half-deleted it finishes in the background.
        await services.Operations.DrainAsync(DriverHost.DrainGrace);
        var pools = new List<RebuiltPool>();
        var leftAlone = new List<PoolFinding>();
        foreach (var pool in services.Pools.All)
        {
            var (volumes, snapshots) = services.Count(pool.Name);
            pools.Add(new RebuiltPool(pool.Name, pool.State.ToString().ToLowerInvariant(), volumes, snapshots, pool.Problem));
            if (!pool.IsReady)
                continue;

            foreach (var decision in services.Rows.Compare(pool.Name, pool.Backend))
                leftAlone.Add(new PoolFinding(pool.Name, decision));
        }

        return new RebuiltState(aside, pools, leftAlone);
    }
}
