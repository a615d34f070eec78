using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using Csi.V1;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;
using Mode = Csi.V1.VolumeCapability.Types.AccessMode.Types.Mode;

namespace CsiLocal.Tests.Rpc;

public sealed class NodeRpcOnImages : NodeRpcTests<ImagePool>;

public sealed class NodeRpcOnReflinkImages : NodeRpcTests<XfsImagePool>;

public sealed class NodeRpcOnSubvolumes : NodeRpcTests<BtrfsDirectoryPool>;

public sealed class NodeRpcOnDirectories : NodeRpcTests<PlainDirectoryPool>;

[Trait("Vm", "yes")]
[Trait("Run", "long")]
public sealed class NodeRpcOnThickLvm : NodeRpcTests<ThickLvmPool>;

[Trait("Vm", "yes")]
[Trait("Run", "long")]
public sealed class NodeRpcOnThinLvm : NodeRpcTests<ThinLvmPool>;

[Trait("Needs", "vm")]
[Trait("Run", "long")]
public sealed class NodeRpcOnXfsQuota : NodeRpcTests<XfsQuotaDirectoryPool>;

[Trait("Needs", "vm")]
[Trait("Run", "long")]
public sealed class NodeRpcOnExt4Quota : NodeRpcTests<Ext4QuotaDirectoryPool>;

