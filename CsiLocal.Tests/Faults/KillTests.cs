using System.Security.Cryptography;
using CsiLocal.Tests.Support;
using Csi.V1;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Faults;

/// <summary>The real daemon under SIGKILL: started again it goes on where it was, and nobody's data is lost.</summary>
public sealed class KillTests : IAsyncLifetime
{
    private const int Limit = 180_000;
    private const long BigBytes = 300 * MiB;

    private readonly ImagePool pool = new();
    private readonly RealDaemon daemon;
    private Volume volume = null!;
    private Volume restored = null!;
    private Snapshot snapshot = null!;

    public KillTests() => daemon = new RealDaemon(pool.Options);

    private string Staging => daemon.PathOf("staging");

    private string Target => daemon.PathOf("target");

    private string RestoredStaging => daemon.PathOf("restored-staging");

    private string RestoredTarget => daemon.PathOf("restored-target");

    private string DataFile => Path.Combine(Target, "file");

    public ValueTask InitializeAsync() => new(daemon.StartAsync());

    public async ValueTask DisposeAsync()
    {
        await daemon.DisposeAsync();
        pool.Dispose();
    }

    [Fact(Timeout = Limit)]
    public async Task Killed_between_any_two_steps_of_a_volumes_life_it_goes_on()
    {
        foreach (var step in Life())
        {
            await step();
            await daemon.KillAsync();
            await daemon.StartAsync();
            RequireData();
        }

        RequireNothingLeft();
    }

    [Theory(Timeout = Limit)]
    [InlineData(3)]
    [InlineData(15)]
    [InlineData(40)]
    public async Task Killed_in_the_middle_of_any_step_the_repeated_call_converges(int milliseconds)
    {
        foreach (var step in Life())
        {
            var call = step();
            await Task.WhenAny(call, Task.Delay(milliseconds));
            await daemon.KillAsync();
            await call.ContinueWith(static _ => { }, TaskScheduler.Default);
            await daemon.StartAsync();
            await RepeatAsync(step);
            RequireData();
        }

        RequireNothingLeft();
    }

