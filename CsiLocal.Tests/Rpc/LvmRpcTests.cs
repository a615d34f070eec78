using System.Globalization;
using CsiLocal.Backends.Lvm;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using CsiLocal.Tools;
using Csi.V1;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;
using Mode = Csi.V1.VolumeCapability.Types.AccessMode.Types.Mode;

namespace CsiLocal.Tests.Rpc;

[Trait("Vm", "yes")]
public sealed class LvmRpcOnThick : LvmRpcTests<ThickLvmPool>;

[Trait("Vm", "yes")]
public sealed class LvmRpcOnThin : LvmRpcTests<ThinLvmPool>;

/// <summary>What only pools of logical volumes have to prove: how few processes there are, tags, devices held open, and what was on the blocks before.</summary>
public abstract class LvmRpcTests<TPool> : DriverTest<TPool>
    where TPool : LvmPool, new()
{
    private readonly CommandFaults commands = new();

    private protected override void Prepare(TestDriver driver) => driver.Seams = new() { Commands = commands.Wrap };

    [Fact(Timeout = Limit)]
    public async Task Publish_stats_lists_health_and_capacity_start_no_lvm_process_nor_does_time()
    {
        var volume = await CreateAsync("data");
        var capability = Mount(Mode.SingleNodeMultiWriter);
        var target = await MountAsync(volume, capability);
        await SettleAsync();
        commands.Commands.Clear();

        var second = Driver.PathOf("second");
        await Node.NodePublishVolumeAsync(Publish(volume, StagingOf(volume), second, capability));
        await Node.NodeGetVolumeStatsAsync(new() { VolumeId = volume.VolumeId, VolumePath = second });
        await Node.NodeGetVolumeHealthAsync(new() { VolumeId = volume.VolumeId });
        await Node.NodeGetStorageHealthAsync(new());
        await Controller.ListVolumesAsync(new());
        await Controller.GetCapacityAsync(new());
        await Controller.ControllerGetVolumeAsync(new() { VolumeId = volume.VolumeId });
        await Controller.ControllerListVolumeHealthAsync(new());
        await UnmountAsync(volume, second, target);
        await MountAsync(volume, capability);
        await Task.Delay(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);

        Assert.Empty(Lvm());
    }

    [Fact(Timeout = Limit)]
    public async Task A_volume_costs_one_lvm_process_to_make_one_to_delete_and_one_report()
    {
        await SettleAsync();
        commands.Commands.Clear();

        var volume = await CreateAsync("data");
        await SettleAsync();
        Assert.Equal(["lvcreate", "fullreport"], Lvm());
        commands.Commands.Clear();
        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });
        await SettleAsync();
        Assert.Equal(["lvremove", "fullreport"], Lvm());
    }

    [Fact(Timeout = Limit)]
    public async Task Eight_volumes_at_once_cost_one_report_together()
    {
        await SettleAsync();
        commands.Commands.Clear();

        await Task.WhenAll(Enumerable.Range(0, 8).Select(n => CreateAsync($"data{n}", 16 * MiB)));
        await SettleAsync();

        Assert.Equal(8, commands.CountLvm("lvcreate"));
        Assert.InRange(commands.CountLvm("fullreport"), 1, Machine.IsVm ? 8 : 2);
        Assert.Equal(8, Pool.Volumes().Count);
    }

    [Fact(Timeout = Limit)]
    public async Task The_tags_say_all_that_the_driver_has_to_know()
    {
        var request = Create("pvc-ä, or so", Mount(filesystem: "ext4"));
        request.Parameters["mkfsOptions"] = "-m 0";
        var volume = (await Controller.CreateVolumeAsync(request)).Volume;
        var tags = Pool.World.TagsOf(volume.VolumeId);

        Assert.All(tags, static tag => Assert.StartsWith("csilocal.", tag, StringComparison.Ordinal));
        Assert.All(tags, static tag => Assert.InRange(tag.Length, 1, 1024));
        Assert.InRange(tags.Sum(static tag => tag.Length), 1, 400);
        Assert.True(LvTags.AreOurs(tags));
    }

    [Fact(Timeout = Limit)]
    public async Task Tags_that_somebody_removed_are_told_and_the_volume_is_neither_used_nor_removed()
    {
        var volume = await CreateAsync("data");
        Pool.World.RemoveTags(volume.VolumeId);
        await Driver.RestartAsync();

        var health = (await Controller.ControllerGetVolumeHealthAsync(new() { VolumeId = volume.VolumeId })).VolumeHealth.HealthStatuses;
        Assert.Contains(health, static status => status.Message.Contains("tags", StringComparison.Ordinal));
        await FailsAsync(StatusCode.DataLoss, Node.NodeStageVolumeAsync(Stage(volume, StagingOf(volume), Mount())), volume.VolumeId);
        await FailsAsync(StatusCode.DataLoss, Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId }), "tags");
        Assert.Equal([volume.VolumeId], Pool.Volumes());
    }

    [Theory(Timeout = Limit)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_device_that_is_held_open_is_not_unstaged_and_its_holder_is_named(bool block)
    {
        var capability = block ? Block() : Mount();
        var volume = await CreateAsync(Create("data", capability));
        var target = await MountAsync(volume, capability);
        await Node.NodeUnpublishVolumeAsync(new() { VolumeId = volume.VolumeId, TargetPath = target });
        var unstage = new NodeUnstageVolumeRequest { VolumeId = volume.VolumeId, StagingTargetPath = StagingOf(volume) };

        using (File.Open(Pool.ContentOf(volume.VolumeId), FileMode.Open, FileAccess.Read, FileShare.ReadWrite))
        {
            await FailsAsync(StatusCode.FailedPrecondition, Node.NodeUnstageVolumeAsync(unstage), Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            await FailsAsync(StatusCode.FailedPrecondition, Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId }));
        }

        await Node.NodeUnstageVolumeAsync(unstage);
        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });
        Assert.Empty(Pool.Volumes());
    }

    [Fact(Timeout = Limit)]
    public async Task What_a_raw_volume_grows_by_reads_zeros()
    {
        var volume = await CreateAsync(Create("data", Block()));
        var old = await CreateAsync(Create("old", Block(), 64 * MiB));
        var target = await MountAsync(old, Block());
        Write(target, seed: 1, bytes: 64 << 20);
        await UnmountAsync(old, target);
        await Controller.DeleteVolumeAsync(new() { VolumeId = old.VolumeId });

        await Controller.ControllerExpandVolumeAsync(new() { VolumeId = volume.VolumeId, CapacityRange = new() { RequiredBytes = 96 * MiB } });

        var content = await File.ReadAllBytesAsync(await MountAsync(volume, Block()));
        Assert.Equal(96 << 20, content.Length);
        Assert.Equal(-1, content.AsSpan().IndexOfAnyExcept((byte)0));
    }

    [Theory(Timeout = Limit)]
    [InlineData("ext4", 32)]
    [InlineData("xfs", 320)]
    [InlineData("btrfs", 160)]
    public async Task A_volume_that_was_formatted_while_its_tags_could_not_be_written_is_not_formatted_again(string filesystem, int sizeMiB)
    {
        commands.Around = static (command, run) => command.Program == "lvm" && command.Arguments[0] == "lvchange"
            ? Task.FromResult(new ToolOutput(5, "", "  not now\n"))
            : run();
        var capability = Mount(filesystem: filesystem);
        var volume = await CreateAsync(Create("data", capability, sizeMiB * MiB));
        var target = await MountAsync(volume, capability);
        Write(Path.Combine(target, "file"), seed: 2);
        var digest = Digest(Path.Combine(target, "file"));
        await UnmountAsync(volume, target);
        await Driver.StopAsync();
        Directory.Delete(Driver.StateDirectory, recursive: true);
        commands.Heal();
        await Driver.StartAsync();

        Assert.Equal(volume, Assert.Single((await Controller.ListVolumesAsync(new())).Entries).Volume);
        target = await MountAsync(volume, capability);

        Assert.Equal(digest, Digest(Path.Combine(target, "file")));
        Assert.Equal(1, commands.Count($"mkfs.{filesystem}"));
    }

    /// <summary>lvm commands since the last look.</summary>
    private IReadOnlyList<string> Lvm() => [.. commands.Commands.Where(static command => command.Program == "lvm").Select(static command => command.Arguments[0])];

    /// <summary>Waits for what is done late: tags five seconds, a report two seconds after the last change.</summary>
    private async Task SettleAsync()
    {
        for (var (seen, quiet) = (-1, 0); quiet < 8; quiet++)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
            if (commands.Commands.Count != seen)
                (seen, quiet) = (commands.Commands.Count, 0);
        }
    }
}
