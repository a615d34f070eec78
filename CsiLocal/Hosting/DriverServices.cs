using CsiLocal.Backends;
using CsiLocal.Backends.Directories;
using CsiLocal.Backends.Images;
using CsiLocal.Backends.Lvm;
using CsiLocal.Configuration;
using CsiLocal.Diagnostics;
using CsiLocal.Filesystems;
using CsiLocal.Grpc;
using CsiLocal.Rpc;
using CsiLocal.State;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using CsiLocal.Volumes.Diagnosis;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Hosting;

/// <summary>The composition root: every object of the daemon, built top to bottom, once.</summary>
internal sealed class DriverServices : IDisposable
{
    private readonly StateStore store;
    private readonly CommandRunner commands;

    public DriverServices(
        DriverOptions options, Func<DriverOptions> resolve, StateStore store, ILoggerFactory loggers, TimeProvider clock, DriverSeams seams)
    {
        this.store = store;
        commands = new CommandRunner(store.StateId);
        var plain = seams.Commands(commands);
        var tools = new JournalingCommandRunner(plain, store, clock, loggers.CreateLogger<JournalingCommandRunner>());
        var node = new NodeIdentity(options.File.DriverName, options.NodeId);
        var history = new History(store, loggers.CreateLogger<History>());
        var locks = new KeyedLocks();

        Operations = new OperationRunner();
        var probe = new SignatureProbe(tools);
        var groups = new VolumeGroups(
            new LvmTool(tools, options.HostTools == HostToolsSource.Nsenter ? HostNamespaces.Prefix : []), seams.Devices,
            new DeviceClaim(probe, loggers.CreateLogger<DeviceClaim>()), clock);
        Pools = new PoolRegistry(pool => Backend(pool, tools, groups, history, clock), store, node, loggers.CreateLogger<PoolRegistry>());
        var capacity = new CapacityManager(store, clock);
        var sources = new SourceResolver(store, Pools, locks);
        Eraser = new TrashEraser(store, Pools, capacity, locks, history, clock);
        var trash = new TrashManager(store, Pools, capacity, locks, Operations, Eraser, history, clock);
        var volumes = new VolumeManager(store, Pools, capacity, locks, Operations, sources, trash, Eraser, node, history, clock);
        var snapshots = new SnapshotManager(store, Pools, capacity, locks, Operations, sources, Eraser, history, clock);

        var mounter = new Mounter(tools);
        var preparer = new FilesystemPreparer(
            store, probe, new Formatter(tools, probe), new FilesystemCheck(tools),
            new UuidChanger(tools, mounter, Path.Combine(options.StateDirectory, "work")), history, clock);
        IReadOnlyList<string> OwnFolders() =>
            [options.StateDirectory, .. Reloader!.Current.File.Pools.Select(static pool => pool.Path).Where(static path => path.Length > 0)];
        var facts = new MountFacts(() => Reloader!.Current.File.PublishRoots, OwnFolders);
        var mounts = new MountManager(store, Pools, locks, Operations, sources, preparer, mounter, new Resizer(tools), facts, history);

        Rows = new RowReconciler(store, locks, history);
        var adoptions = new AdoptionManager(store, Pools, capacity, locks, Operations, new AdoptionPlanner(probe), OwnFolders, history, clock);
        var recovery = new Recovery(store, Pools, locks, volumes, snapshots, trash, adoptions, mounts, facts, Rows, history);
        Startup = new StartupTask(store, Pools, recovery, loggers.CreateLogger<StartupTask>());
        TakeOver = new PoolTakeOver(Pools, Startup, Operations, history, node);
        Reloader = new ConfigurationReloader(options, resolve, store, Pools, Startup, loggers.CreateLogger<ConfigurationReloader>());
        Housekeeping = new Housekeeping(
            store, Pools, Startup, () => Reloader.Current.File.JournalRetention, seams.PoolRetry, seams.CompactsMemory ? new MemoryKeeper(clock) : null,
            clock, loggers.CreateLogger<Housekeeping>());
        Upkeep = new PoolUpkeep(Tended, clock, loggers.CreateLogger<PoolUpkeep>());
        Janitor = new TrashJanitor(Eraser, clock, loggers.CreateLogger<TrashJanitor>());

        Calls = new GrpcServiceMap(
            new GrpcServerOptions { TimeProvider = clock },
            [
                new CallInterceptor(
                    store, Readiness, clock, loggers.CreateLogger<CallInterceptor>(), loggers.CreateLogger(CallInterceptor.AuditCategory)),
            ],
            loggers.CreateLogger<GrpcServiceMap>());
        var messages = new Messages(node);
        var health = new HealthInspector(Pools);
        var examiner = new Examiner(
            () => Reloader.Current, resolve, store, new HostExaminer(new HostFiles("/"), plain, seams.Devices),
            new PoolExaminer(store, Pools, locks, Rows, mounts, facts));
        RpcServices.Bind(
            Calls,
            new IdentityService(node, Readiness),
            new ControllerService(volumes, snapshots, capacity, Pools, store, health, node, messages),
            new NodeService(
                mounts, volumes, Pools, health, node, () => Reloader.Current.File.MaxVolumesPerNode, new CapabilitySet(Pools), messages),
            new AdminService(
                store, Pools, capacity, trash, adoptions, Rows, new Explainer(store, Pools, () => Reloader.Current.File.JournalRetention), examiner,
                node, messages, TakeOver.RunAsync, Reloader.ReloadAsync, Startup.RecoverAsync));
    }