    [Fact(Timeout = Limit)]
    public async Task Killed_during_a_copy_the_finished_copy_is_whole()
    {
        volume = (await daemon.Controller.CreateVolumeAsync(Create("big", Block(), BigBytes))).Volume;
        await daemon.Node.NodeStageVolumeAsync(Stage(volume, Staging, Block()));
        await daemon.Node.NodePublishVolumeAsync(Publish(volume, Staging, Target, Block()));
        var digest = Fill(Target);
        await daemon.Node.NodeUnpublishVolumeAsync(new() { VolumeId = volume.VolumeId, TargetPath = Target });
        await daemon.Node.NodeUnstageVolumeAsync(new() { VolumeId = volume.VolumeId, StagingTargetPath = Staging });

        snapshot = (await KilledWhileCopyingAsync(() =>
            daemon.Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = volume.VolumeId }))).Snapshot;
        restored = (await KilledWhileCopyingAsync(() =>
            daemon.Controller.CreateVolumeAsync(Create("restored", Block(), BigBytes).From(snapshot)))).Volume;

        await daemon.Node.NodeStageVolumeAsync(Stage(restored, Staging, Block()));
        await daemon.Node.NodePublishVolumeAsync(Publish(restored, Staging, Target, Block()));
        Assert.Equal(digest, DigestOf(Target));
        Assert.Empty((await daemon.Admin.ListTasksAsync(new())).Tasks);
        Assert.Equal(2, (await daemon.Controller.ListVolumesAsync(new())).Entries.Count);
        Assert.Single((await daemon.Controller.ListSnapshotsAsync(new())).Entries);
    }

    private IEnumerable<Func<Task>> Life()
    {
        yield return async () => volume = (await daemon.Controller.CreateVolumeAsync(Create("data", Mount(), 48 * MiB))).Volume;
        yield return async () => await daemon.Node.NodeStageVolumeAsync(Stage(volume, Staging, Mount()));
        yield return async () => await daemon.Node.NodePublishVolumeAsync(Publish(volume, Staging, Target, Mount()));
        yield return () => File.WriteAllTextAsync(DataFile, "kept");
        yield return async () => await daemon.Controller.ControllerExpandVolumeAsync(
            new() { VolumeId = volume.VolumeId, CapacityRange = new() { RequiredBytes = 64 * MiB } });
        yield return async () => snapshot = (await daemon.Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = volume.VolumeId })).Snapshot;
        yield return async () => restored = (await daemon.Controller.CreateVolumeAsync(Create("restored", Mount(), 64 * MiB).From(snapshot))).Volume;
        yield return async () => await daemon.Node.NodeStageVolumeAsync(Stage(restored, RestoredStaging, Mount()));
        yield return async () => await daemon.Node.NodePublishVolumeAsync(Publish(restored, RestoredStaging, RestoredTarget, Mount()));
        yield return async () =>
        {
            Assert.Equal("kept", await File.ReadAllTextAsync(Path.Combine(RestoredTarget, "file")));
            await daemon.Node.NodeGetVolumeStatsAsync(new() { VolumeId = restored.VolumeId, VolumePath = RestoredTarget });
        };
        yield return async () => await daemon.Node.NodeUnpublishVolumeAsync(new() { VolumeId = restored.VolumeId, TargetPath = RestoredTarget });
        yield return async () => await daemon.Node.NodeUnstageVolumeAsync(new() { VolumeId = restored.VolumeId, StagingTargetPath = RestoredStaging });
        yield return async () => await daemon.Controller.DeleteVolumeAsync(new() { VolumeId = restored.VolumeId });
        yield return async () => await daemon.Controller.DeleteSnapshotAsync(new() { SnapshotId = snapshot.SnapshotId });
        yield return async () => await daemon.Node.NodeUnpublishVolumeAsync(new() { VolumeId = volume.VolumeId, TargetPath = Target });
        yield return async () => await daemon.Node.NodeUnstageVolumeAsync(new() { VolumeId = volume.VolumeId, StagingTargetPath = Staging });
        yield return async () => await daemon.Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });
    }

    /// <summary>Whoever has the volume open notices nothing.</summary>
    private void RequireData()
    {
        if (File.Exists(DataFile))
            Assert.Equal("kept", File.ReadAllText(DataFile));
    }

    private void RequireNothingLeft()
    {
        Assert.Empty(daemon.Mounts());
        Assert.Empty(daemon.LoopDevices());
        Assert.False(Path.Exists(Target));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(pool.Options.Path, "volumes")));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(pool.Options.Path, "snapshots")));
    }

    private async Task<T> KilledWhileCopyingAsync<T>(Func<AsyncUnaryCall<T>> copy)
    {
        var call = copy().ResponseAsync;
        while (!call.IsCompleted && (await daemon.Admin.ListTasksAsync(new())).Tasks.Count == 0)
            await Task.Yield();

        Assert.False(call.IsCompleted, "it was copied before it could be killed");
        await daemon.KillAsync();
        await call.ContinueWith(static _ => { }, TaskScheduler.Default);
        await daemon.StartAsync();
        return await RepeatAsync(async () => await copy());
    }

    private static Task<bool> RepeatAsync(Func<Task> step) => RepeatAsync(async () =>
    {
        await step();
        return true;
    });

    /// <summary>As a CO does: while the driver is at work on the volume, try again.</summary>
    private static async Task<T> RepeatAsync<T>(Func<Task<T>> step)
    {
        while (true)
        {
            try
            {
                return await step();
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Aborted)
            {
                await Task.Delay(20);
            }
        }
    }

    private static string Fill(string path)
    {
        var content = new byte[BigBytes];
        new Random(7).NextBytes(content);
        using var file = File.Open(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.Write(content);
        file.Flush(flushToDisk: true);
        return Convert.ToHexString(SHA256.HashData(content));
    }

    private static string DigestOf(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexString(SHA256.HashData(file));
    }
}
