using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using CsiLocal.Tools;
using Csi.V1;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;
using ControllerType = Csi.V1.ControllerServiceCapability.Types.RPC.Types.Type;
using NodeType = Csi.V1.NodeServiceCapability.Types.RPC.Types.Type;

namespace CsiLocal.Tests.Rpc;

public sealed class CapabilityRpcOnImages : CapabilityRpcTests<ImagePool>;

public sealed class CapabilityRpcOnDirectories : CapabilityRpcTests<PlainDirectoryPool>;

[Trait("Vm", "yes")]
[Trait("Run", "long")]
public sealed class CapabilityRpcOnThickLvm : CapabilityRpcTests<ThickLvmPool>;

[Trait("Vm", "yes")]
[Trait("Run", "long")]
public sealed class CapabilityRpcOnThinLvm : CapabilityRpcTests<ThinLvmPool>;

/// <summary>What is advertised is served, what is not is UNIMPLEMENTED; what is called often starts no process.</summary>
public abstract class CapabilityRpcTests<TPool> : DriverTest<TPool>
    where TPool : TestPool, new()
{
    private readonly CommandFaults commands = new();

    private protected override void Prepare(TestDriver driver) => driver.Seams = new() { Commands = commands.Wrap };

    [Fact(Timeout = Limit)]
    public async Task Every_advertised_RPC_is_served_and_no_other()
    {
        var controller = (await Controller.ControllerGetCapabilitiesAsync(new())).Capabilities.Select(static capability => capability.Rpc.Type).ToHashSet();
        var node = (await Node.NodeGetCapabilitiesAsync(new())).Capabilities.Select(static capability => capability.Rpc.Type).ToHashSet();

        await RequireAsync(true, Controller.ValidateVolumeCapabilitiesAsync(new()));
        await RequireAsync(controller.Contains(ControllerType.CreateDeleteVolume), Controller.CreateVolumeAsync(new()));
        await RequireAsync(controller.Contains(ControllerType.CreateDeleteVolume), Controller.DeleteVolumeAsync(new()));
        await RequireAsync(controller.Contains(ControllerType.PublishUnpublishVolume), Controller.ControllerPublishVolumeAsync(new()));
        await RequireAsync(controller.Contains(ControllerType.PublishUnpublishVolume), Controller.ControllerUnpublishVolumeAsync(new()));
        await RequireAsync(controller.Contains(ControllerType.ListVolumes), Controller.ListVolumesAsync(new()));
        await RequireAsync(controller.Contains(ControllerType.GetCapacity), Controller.GetCapacityAsync(new()));
        await RequireAsync(controller.Contains(ControllerType.CreateDeleteSnapshot), Controller.CreateSnapshotAsync(new()));
        await RequireAsync(controller.Contains(ControllerType.CreateDeleteSnapshot), Controller.DeleteSnapshotAsync(new()));
        await RequireAsync(controller.Contains(ControllerType.ListSnapshots), Controller.ListSnapshotsAsync(new()));
        await RequireAsync(controller.Contains(ControllerType.GetSnapshot), Controller.GetSnapshotAsync(new()));
        await RequireAsync(controller.Contains(ControllerType.ExpandVolume), Controller.ControllerExpandVolumeAsync(new()));
        await RequireAsync(controller.Contains(ControllerType.GetVolume), Controller.ControllerGetVolumeAsync(new()));
        await RequireAsync(controller.Contains(ControllerType.ModifyVolume), Controller.ControllerModifyVolumeAsync(new()));
        await RequireAsync(controller.Contains(ControllerType.GetVolumeHealth), Controller.ControllerGetVolumeHealthAsync(new()));
        await RequireAsync(controller.Contains(ControllerType.ListVolumeHealth), Controller.ControllerListVolumeHealthAsync(new()));

        await RequireAsync(true, Node.NodePublishVolumeAsync(new()));
        await RequireAsync(true, Node.NodeUnpublishVolumeAsync(new()));
        await RequireAsync(true, Node.NodeGetInfoAsync(new()));
        await RequireAsync(node.Contains(NodeType.StageUnstageVolume), Node.NodeStageVolumeAsync(new()));
        await RequireAsync(node.Contains(NodeType.StageUnstageVolume), Node.NodeUnstageVolumeAsync(new()));
        await RequireAsync(node.Contains(NodeType.GetVolumeStats), Node.NodeGetVolumeStatsAsync(new()));
        await RequireAsync(node.Contains(NodeType.GetVolumeHealth), Node.NodeGetVolumeHealthAsync(new()));
        await RequireAsync(node.Contains(NodeType.GetStorageHealth), Node.NodeGetStorageHealthAsync(new()));

        // A pool kind that needs no growth on the node does not have it; with an image pool beside it the driver does.
        if (node.Contains(NodeType.ExpandVolume))
            await RequireAsync(true, Node.NodeExpandVolumeAsync(new()));
    }

    [Fact(Timeout = Limit)]
    public async Task Services_that_are_not_advertised_are_UNIMPLEMENTED()
    {
        var plugin = (await Driver.Identity.GetPluginCapabilitiesAsync(new())).Capabilities;
        using var channel = CsiLocal.Grpc.GrpcChannel.ForAddress(Driver.Endpoint);
        var calls = channel.CreateCallInvoker();

        Assert.DoesNotContain(plugin, static capability => capability.Service?.Type == PluginCapability.Types.Service.Types.Type.GroupControllerService);
        var groups = new GroupController.GroupControllerClient(calls);
        await RequireAsync(false, groups.GroupControllerGetCapabilitiesAsync(new()));
        await RequireAsync(false, groups.CreateVolumeGroupSnapshotAsync(new()));
        await RequireAsync(false, groups.DeleteVolumeGroupSnapshotAsync(new()));
        await RequireAsync(false, groups.GetVolumeGroupSnapshotAsync(new()));
        Assert.DoesNotContain(plugin, static capability => capability.Service?.Type == PluginCapability.Types.Service.Types.Type.SnapshotMetadataService);
    }

    [Fact(Timeout = Limit)]
    public async Task Eight_calls_for_one_name_make_one_volume()
    {
        var request = Create("data", Mount());

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            try
            {
                return (await Controller.CreateVolumeAsync(request)).Volume;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Aborted)
            {
                return null;
            }
        }));

        var made = answers.OfType<Volume>().ToArray();
        Assert.NotEmpty(made);
        Assert.Equal(Assert.Single((await Controller.ListVolumesAsync(new())).Entries).Volume, Assert.Single(made.Distinct()));
    }

    [Fact(Timeout = Limit)]
    public async Task Publish_stats_lists_and_capacity_start_no_process_and_unpublish_one()
    {
        var volume = await CreateAsync("data");
        var capability = Mount(VolumeCapability.Types.AccessMode.Types.Mode.SingleNodeMultiWriter);
        var target = await MountAsync(volume, capability);
        commands.Commands.Clear();

        var second = Driver.PathOf("second");
        await Node.NodePublishVolumeAsync(Publish(volume, StagingOf(volume), second, capability));
        await Node.NodePublishVolumeAsync(Publish(volume, StagingOf(volume), second, capability));
        await Node.NodeStageVolumeAsync(Stage(volume, StagingOf(volume), capability));
        await Node.NodeGetVolumeStatsAsync(new() { VolumeId = volume.VolumeId, VolumePath = second });
        await Node.NodeGetVolumeHealthAsync(new() { VolumeId = volume.VolumeId });
        await Node.NodeGetStorageHealthAsync(new());
        await Controller.ListVolumesAsync(new());
        await Controller.ListSnapshotsAsync(new());
        await Controller.GetCapacityAsync(new());
        await Controller.ControllerGetVolumeAsync(new() { VolumeId = volume.VolumeId });
        await CreateAsync("data");
        Assert.Empty(Started());

        await Node.NodeUnpublishVolumeAsync(new() { VolumeId = volume.VolumeId, TargetPath = second });
        Assert.Equal("umount", Assert.Single(Started()).Program);
        await UnmountAsync(volume, target);
    }

    /// <summary>But what the driver does between calls: one report soon after changes, and tags that may be written late. How many those are is another test's.</summary>
    private IEnumerable<ToolCommand> Started() =>
        commands.Commands.Where(static command => command.Program != "lvm" || command.Arguments[0] is not ("fullreport" or "lvchange"));

    private static async Task RequireAsync<T>(bool served, AsyncUnaryCall<T> call)
    {
        using (call)
        {
            var status = StatusCode.OK;
            try
            {
                await call;
            }
            catch (RpcException e)
            {
                status = e.StatusCode;
            }

            Assert.True(served != (status == StatusCode.Unimplemented), $"{typeof(T).Name}: {status}, advertised: {served}");
        }
    }
}
