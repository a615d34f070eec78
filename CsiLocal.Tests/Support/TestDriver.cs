using CsiLocal.Configuration;
using CsiLocal.Filesystems;
using CsiLocal.Grpc;
using CsiLocal.Hosting;
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
    private DriverHost host = null!;
    private GrpcChannel channel = null!;

    private TestDriver(IReadOnlyList<PoolOptions> pools) => this.pools = pools;

    public Identity.IdentityClient Identity { get; private set; } = null!;

    public Controller.ControllerClient Controller { get; private set; } = null!;

    public Node.NodeClient Node { get; private set; } = null!;

    public Admin.V1.Admin.AdminClient Admin { get; private set; } = null!;

    public string StateDirectory => folder.Combine("state");

    /// <summary>Read anew on each reload.</summary>
    public Func<DriverOptions, DriverOptions> Reconfigure { get; set; } = static options => options;

    public ILoggerFactory Loggers { get; set; } = NullLoggerFactory.Instance;

    public static async Task<TestDriver> StartAsync(params IReadOnlyList<PoolOptions> pools)
    {
        var driver = new TestDriver(pools);
        await driver.StartAsync();
        return driver;
    }

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
            HostCommand.Run("umount", mount.Path);

        foreach (var line in HostCommand.Run("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE").Split('\n'))
        {
            var fields = line.Split(' ', 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (fields.Length == 2 && pools.Any(pool => fields[1].StartsWith(pool.Path + "/", StringComparison.Ordinal)))
                HostCommand.Run("losetup", "--detach", fields[0]);
        }

        folder.Dispose();
    }

    private async Task StartAsync()
    {
        var options = new DriverOptions
        {
            Endpoint = $"unix://{folder.Combine("csi.sock")}",
            StateDirectory = StateDirectory,
            NodeId = "node-a",
            File = new FileConfiguration { Pools = pools, DefaultPool = pools.Count > 0 ? pools[0].Name : null },
        };
        host = await DriverHost.StartAsync(
            options, () => Reconfigure(options), Loggers, TimeProvider.System, TestContext.Current.CancellationToken);
        channel = GrpcChannel.ForAddress(options.Endpoint);
        var calls = new TestCallInvoker(channel.CreateCallInvoker(), TestContext.Current.CancellationToken);
        Identity = new Identity.IdentityClient(calls);
        Controller = new Controller.ControllerClient(calls);
        Node = new Node.NodeClient(calls);
        Admin = new Admin.V1.Admin.AdminClient(calls);
    }

    private async Task StopAsync()
    {
        channel.Dispose();
        await host.DisposeAsync();
    }
}
