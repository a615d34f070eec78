using CsiLocal.Configuration;
using CsiLocal.Filesystems;
using CsiLocal.Grpc;
using CsiLocal.Hosting;
using CsiLocal.State;
using Csi.V1;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace CsiLocal.Tests.Support;

/// <summary>The whole driver as it is served: real socket, real SQLite, real pools, real mounts. Cleans up what a failed test left.</summary>
internal sealed class TestDriver : IAsyncDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly IReadOnlyList<PoolOptions> pools;
    private DriverHost? host;
    private GrpcChannel? channel;

    private TestDriver(IReadOnlyList<PoolOptions> pools)
    {
        this.pools = pools;
        StateDirectory = folder.Combine("state");
        Endpoint = $"unix://{folder.Combine("csi.sock")}";
    }

    public Identity.IdentityClient Identity { get; private set; } = null!;

    public Controller.ControllerClient Controller { get; private set; } = null!;

    public Node.NodeClient Node { get; private set; } = null!;

    public Admin.V1.Admin.AdminClient Admin { get; private set; } = null!;

    public string StateDirectory { get; set; }

    public const string DefaultNodeId = "node-a";

    public string NodeId { get; set; } = DefaultNodeId;

    /// <summary>Read anew on each reload.</summary>
    public Func<DriverOptions, DriverOptions> Reconfigure { get; set; } = static options => options;

    /// <summary>What all pools do with deleted volumes: by default they go at once, and a test that wants a trash says so.</summary>
    public TrashOptions Trash { get; set; } = new() { Grace = TimeSpan.Zero };

    public ILoggerFactory Loggers { get; set; } = NullLoggerFactory.Instance;

    /// <summary>What stands between the driver and its commands, and other seams.</summary>
    public DriverSeams Seams { get; set; } = new();

    public string Endpoint { get; set; }

    public static Task<TestDriver> StartAsync(params IReadOnlyList<PoolOptions> pools) => StartAsync(static _ => { }, pools);

    /// <summary>As <see cref="StartAsync(IReadOnlyList{PoolOptions})"/>, with properties that are set before the first start.</summary>
    public static async Task<TestDriver> StartAsync(Action<TestDriver> prepare, params IReadOnlyList<PoolOptions> pools)
    {
        var driver = new TestDriver(pools);
        prepare(driver);
        try
        {
            await driver.StartAsync();
            return driver;
        }
        catch
        {
            await driver.DisposeAsync();
            throw;
        }
    }

    /// <summary>A driver that is started by the test itself.</summary>
    public static TestDriver Stopped(params IReadOnlyList<PoolOptions> pools) => new(pools);

    /// <summary>A path below the test's own folder; nothing is made.</summary>
    public string PathOf(string name) => folder.Combine(name);

    /// <summary>Stops the driver in good order and starts it again on the same state and pools.</summary>
    public async Task RestartAsync()
    {
        await StopAsync();
        await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        foreach (var mount in MountTable.Read().Below(folder.Path).Reverse())
            HostCommand.Unmount(mount.Path);

        foreach (var device in LoopDevices())
            HostCommand.Run("losetup", "--detach", device);

        folder.Dispose();
    }

    /// <summary>The mounts below the test's own folder, those of pools and their file systems not among them.</summary>
    public IReadOnlyList<string> Mounts() => [.. MountTable.Read().Below(folder.Path).Select(static mount => mount.Path)];

    /// <summary>Loop devices over files of the pools, deleted ones included.</summary>
    public IReadOnlyList<string> LoopDevices() => LoopDevicesOf(pools);

    public static IReadOnlyList<string> LoopDevicesOf(IReadOnlyList<PoolOptions> pools)
    {
        // From sysfs: losetup opens every device of the host for an instant, also those that another test is about to detach.
        var devices = new List<string>();
        foreach (var device in Directory.EnumerateDirectories("/sys/block", "loop*"))
        {
            if (BackingFileOf(device) is { } file && pools.Any(pool => pool.Path.Length > 0 && file.StartsWith(pool.Path + "/", StringComparison.Ordinal)))
                devices.Add($"/dev/{Path.GetFileName(device)}");
        }

        return devices;
    }

    private static string? BackingFileOf(string device)
    {
        try
        {
            return File.ReadAllText(Path.Combine(device, "loop", "backing_file"));
        }
        catch (IOException)
        {
            // It has none, or was detached just now.
            return null;
        }
    }

    /// <summary>What happened to a volume or snapshot, from the state of a driver that was stopped.</summary>
    public IReadOnlyList<HistoryEntry> HistoryOf(string id)
    {
        Assert.Null(host);
        using var store = StateStore.Open(StateDirectory, TimeProvider.System);
        return store.HistoryOf(id);
    }

    public async Task StartAsync()
    {
        var options = new DriverOptions
        {
            Endpoint = Endpoint,
            StateDirectory = StateDirectory,
            NodeId = NodeId,
            File = new FileConfiguration { Pools = pools, DefaultPool = pools.Count > 0 ? pools[0].Name : null },
        };
        host = await DriverHost.StartAsync(
            WithTrash(options), () => WithTrash(Reconfigure(options)), Loggers, TimeProvider.System, Seams with { CompactsMemory = false },
            TestContext.Current.CancellationToken);
        channel = GrpcChannel.ForAddress(options.Endpoint);
        var calls = new TestCallInvoker(channel.CreateCallInvoker(), TestContext.Current.CancellationToken);
        Identity = new Identity.IdentityClient(calls);
        Controller = new Controller.ControllerClient(calls);
        Node = new Node.NodeClient(calls);
        Admin = new Admin.V1.Admin.AdminClient(calls);
    }

    private DriverOptions WithTrash(DriverOptions options) => options with
    {
        File = options.File with { Pools = [.. options.File.Pools.Select(pool => pool with { Trash = Trash })] },
    };

    public async Task StopAsync()
    {
        // The host first: it answers what still runs.
        if (host is not null)
            await host.DisposeAsync();

        channel?.Dispose();
        (host, channel) = (null, null);
    }
}
