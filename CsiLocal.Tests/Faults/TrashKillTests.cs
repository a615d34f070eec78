using CsiLocal.Admin.V1;
using CsiLocal.Tests.Support;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;
using Task = System.Threading.Tasks.Task;
using Volume = Csi.V1.Volume;

namespace CsiLocal.Tests.Faults;

public sealed class TrashKillsOnImages : TrashKillTests<ImagePool>;

public sealed class TrashKillsOnDirectories : TrashKillTests<PlainDirectoryPool>;

public sealed class TrashKillsOnSubvolumes : TrashKillTests<BtrfsDirectoryPool>;

/// <summary>The real daemon under SIGKILL while volumes go into the trash, come back and are erased.</summary>
public abstract class TrashKillTests<TPool> : IAsyncLifetime
    where TPool : TestPool, new()
{
    private const int Limit = 180_000;

    private readonly TPool pool = new();
    private readonly RealDaemon daemon;
    private Volume volume = null!;

    protected TrashKillTests()
    {
        var options = pool.Options;
        daemon = new RealDaemon(options, options.Backend == CsiLocal.Volumes.BackendKind.Image ? "{ erase: random, eraseRate: 0 }" : "{ grace: 24h }");
    }

    private string Staging => daemon.PathOf("staging");

    private string Target => daemon.PathOf("target");

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await daemon.DisposeAsync();
        pool.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>In the test, not before it: what fails before is not disposed of, and the daemon would live on.</summary>
    private async Task StartAsync()
    {
        await daemon.StartAsync();
        volume = (await daemon.Controller.CreateVolumeAsync(Create("data", Mount(), 48 * MiB))).Volume;
        await MountAsync();
        await File.WriteAllTextAsync(Path.Combine(Target, "file"), "kept");
        await UnmountAsync();
    }

    [Theory(Timeout = Limit)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(7)]
    [InlineData(11)]
    [InlineData(20)]
    [InlineData(40)]
    public async Task Killed_at_any_moment_it_goes_on(int milliseconds)
    {
        await StartAsync();
        await KilledAsync(DeleteAsync, milliseconds);
        Assert.Empty((await daemon.Controller.ListVolumesAsync(new())).Entries);
        Assert.Equal("kept", Assert.Single(await TrashAsync()).State);

        await KilledAsync(UndeleteAsync, milliseconds);
        Assert.Empty(await TrashAsync());
        await MountAsync();
        Assert.Equal("kept", await File.ReadAllTextAsync(Path.Combine(Target, "file")));
        await UnmountAsync();

        await DeleteAsync();
        await KilledAsync(EmptyAsync, milliseconds);
        while ((await TrashAsync()).Count > 0)
            await EmptyAsync();
        foreach (var folder in new[] { "volumes", "trash" })
            Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(pool.Options.Path, folder)));
    }

    private async Task KilledAsync(Func<Task> step, int milliseconds)
    {
        var call = step();
        await Task.WhenAny(call, Task.Delay(milliseconds));
        await daemon.KillAsync();
        await call.ContinueWith(static _ => { }, TaskScheduler.Default);
        await daemon.StartAsync();
        while (true)
        {
            try
            {
                await step();
                return;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Aborted)
            {
                await Task.Delay(20);
            }
        }
    }

    private async Task DeleteAsync() => await daemon.Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });

    private async Task EmptyAsync() => await daemon.Admin.EmptyTrashAsync(new() { All = true });

    private async Task UndeleteAsync()
    {
        // Recovery may have finished it.
        if ((await daemon.Controller.ListVolumesAsync(new())).Entries.Count == 0)
            await daemon.Admin.UndeleteVolumeAsync(new() { Volume = "data" });
    }

    private async Task<IReadOnlyList<TrashedVolume>> TrashAsync() => (await daemon.Admin.ListTrashAsync(new())).Volumes;

    private async Task MountAsync()
    {
        await daemon.Node.NodeStageVolumeAsync(Stage(volume, Staging, Mount()));
        await daemon.Node.NodePublishVolumeAsync(Publish(volume, Staging, Target, Mount()));
    }

    private async Task UnmountAsync()
    {
        await daemon.Node.NodeUnpublishVolumeAsync(new() { VolumeId = volume.VolumeId, TargetPath = Target });
        await daemon.Node.NodeUnstageVolumeAsync(new() { VolumeId = volume.VolumeId, StagingTargetPath = Staging });
    }
}
