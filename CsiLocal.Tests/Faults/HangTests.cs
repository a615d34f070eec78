using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using Csi.V1;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Faults;

public sealed class HangsOnImages : HangTests<ImagePool>;

public sealed class HangsOnThickLvm : HangTests<ThickLvmPool>;

public sealed class HangsOnThinLvm : HangTests<ThinLvmPool>;

/// <summary>A command that hangs holds up its own volume and nobody else (design §2.4, §2.6).</summary>
public abstract class HangTests<TPool> : FaultTest<TPool>
    where TPool : TestPool, new()
{
    private readonly TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact(Timeout = Limit)]
    public async Task While_one_mkfs_hangs_the_other_volumes_go_on()
    {
        var stuck = await CreateAsync("stuck");
        HangOnce("mkfs.ext4");
        var stage = Node.NodeStageVolumeAsync(Stage(stuck, StagingOf(stuck), Mount())).ResponseAsync;
        await reached.Task;

        var targets = await Task.WhenAll(Enumerable.Range(0, 8).Select(async i => await MountAsync(await CreateAsync($"other-{i}"))));

        Assert.Equal(9, (await Controller.ListVolumesAsync(new())).Entries.Count);
        Assert.True((await Controller.GetCapacityAsync(new())).AvailableCapacity > 0);
        foreach (var target in targets)
        {
            var id = Path.GetFileName(target)[..21];
            Assert.NotEmpty((await Node.NodeGetVolumeStatsAsync(new() { VolumeId = id, VolumePath = target })).Usage);
        }

        Assert.False(stage.IsCompleted);
        released.SetResult();
        await stage;
        Assert.Equal(9, Faults.Count("mkfs.ext4"));
    }

    [Fact(Timeout = Limit)]
    public async Task A_second_call_on_the_volume_is_ABORTED_at_once_and_says_what_runs()
    {
        var stuck = await CreateAsync("stuck");
        HangOnce("mkfs.ext4");
        var stage = Node.NodeStageVolumeAsync(Stage(stuck, StagingOf(stuck), Mount())).ResponseAsync;
        await reached.Task;

        await FailsAsync(StatusCode.Aborted, Node.NodeStageVolumeAsync(Stage(stuck, StagingOf(stuck), Mount())), stuck.VolumeId, "stage volume");
        await FailsAsync(StatusCode.Aborted, Node.NodeUnstageVolumeAsync(new() { VolumeId = stuck.VolumeId, StagingTargetPath = StagingOf(stuck) }));
        await FailsAsync(StatusCode.Aborted, Controller.DeleteVolumeAsync(new() { VolumeId = stuck.VolumeId }));
        await FailsAsync(
            StatusCode.Aborted,
            Controller.ControllerExpandVolumeAsync(new() { VolumeId = stuck.VolumeId, CapacityRange = new() { RequiredBytes = 64 * MiB } }));
        await FailsAsync(StatusCode.Aborted, Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = stuck.VolumeId }));
        await FailsAsync(StatusCode.Aborted, Controller.CreateVolumeAsync(Create("clone", Mount()).From(stuck)));

        released.SetResult();
        await stage;
        Assert.Equal(stuck, Assert.Single((await Controller.ListVolumesAsync(new())).Entries).Volume);
    }

    [Fact(Timeout = Limit)]
    public async Task A_deadline_ends_the_wait_and_not_the_work()
    {
        var stuck = await CreateAsync("stuck");
        HangOnce("mkfs.ext4");
        var deadline = TimeProvider.System.GetUtcNow().UtcDateTime.AddMilliseconds(500);
        await FailsAsync(StatusCode.DeadlineExceeded, Node.NodeStageVolumeAsync(Stage(stuck, StagingOf(stuck), Mount()), deadline: deadline));
        await reached.Task;

        await FailsAsync(StatusCode.Aborted, Node.NodeStageVolumeAsync(Stage(stuck, StagingOf(stuck), Mount())), "under way");
        released.SetResult();
        await UntilFreeAsync(() => Node.NodeStageVolumeAsync(Stage(stuck, StagingOf(stuck), Mount())));

        Write(Path.Combine(StagingOf(stuck), "file"), seed: 1);
        Assert.Equal(1, Faults.Count("mkfs.ext4"));
        Assert.Equal(1, Faults.Count("mount"));
    }

    [Fact(Timeout = Limit)]
    public async Task A_caller_that_goes_does_not_undo_a_hanging_unmount()
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume);
        HangOnce("umount");
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var request = new NodeUnpublishVolumeRequest { VolumeId = volume.VolumeId, TargetPath = target };
        var call = Node.NodeUnpublishVolumeAsync(request, cancellationToken: gone.Token);
        await reached.Task;

        await gone.CancelAsync();
        await FailsAsync(StatusCode.Cancelled, call);
        await FailsAsync(StatusCode.Aborted, Node.NodeUnpublishVolumeAsync(request));
        released.SetResult();

        await UntilFreeAsync(() => Node.NodeUnpublishVolumeAsync(request));
        Assert.False(Directory.Exists(target));
        await UnmountAsync(volume);
    }

    private void HangOnce(string program) => Faults.Once(program, async (_, run) =>
    {
        reached.SetResult();
        await released.Task;
        return await run();
    });
}