    public Readiness Readiness { get; } = new();

    public OperationRunner Operations { get; }

    public PoolRegistry Pools { get; }

    public StartupTask Startup { get; }

    public RowReconciler Rows { get; }

    public PoolTakeOver TakeOver { get; }

    public ConfigurationReloader Reloader { get; }

    public Housekeeping Housekeeping { get; }

    public PoolUpkeep Upkeep { get; }

    public TrashEraser Eraser { get; }

    public TrashJanitor Janitor { get; }

    public GrpcServiceMap Calls { get; }

    public (int Volumes, int Snapshots) Count(string pool) => (store.CountVolumes(pool), store.CountSnapshots(pool));

    public void Dispose()
    {
        Reloader.Dispose();
        Startup.Dispose();
        Operations.Dispose();
        Eraser.Dispose();
        commands.Dispose();
        store.Dispose();
    }

    private List<TendedPool> Tended()
    {
        var tended = new List<TendedPool>();
        foreach (var pool in Pools.All)
        {
            if (pool.IsReady && pool.Backend is IPoolUpkeep backend)
                tended.Add(new TendedPool(pool.Name, backend));
        }

        return tended;
    }

    private IStorageBackend Backend(PoolOptions pool, ICommandRunner tools, VolumeGroups groups, History history, TimeProvider clock)
    {
        return pool.Backend switch
        {
            BackendKind.Image => new ImageBackend(pool, clock),
            BackendKind.Directory => new DirectoryBackend(pool, tools),
            BackendKind.Lvm => LvmPool(pool, groups, clock, group => new ThickProvisioner(pool, group, clock)),
            BackendKind.LvmThin => LvmPool(pool, groups, clock, group => new ThinProvisioner(pool, group, WasHandedOut, Teller(pool, history), clock)),
            _ => throw new ArgumentOutOfRangeException(nameof(pool), pool.Backend, null),
        };
    }

    private static LvmBackend LvmPool(PoolOptions pool, VolumeGroups groups, TimeProvider clock, Func<VolumeGroup, ILvmProvisioner> provisioner)
    {
        var group = groups[pool.Lvm!.VolumeGroup];
        return new LvmBackend(pool, group, provisioner(group), clock);
    }

    private bool WasHandedOut(string id) => VolumeId.TryParse(id, out var volume) ? store.FindVolume(volume) is { State: not VolumeState.Creating }
        : !SnapshotId.TryParse(id, out var snapshot) || store.FindSnapshot(snapshot) is { State: not SnapshotState.Creating };

    private static PoolEvent Teller(PoolOptions pool, History history) => (what, why, needsAttention) =>
    {
        if (needsAttention)
            history.NeedsAttention(pool.Name, what, why);
        else
            history.Changed(pool.Name, what, why);
    };
}
