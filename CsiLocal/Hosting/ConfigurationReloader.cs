using CsiLocal.Configuration;
using CsiLocal.Diagnostics;
using CsiLocal.State;
using CsiLocal.Volumes;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Hosting;

/// <summary>Takes over a changed configuration while the daemon runs: all of it, or nothing.</summary>
internal sealed class ConfigurationReloader(
    DriverOptions options, Func<DriverOptions> resolve, StateStore store, PoolRegistry pools, StartupTask startup,
    ILogger<ConfigurationReloader> log) : IDisposable
{
    private readonly SemaphoreSlim one = new(1);

    public DriverOptions Current { get; private set; } = options;

    /// <summary>Reads everything anew (SIGHUP, <c>csilocal reload</c>).</summary>
    /// <returns>A sentence for each change.</returns>
    /// <exception cref="StorageException">FailedPrecondition with every problem: nothing was changed.</exception>
    public async Task<IReadOnlyList<string>> ReloadAsync(CancellationToken cancellationToken)
    {
        await one.WaitAsync(cancellationToken);
        try
        {
            var next = resolve();
            var inUse = pools.All.Select(static pool => pool.Name)
                .Where(name => store.CountVolumes(name) + store.CountSnapshots(name) + store.CountTrash(name) > 0).ToHashSet();
            var diff = ConfigurationDiff.Between(Current, next, inUse);
            if (diff.Problems.Count > 0)
                throw Refused(diff.Problems);

            Current = next;
            var changed = pools.Configure(next.File);

            // A disk that was plugged in is looked for now, and not each time somebody asks for space.
            var growing = next.File.Pools.Where(static pool => pool.Lvm is { Devices.Items.Count: > 0 }).Select(static pool => pool.Name);
            var foreign = pools.All.Where(static pool => pool.State == PoolState.Foreign).Select(static pool => pool.Name);
            await startup.BringUpAsync([.. changed.Union(growing).Union(foreign)], cancellationToken);
            var changes = Sentences(diff);
            foreach (var change in changes)
                Log.ConfigurationChanged(log, change);

            return changes;
        }
        catch (ConfigurationException e)
        {
            throw Refused([.. e.Problems.Select(static problem => problem.ToString())]);
        }
        finally
        {
            one.Release();
        }
    }

    public void Dispose() => one.Dispose();

    private StorageException Refused(IReadOnlyList<string> problems)
    {
        foreach (var problem in problems)
            Log.ConfigurationRefused(log, problem);

        return new StorageException(
            StorageError.FailedPrecondition, $"the configuration was not taken over, nothing was changed:\n{string.Join('\n', problems)}");
    }

    private static IReadOnlyList<string> Sentences(ConfigurationDiff diff) =>
    [
        .. diff.Removed.Select(static pool => $"pool '{pool.Name}' removed"),
        .. diff.Added.Select(static pool => $"pool '{pool.Name}' added"),
        .. diff.Changed.Select(static change => $"pool '{change.After.Name}': {string.Join(", ", change.Options)} changed"),
        .. diff.ChangedOptions.Select(static option => $"{option} changed"),
    ];
}
