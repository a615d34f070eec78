using CsiLocal.Configuration;
using CsiLocal.Diagnostics;
using CsiLocal.State;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Hosting;

/// <summary>One running daemon: opens the state, serves the socket, recovers, becomes ready; on the way out the same backwards.</summary>
internal sealed class DriverHost : IAsyncDisposable
{
    /// <summary>How long running calls may take to finish once the daemon is told to stop; then they are interrupted.</summary>
    public static readonly TimeSpan DrainGrace = TimeSpan.FromSeconds(30);

    private readonly DriverServices services;
    private readonly StateDirectoryLock stateLock;
    private readonly GrpcListener listener;
    private readonly ILogger log;
    private readonly CancellationTokenSource background = new();
    private Task housekeeping = Task.CompletedTask;
    private Task upkeep = Task.CompletedTask;
    private Task janitor = Task.CompletedTask;
    private bool disposed;

    private DriverHost(DriverServices services, StateDirectoryLock stateLock, GrpcListener listener, ILogger log)
    {
        this.services = services;
        this.stateLock = stateLock;
        this.listener = listener;
        this.log = log;
    }

    public DriverServices Services => services;

    /// <summary>Starts a daemon and returns once it is ready.</summary>
    /// <param name="options">What to run with.</param>
    /// <param name="resolve">Reads flags, environment and file anew, for a reload.</param>
    /// <exception cref="StorageException">The state directory or the endpoint belongs to another daemon, or cannot be used.</exception>
    public static async Task<DriverHost> StartAsync(
        DriverOptions options, Func<DriverOptions> resolve, ILoggerFactory loggers, TimeProvider clock, DriverSeams seams,
        CancellationToken cancellationToken)
    {
        var started = clock.GetTimestamp();
        var log = loggers.CreateLogger<DriverHost>();
        if (options.HostTools == HostToolsSource.Nsenter)
            HostNamespaces.Require();
        var stateLock = await StateDirectoryLock.AcquireAsync(options.StateDirectory, clock, cancellationToken);
        DriverHost? host = null;
        try
        {
            var store = StateStore.Open(options.StateDirectory, clock, Migrator.Embedded(), seams.Commits);
            if (store.DamagedFileSetAside is { } damaged)
                Log.StateSetAside(log, damaged);

            var services = new DriverServices(options, resolve, store, loggers, clock, seams);
            host = new DriverHost(services, stateLock, new GrpcListener(options.SocketPath, services.Calls, loggers), log);
            await host.ListenAsync(options, cancellationToken);
            await services.Startup.RunAsync(options.File, cancellationToken);
            services.Readiness.SetReady();
            host.housekeeping = services.Housekeeping.RunAsync(host.background.Token);
            host.upkeep = services.Upkeep.RunAsync(host.background.Token);
            host.janitor = services.Janitor.RunAsync(host.background.Token);
            Log.Ready(
                log, (long)clock.GetElapsedTime(started).TotalMilliseconds, store.AllVolumes().Count, store.AllSnapshots().Count,
                services.Pools.All.Count);
            return host;
        }
        catch
        {
            if (host is not null)
                await host.DisposeAsync();
            else
                stateLock.Dispose();

            throw;
        }
    }

    /// <summary>Answers from now on: Probe says that it is not ready, other calls are refused until it is.</summary>
    private async Task ListenAsync(DriverOptions options, CancellationToken cancellationToken)
    {
        await UnixEndpoint.PrepareAsync(options.SocketPath, cancellationToken);
        await listener.StartAsync(cancellationToken);
        UnixEndpoint.Restrict(options.SocketPath);
        Log.Starting(
            log, options.File.DriverName, BuildInfo.Version, options.Mode.ToString().ToLowerInvariant(), options.Endpoint, options.NodeId,
            options.StateDirectory);
    }

    /// <summary>Drains and stops: no new calls, running ones finish, the state is closed.</summary>
    public async ValueTask DisposeAsync()
    {
        if (disposed)
            return;

        disposed = true;
        services.Readiness.SetNotReady("stopping");
        Log.Stopping(log);
        await services.Eraser.StopAsync();
        await services.Operations.DrainAsync(DrainGrace);
        await background.CancelAsync();
        await housekeeping;
        await upkeep;
        await janitor;
        await listener.StopAsync(CancellationToken.None);
        listener.Dispose();
        services.Dispose();
        stateLock.Dispose();
        background.Dispose();
    }
}