/// <summary>Stage, unstage, publish, unpublish, stats, growth: mounted volumes on every kind of pool.</summary>
public abstract class NodeRpcTests<TPool> : DriverTest<TPool>
    where TPool : TestPool, new()
{
    [Fact(Timeout = Limit)]
    public async Task Data_survives_unpublish_unstage_restart_and_publish_at_another_place()
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume);
        Write(Path.Combine(target, "file"), seed: 1);
        var digest = Digest(Path.Combine(target, "file"));
        await UnmountAsync(volume, target);
        await Driver.RestartAsync();

        var again = await MountAsync(volume, name: "elsewhere");

        Assert.Equal(digest, Digest(Path.Combine(again, "file")));
        Assert.False(Directory.Exists(target), "the target path was not removed");
    }

    [Fact(Timeout = Limit)]
    public async Task Each_call_may_be_repeated()
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume);
        await MountAsync(volume);
        Assert.Equal(1, MountTable.Read().CountAt(target));

        await UnmountAsync(volume, target);
        await UnmountAsync(volume, target);

        Assert.Equal(0, MountTable.Read().CountAt(StagingOf(volume)));
        Assert.Equal(0, MountTable.Read().CountAt(target));
    }

    [Fact(Timeout = Limit)]
    public async Task A_mounted_volume_survives_a_restart_of_the_driver()
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume);
        Write(Path.Combine(target, "file"), seed: 1);

        await Driver.RestartAsync();

        Write(Path.Combine(target, "more"), seed: 2);
        await MountAsync(volume);
        await UnmountAsync(volume, target);
    }

    [Fact(Timeout = Limit)]
    public async Task Several_targets_share_one_stage_with_SINGLE_NODE_MULTI_WRITER()
    {
        var volume = await CreateAsync(Create("data", Mount(Mode.SingleNodeMultiWriter)));
        var one = await MountAsync(volume, Mount(Mode.SingleNodeMultiWriter), "one");
        var two = await MountAsync(volume, Mount(Mode.SingleNodeMultiWriter), "two");

        Write(Path.Combine(one, "file"), seed: 1);

        Assert.Equal(Digest(Path.Combine(one, "file")), Digest(Path.Combine(two, "file")));
        await FailsAsync(
            StatusCode.FailedPrecondition,
            Node.NodeUnstageVolumeAsync(new() { VolumeId = volume.VolumeId, StagingTargetPath = StagingOf(volume) }), one, two);
        await UnmountAsync(volume, one, two);
    }

    [Theory(Timeout = Limit)]
    [InlineData(nameof(Mode.SingleNodeWriter))]
    [InlineData(nameof(Mode.SingleNodeSingleWriter))]
    [InlineData(nameof(Mode.SingleNodeReaderOnly))]
    public async Task The_other_modes_allow_one_target(string name)
    {
        var mode = Enum.Parse<Mode>(name);
        var volume = await CreateAsync(Create("data", Mount(mode)));
        var one = await MountAsync(volume, Mount(mode), "one");
        var two = Driver.PathOf("two");

        await FailsAsync(
            StatusCode.FailedPrecondition, Node.NodePublishVolumeAsync(Publish(volume, StagingOf(volume), two, Mount(mode))), one);

        Assert.False(Directory.Exists(two));
    }

    [Fact(Timeout = Limit)]
    public async Task A_published_target_with_another_capability_is_ALREADY_EXISTS()
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume);

        await FailsAsync(
            StatusCode.AlreadyExists, Node.NodePublishVolumeAsync(Publish(volume, StagingOf(volume), target, Mount(), readOnly: true)));
        await FailsAsync(
            StatusCode.AlreadyExists, Node.NodePublishVolumeAsync(Publish(volume, StagingOf(volume), target, Mount(Mode.SingleNodeMultiWriter))));
        await FailsAsync(
            StatusCode.AlreadyExists, Node.NodeStageVolumeAsync(Stage(volume, StagingOf(volume), Mount(Mode.SingleNodeMultiWriter))));
    }

    [Fact(Timeout = Limit)]
    public async Task Publish_without_stage_is_FAILED_PRECONDITION()
    {
        var volume = await CreateAsync("data");
        var target = Driver.PathOf("target");

        await FailsAsync(StatusCode.FailedPrecondition, Node.NodePublishVolumeAsync(Publish(volume, StagingOf(volume), target, Mount())), "staged");
        await FailsAsync(StatusCode.FailedPrecondition, Node.NodePublishVolumeAsync(Publish(volume, "", target, Mount())), "staging_target_path");
        Assert.False(Directory.Exists(target));
    }

    [Fact(Timeout = Limit)]
    public async Task A_read_only_target_refuses_writes()
    {
        var volume = await CreateAsync("data");
        await Node.NodeStageVolumeAsync(Stage(volume, StagingOf(volume), Mount()));
        var target = Driver.PathOf("target");
        await Node.NodePublishVolumeAsync(Publish(volume, StagingOf(volume), target, Mount(), readOnly: true));

        Assert.Throws<IOException>(() => Write(Path.Combine(target, "file"), seed: 1));
        Write(Path.Combine(StagingOf(volume), "file"), seed: 1);
        await UnmountAsync(volume, target);
    }

    [Fact(Timeout = Limit)]
    public async Task Mount_flags_are_honoured_and_unknown_ones_refused()
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume, Mount(Mode.SingleNodeWriter, "", "noatime", "nosuid"));

        Assert.True(MountTable.Read().FindAt(target)!.HasOption("nosuid"));
        Assert.True(MountTable.Read().FindAt(target)!.HasOption("noatime"));
        foreach (var flag in new[] { "bind", "remount", "loop", "x-mount.mkdir", "exec,suid", "nosuch" })
        {
            await FailsAsync(
                StatusCode.InvalidArgument,
                Node.NodeStageVolumeAsync(Stage(volume, StagingOf(volume), Mount(Mode.SingleNodeWriter, "", flag))), "mount_flags");
        }
    }

    [Fact(Timeout = Limit)]
    public async Task Volumes_that_do_not_exist_are_NOT_FOUND()
    {
        var missing = new Volume { VolumeId = CsiLocal.Volumes.VolumeId.Mint("never").Value };
        var path = Driver.PathOf("x");

        await FailsAsync(StatusCode.NotFound, Node.NodeStageVolumeAsync(Stage(missing, path, Mount())));
        await FailsAsync(StatusCode.NotFound, Node.NodeUnstageVolumeAsync(new() { VolumeId = missing.VolumeId, StagingTargetPath = path }));
        await FailsAsync(StatusCode.NotFound, Node.NodePublishVolumeAsync(Publish(missing, path, path + "2", Mount())));
        await FailsAsync(StatusCode.NotFound, Node.NodeUnpublishVolumeAsync(new() { VolumeId = missing.VolumeId, TargetPath = path }));
        await FailsAsync(StatusCode.NotFound, Node.NodeGetVolumeStatsAsync(new() { VolumeId = missing.VolumeId, VolumePath = path }));
        await FailsAsync(StatusCode.NotFound, Node.NodeExpandVolumeAsync(new() { VolumeId = missing.VolumeId, VolumePath = path }));
        await FailsAsync(StatusCode.NotFound, Node.NodeGetVolumeHealthAsync(new() { VolumeId = missing.VolumeId }));
        Assert.False(Directory.Exists(path));
    }

    [Fact(Timeout = Limit)]
    public async Task Stats_tell_bytes_and_inodes_and_NOT_FOUND_where_the_volume_is_not()
    {
        var volume = await CreateAsync("data", 64 * MiB);
        var target = await MountAsync(volume);
        var before = await StatsAsync(volume, target);
        Write(Path.Combine(target, "file"), seed: 1, bytes: 8 << 20);
        HostCommand.Run("sync", "-f", target);

        var after = await StatsAsync(volume, target);

        var bytes = after.Usage.Single(static usage => usage.Unit == VolumeUsage.Types.Unit.Bytes);
        if (Pool.HardLimit)
        {
            // Without a limit of its own a directory shows the host's whole file system, which others use as well.
            Assert.InRange(bytes.Used - before.Usage.Single(static usage => usage.Unit == VolumeUsage.Types.Unit.Bytes).Used, 7 * MiB, 10 * MiB);
            Assert.InRange(bytes.Total, 40 * MiB, 64 * MiB);
        }

        Assert.False(after.VolumeCondition.Abnormal);
        Assert.Equal(bytes.Total, (await StatsAsync(volume, StagingOf(volume))).Usage[0].Total);
        await FailsAsync(
            StatusCode.NotFound, Node.NodeGetVolumeStatsAsync(new() { VolumeId = volume.VolumeId, VolumePath = Driver.PathOf("nowhere") }), "volume_path");
    }

    [Theory(Timeout = Limit)]
    [InlineData("ext4", 64, 128)]
    [InlineData("xfs", 320, 640)]
    [InlineData("btrfs", 160, 320)]
    public async Task A_published_volume_grows_while_it_is_used(string filesystem, int before, int after)
    {
        var capability = Mount(Mode.SingleNodeWriter, Pool.IsBlock ? filesystem : "");
        var volume = await CreateAsync(Create("data", capability, before * MiB));
        var target = await MountAsync(volume, capability);
        Write(Path.Combine(target, "file"), seed: 1);
        var digest = Digest(Path.Combine(target, "file"));
        var answer = await Controller.ControllerExpandVolumeAsync(
            new() { VolumeId = volume.VolumeId, CapacityRange = new() { RequiredBytes = after * MiB } });

        if (answer.NodeExpansionRequired)
            target = await GrowOnNodeAsync(volume, target, filesystem, after * MiB);

        Assert.Equal(digest, Digest(Path.Combine(target, "file")));
        if (Pool.HardLimit)
        {
            Assert.InRange((await StatsAsync(volume, target)).Usage[0].Total, (before + 1) * MiB, after * MiB);
            Write(Path.Combine(target, "more"), seed: 2, bytes: (before + 8) << 20);
        }
    }

    /// <summary>Grows while mounted; where the kernel forbids that to this process, the refusal says so and the next stage grows it.</summary>
    private async Task<string> GrowOnNodeAsync(Volume volume, string target, string filesystem, long bytes)
    {
        var request = new NodeExpandVolumeRequest { VolumeId = volume.VolumeId, VolumePath = target };
        if (filesystem == "ext4" && !ProcessCapabilities.Has(ProcessCapabilities.SysResource))
        {
            await FailsAsync(StatusCode.FailedPrecondition, Node.NodeExpandVolumeAsync(request), "CAP_SYS_RESOURCE");
            await UnmountAsync(volume, target);
            return await MountAsync(volume);
        }

        Assert.Equal(bytes, (await Node.NodeExpandVolumeAsync(request)).CapacityBytes);
        Assert.Equal(bytes, (await Node.NodeExpandVolumeAsync(request)).CapacityBytes);
        return target;
    }

    [Fact(Timeout = Limit)]
    public async Task The_size_of_a_volume_is_a_hard_limit()
    {
        if (!Pool.HardLimit)
            return; // Asked for: quota none.

        var target = await MountAsync(await CreateAsync("data", 32 * MiB));

        if (Pool.LimitsRoot)
            Assert.Matches("space|quota", Assert.ThrowsAny<IOException>(() => Write(Path.Combine(target, "file"), seed: 1, bytes: 48 << 20)).Message);

        File.SetUnixFileMode(target, (UnixFileMode)0b111_111_111);
        using var writer = HostCommand.Start(
            "setpriv", "--reuid=65534", "--clear-groups", "dd", "if=/dev/zero", $"of={Path.Combine(target, "nobodys")}", "bs=1M", "count=48");
        Assert.Matches("space|quota", await writer.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    [Fact(Timeout = Limit)]
    public async Task NodeExpand_beyond_the_volume_is_OUT_OF_RANGE()
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume);

        await FailsAsync(StatusCode.OutOfRange, Node.NodeExpandVolumeAsync(
            new() { VolumeId = volume.VolumeId, VolumePath = target, CapacityRange = new() { RequiredBytes = 1L << 40 } }));
        await FailsAsync(StatusCode.NotFound, Node.NodeExpandVolumeAsync(new() { VolumeId = volume.VolumeId, VolumePath = Driver.PathOf("nowhere") }));
    }

    [Fact(Timeout = Limit)]
    public async Task A_busy_target_stays_published_and_the_holder_is_named()
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume);
        using (File.Create(Path.Combine(target, "open")))
        {
            await FailsAsync(
                StatusCode.FailedPrecondition, Node.NodeUnpublishVolumeAsync(new() { VolumeId = volume.VolumeId, TargetPath = target }),
                Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        await UnmountAsync(volume, target);
    }

    [Fact(Timeout = Limit)]
    public async Task What_is_mounted_by_others_at_a_target_is_left_alone()
    {
        var volume = await CreateAsync("data");
        await Node.NodeStageVolumeAsync(Stage(volume, StagingOf(volume), Mount()));
        var target = Driver.PathOf("target");
        Directory.CreateDirectory(target);
        HostCommand.Run("mount", "-t", "tmpfs", "foreign", target);

        await FailsAsync(StatusCode.FailedPrecondition, Node.NodePublishVolumeAsync(Publish(volume, StagingOf(volume), target, Mount())), target);
        await FailsAsync(
            StatusCode.FailedPrecondition, Node.NodeUnpublishVolumeAsync(new() { VolumeId = volume.VolumeId, TargetPath = target }), target);

        Assert.Equal("tmpfs", MountTable.Read().FindAt(target)!.Filesystem);
    }

    [Fact(Timeout = Limit)]
    public async Task The_node_tells_its_id_its_topology_and_what_it_can_do()
    {
        var info = await Node.NodeGetInfoAsync(new());
        var capabilities = (await Node.NodeGetCapabilitiesAsync(new())).Capabilities.Select(static capability => capability.Rpc.Type).ToArray();

        Assert.Equal("node-a", info.NodeId);
        Assert.Equal("node-a", info.AccessibleTopology.Segments["topology.local.csilocal.dev/node"]);
        Assert.Contains(NodeServiceCapability.Types.RPC.Types.Type.StageUnstageVolume, capabilities);
        Assert.Equal(Pool.IsBlock, capabilities.Contains(NodeServiceCapability.Types.RPC.Types.Type.ExpandVolume));
        Assert.Empty((await Node.NodeGetStorageHealthAsync(new())).BackendHealth);
    }

    private async Task<NodeGetVolumeStatsResponse> StatsAsync(Volume volume, string path) =>
        await Node.NodeGetVolumeStatsAsync(new() { VolumeId = volume.VolumeId, VolumePath = path });
}
