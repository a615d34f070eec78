using System.Security.Cryptography;
using CsiLocal.Tests.Support;
using Csi.V1;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Rpc;

/// <summary>A test of the served driver on one kind of pool: every call goes through the real socket.</summary>
/// <typeparam name="TPool">The kind of pool.</typeparam>
public abstract class DriverTest<TPool> : IAsyncLifetime
    where TPool : TestPool, new()
{
    /// <summary>Milliseconds for one test; generous, since machines are shared.</summary>
    protected const int Limit = 120_000;

    protected TPool Pool { get; } = new();

    private protected TestDriver Driver { get; private set; } = null!;

    private protected Controller.ControllerClient Controller => Driver.Controller;

    private protected Node.NodeClient Node => Driver.Node;

    public async ValueTask InitializeAsync() => Driver = await TestDriver.StartAsync(
        driver =>
        {
            Prepare(driver);
            driver.Seams = Pool.Decorate(driver.Seams);
        },
        Pool.Options);

    public async ValueTask DisposeAsync()
    {
        await Driver.DisposeAsync();
        Pool.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Sets what the driver is to have before it starts.</summary>
    private protected virtual void Prepare(TestDriver driver)
    {
    }

    private protected async Task<Volume> CreateAsync(string name, long bytes = 32 * MiB) =>
        (await Controller.CreateVolumeAsync(Create(name, Mount(), bytes))).Volume;

    private protected Task<Volume> CreateAsync(CreateVolumeRequest request) => VolumeOf(Controller.CreateVolumeAsync(request));

    /// <summary>Stages and publishes; returns the target path.</summary>
    private protected async Task<string> MountAsync(Volume volume, VolumeCapability? capability = null, string name = "target")
    {
        capability ??= Mount();
        var staging = StagingOf(volume);
        await Node.NodeStageVolumeAsync(Stage(volume, staging, capability));
        var target = Driver.PathOf($"{volume.VolumeId}-{name}");
        await Node.NodePublishVolumeAsync(Publish(volume, staging, target, capability));
        return target;
    }

    private protected async Task UnmountAsync(Volume volume, params IEnumerable<string> targets)
    {
        foreach (var target in targets)
            await Node.NodeUnpublishVolumeAsync(new() { VolumeId = volume.VolumeId, TargetPath = target });

        await Node.NodeUnstageVolumeAsync(new() { VolumeId = volume.VolumeId, StagingTargetPath = StagingOf(volume) });
    }

    private protected string StagingOf(Volume volume) => Driver.PathOf($"{volume.VolumeId}-staging");

    private protected static async Task FailsAsync<T>(StatusCode code, AsyncUnaryCall<T> call, params string[] mentioned)
    {
        using (call)
        {
            var failure = await Assert.ThrowsAsync<RpcException>(async () => await call);
            Assert.True(code == failure.StatusCode, $"expected {code}, got {failure.Status}");
            foreach (var text in mentioned)
                Assert.Contains(text, failure.Status.Detail, StringComparison.Ordinal);
        }
    }

    /// <summary>Writes bytes that the seed determines, durably.</summary>
    private protected static void Write(string path, int seed, int bytes = 1 << 20)
    {
        var content = new byte[bytes];
        new Random(seed).NextBytes(content);
        using var file = File.Open(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
        file.Write(content);
        file.Flush(flushToDisk: true);
    }

    private protected static string Digest(string path, int bytes = 1 << 20)
    {
        var content = new byte[bytes];
        using var file = File.OpenRead(path);
        file.ReadExactly(content);
        return Convert.ToHexString(SHA256.HashData(content));
    }

    private static async Task<Volume> VolumeOf(AsyncUnaryCall<CreateVolumeResponse> call) => (await call).Volume;
}
