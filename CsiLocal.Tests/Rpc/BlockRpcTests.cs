using CsiLocal.Native;
using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using Csi.V1;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;
using Mode = Csi.V1.VolumeCapability.Types.AccessMode.Types.Mode;

namespace CsiLocal.Tests.Rpc;

public sealed class BlockRpcOnImages : BlockRpcTests<ImagePool>;

public sealed class BlockRpcOnReflinkImages : BlockRpcTests<XfsImagePool>;

[Trait("Vm", "yes")]
[Trait("Run", "long")]
public sealed class BlockRpcOnThickLvm : BlockRpcTests<ThickLvmPool>;

[Trait("Vm", "yes")]
[Trait("Run", "long")]
public sealed class BlockRpcOnThinLvm : BlockRpcTests<ThinLvmPool>;

/// <summary>Raw block volumes: the target is the device, and nothing but the device.</summary>
public abstract class BlockRpcTests<TPool> : DriverTest<TPool>
    where TPool : TestPool, new()
{
    private static VolumeCapability Shared => Block(Mode.SingleNodeMultiWriter);

    [Fact(Timeout = Limit)]
    public async Task The_device_keeps_its_bytes_over_restart_unstage_and_another_target()
    {
        var volume = await CreateBlockAsync("raw");
        var target = await MountAsync(volume, Block());
        Write(target, seed: 1);
        var digest = Digest(target);

        await Driver.RestartAsync();
        Assert.Equal(digest, Digest(target));
        await UnmountAsync(volume, target);
        Assert.False(File.Exists(target));
        Assert.Empty(Driver.Mounts());
        Assert.Empty(Pool.DevicesInUse());

        var elsewhere = await MountAsync(volume, Block(), "elsewhere");
        Assert.Equal(digest, Digest(elsewhere));
        Assert.Equal(32 * MiB, SizeOf(elsewhere));
    }

    [Fact(Timeout = Limit)]
    public async Task A_new_volume_reads_zeros_also_where_another_of_that_name_was_deleted()
    {
        var old = await CreateBlockAsync("raw");
        var target = await MountAsync(old, Block());
        Write(target, seed: 2, bytes: 32 << 20);
        await UnmountAsync(old, target);
        await Controller.DeleteVolumeAsync(new() { VolumeId = old.VolumeId });

        target = await MountAsync(await CreateBlockAsync("raw"), Block());

        var content = new byte[32 << 20];
        using var device = File.OpenRead(target);
        device.ReadExactly(content);
        Assert.Equal(-1, content.AsSpan().IndexOfAnyExcept((byte)0));
    }

    [Fact(Timeout = Limit)]
    public async Task A_read_only_target_cannot_be_written_while_the_other_can()
    {
        var volume = await CreateBlockAsync("raw", Shared);
        var writable = await MountAsync(volume, Shared, "writable");
        Write(writable, seed: 3);
        var readOnly = Driver.PathOf("read-only");
        await Node.NodePublishVolumeAsync(Publish(volume, StagingOf(volume), readOnly, Shared, readOnly: true));

        Assert.ThrowsAny<SystemException>(() => Write(readOnly, seed: 4));
        Assert.Equal("1", HostCommand.Run("blockdev", "--getro", readOnly).Trim());
        Assert.Equal(Digest(writable), Digest(readOnly));
        Write(writable, seed: 5);
        await UnmountAsync(volume, readOnly, writable);
        Assert.Empty(Pool.DevicesInUse());
    }

    [Fact(Timeout = Limit)]
    public async Task A_volume_staged_for_reading_has_a_device_that_cannot_be_written()
    {
        var capability = Block(Mode.SingleNodeReaderOnly);
        var target = await MountAsync(await CreateBlockAsync("raw", capability), capability);

        Assert.ThrowsAny<SystemException>(() => Write(target, seed: 3));
        Assert.Equal("1", HostCommand.Run("blockdev", "--getro", target).Trim());
    }

    [Fact(Timeout = Limit)]
    public async Task Several_targets_show_one_device_and_only_with_SINGLE_NODE_MULTI_WRITER()
    {
        var volume = await CreateBlockAsync("raw", Shared);
        var one = await MountAsync(volume, Shared, "one");
        var two = Driver.PathOf("two");
        await Node.NodePublishVolumeAsync(Publish(volume, StagingOf(volume), two, Shared));
        Write(one, seed: 6);

        Assert.Equal(Digest(one), Digest(two));
        await Driver.RestartAsync();
        await Node.NodeUnpublishVolumeAsync(new() { VolumeId = volume.VolumeId, TargetPath = one });
        Assert.False(File.Exists(one));
        Write(two, seed: 7);
        await UnmountAsync(volume, two);

        one = await MountAsync(volume, Block(), "one");
        await FailsAsync(StatusCode.FailedPrecondition, Node.NodePublishVolumeAsync(Publish(volume, StagingOf(volume), two, Block())), one);
        Assert.False(File.Exists(two));
    }

    [Fact(Timeout = Limit)]
    public async Task Repeated_calls_change_nothing()
    {
        var volume = await CreateBlockAsync("raw");
        var target = await MountAsync(volume, Block());
        Write(target, seed: 8);
        var digest = Digest(target);

        await MountAsync(volume, Block());
        Assert.Equal(digest, Digest(target));
        Assert.Single(Driver.Mounts());
        Assert.Equal(Pool.MakesDevices ? 1 : 0, Pool.DevicesInUse().Count);
        await UnmountAsync(volume, target, target);
        await UnmountAsync(volume);
    }

    [Fact(Timeout = Limit)]
    public async Task A_published_device_grows_without_a_call_on_the_node()
    {
        var volume = await CreateBlockAsync("raw", Shared);
        var target = await MountAsync(volume, Shared);
        var readOnly = Driver.PathOf("read-only");
        await Node.NodePublishVolumeAsync(Publish(volume, StagingOf(volume), readOnly, Shared, readOnly: true));
        Write(target, seed: 9);
        var digest = Digest(target);

        var request = new ControllerExpandVolumeRequest
        {
            VolumeId = volume.VolumeId,
            CapacityRange = new() { RequiredBytes = 48 * MiB },
            VolumeCapability = Shared,
        };
        if (!Pool.GrowsWhilePublished)
        {
            await FailsAsync(StatusCode.FailedPrecondition, Controller.ControllerExpandVolumeAsync(request), "zeroed", "npublish");
            Assert.Equal(32 * MiB, SizeOf(target));
            return;
        }

        var answer = await Controller.ControllerExpandVolumeAsync(request);

        Assert.False(answer.NodeExpansionRequired);
        Assert.Equal(48 * MiB, SizeOf(target));
        Assert.Equal(48 * MiB, SizeOf(readOnly));
        Assert.Equal(48 * MiB, (await Node.NodeExpandVolumeAsync(new() { VolumeId = volume.VolumeId, VolumePath = target })).CapacityBytes);
        Assert.Equal(digest, Digest(target));
        Write(target, seed: 10, bytes: 48 << 20);
    }

    [Fact(Timeout = Limit)]
    public async Task Stats_tell_the_size_of_the_device()
    {
        var volume = await CreateBlockAsync("raw");
        var target = await MountAsync(volume, Block());

        var usage = Assert.Single((await Node.NodeGetVolumeStatsAsync(new() { VolumeId = volume.VolumeId, VolumePath = target })).Usage);

        Assert.Equal(VolumeUsage.Types.Unit.Bytes, usage.Unit);
        Assert.Equal(32 * MiB, usage.Total);
    }

    [Fact(Timeout = Limit)]
    public async Task Block_and_mount_are_not_mixed_up()
    {
        var raw = await CreateBlockAsync("raw");
        var mounted = await CreateAsync("mounted");

        await FailsAsync(StatusCode.FailedPrecondition, Node.NodeStageVolumeAsync(Stage(raw, StagingOf(raw), Mount())), "block volume");
        await FailsAsync(StatusCode.FailedPrecondition, Node.NodeStageVolumeAsync(Stage(mounted, StagingOf(mounted), Block())), "mount volume");
        await Node.NodeStageVolumeAsync(Stage(raw, StagingOf(raw), Block()));
        await FailsAsync(
            StatusCode.FailedPrecondition, Node.NodePublishVolumeAsync(Publish(raw, StagingOf(raw), Driver.PathOf("target"), Mount())), "block volume");
        var target = Driver.PathOf("folder");
        Directory.CreateDirectory(target);
        await FailsAsync(StatusCode.InvalidArgument, Node.NodePublishVolumeAsync(Publish(raw, StagingOf(raw), target, Block())), "target_path", "file");
        Assert.False(Path.Exists(Driver.PathOf("target")));
    }

    [Fact(Timeout = Limit)]
    public async Task A_device_in_use_is_snapshotted_in_an_instant_or_not_at_all()
    {
        var volume = await CreateBlockAsync("raw");
        var target = await MountAsync(volume, Block());
        Write(target, seed: 11);
        var digest = Digest(target);
        var request = new CreateSnapshotRequest { Name = "s", SourceVolumeId = volume.VolumeId };
        if (!Pool.SnapshotsWhilePublished)
        {
            await FailsAsync(StatusCode.FailedPrecondition, Controller.CreateSnapshotAsync(request), "raw block");
            Assert.Empty((await Controller.ListSnapshotsAsync(new())).Entries);
            Assert.Empty(Pool.Snapshots());
            await UnmountAsync(volume, target);
        }

        var snapshot = (await Controller.CreateSnapshotAsync(request)).Snapshot;
        if (!Pool.SnapshotsWhilePublished)
            target = await MountAsync(volume, Block());

        Write(target, seed: 12);
        var restored = await MountAsync(await CreateAsync(Create("restored", Block()).From(snapshot)), Block());

        Assert.Equal(digest, Digest(restored));
        Assert.NotEqual(digest, Digest(target));
        await FailsAsync(StatusCode.InvalidArgument, Controller.CreateVolumeAsync(Create("mounted", Mount()).From(snapshot)), "block");
    }

    private Task<Volume> CreateBlockAsync(string name, VolumeCapability? capability = null) => CreateAsync(Create(name, capability ?? Block()));

    private static long SizeOf(string path)
    {
        using var device = BlockDevice.Open(path);
        return device.SizeBytes;
    }
}

public sealed class BlockRpcOnDirectories : DriverTest<PlainDirectoryPool>
{
    [Fact(Timeout = Limit)]
    public async Task Directories_have_no_raw_block_volumes()
    {
        await FailsAsync(StatusCode.InvalidArgument, Controller.CreateVolumeAsync(Create("raw", Block())), "volume_capabilities", "folders");

        Assert.Empty((await Controller.ListVolumesAsync(new())).Entries);
    }
}
