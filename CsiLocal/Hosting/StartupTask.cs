using CsiLocal.Configuration;
using CsiLocal.Diagnostics;
using CsiLocal.State;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Hosting;

/// <summary>What has to be done before the first call is served: end what an earlier run left running, look at the pools, recover.</summary>
internal sealed class StartupTask(StateStore store, PoolRegistry pools, Recovery recovery, ILogger<StartupTask> log) : IDisposable
{
    private readonly SemaphoreSlim one = new(1);

    private const string BootIdFile = "/proc/sys/kernel/random/boot_id";

    public async Task RunAsync(FileConfiguration configuration, CancellationToken cancellationToken)
    {
        // A command that outlived its daemon may still be writing: nothing is compared with facts before it is gone.
        foreach (var leftover in LeftoverCommands.Find(store.StateId))
            Log.LeftoverFound(log, leftover.ProcessId, leftover.CommandLine);

        foreach (var stubborn in await LeftoverCommands.StopAsync(store.StateId, cancellationToken))
        {
            throw new StorageException(
                StorageError.Unavailable,
                $"start: the command '{stubborn.CommandLine}' (pid {stubborn.ProcessId}) of an earlier run is still at work and cannot be killed",
                "wait until its device answers, or restart the machine");
        }

        recovery.BeginRun((await File.ReadAllTextAsync(BootIdFile, cancellationToken)).Trim());
        await BringUpAsync(pools.Configure(configuration), cancellationToken);
    }

    /// <summary>Looks at pools and recovers what they hold; those that cannot be used stay unavailable and are looked at again later.</summary>
    public async Task BringUpAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        // One at a time: a reload and the retry of a failed pool must not both make, or recover, the same pool.
        await one.WaitAsync(cancellationToken);
        try
        {
            foreach (var name in names)
                await BringUpAsync(name, cancellationToken);
        }
        finally
        {
            one.Release();
        }
    }

    /// <summary>Recovery on demand, beside calls: what is unavailable is looked at again, what is ready is compared with its rows.</summary>
    public async Task RecoverAsync(CancellationToken cancellationToken)
    {
        var ready = pools.All.Where(static pool => pool.IsReady).ToList();
        await BringUpAsync([.. pools.All.Where(static pool => !pool.IsReady).Select(static pool => pool.Name)], cancellationToken);
        await one.WaitAsync(cancellationToken);
        try
        {
            foreach (var pool in ready)
                await RecoverAsync(pool, cancellationToken);
        }
        finally
        {
            one.Release();
        }
    }

    public void Dispose() => one.Dispose();

    private async Task BringUpAsync(string name, CancellationToken cancellationToken)
    {
        if (await pools.InspectAsync(name, cancellationToken) is { IsReady: true } pool)
            await RecoverAsync(pool, cancellationToken);
    }

    private async Task RecoverAsync(Pool pool, CancellationToken cancellationToken)
    {
        try
        {
            await recovery.RecoverPoolAsync(pool, cancellationToken);
        }
        catch (Exception e) when (e is StorageException or ToolException or IOException)
        {
            // One pool that cannot be read must not keep the others from their users.
            Log.PoolUnavailable(log, pool.Name, e.Message);
        }
    }
}
