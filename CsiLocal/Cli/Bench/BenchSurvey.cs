using CsiLocal.Cli.Daemon;
using Proto = Csi.V1;
using ControllerRpc = Csi.V1.ControllerServiceCapability.Types.RPC.Types.Type;
using NodeRpc = Csi.V1.NodeServiceCapability.Types.RPC.Types.Type;
using PluginService = Csi.V1.PluginCapability.Types.Service.Types.Type;

namespace CsiLocal.Cli.Bench;

/// <summary>Asks an endpoint what it is and what it offers.</summary>
internal static class BenchSurvey
{
    /// <exception cref="CliException">The endpoint does not answer, or cannot create volumes.</exception>
    public static async Task<BenchTarget> AskAsync(DaemonClient endpoint, CancellationToken cancellationToken)
    {
        var info = await endpoint.CallAsync(
            call => endpoint.Identity.GetPluginInfoAsync(new Proto.GetPluginInfoRequest(), call), cancellationToken);
        var plugin = await endpoint.CallAsync(
            call => endpoint.Identity.GetPluginCapabilitiesAsync(new Proto.GetPluginCapabilitiesRequest(), call), cancellationToken);
        if (!HasService(PluginService.ControllerService))
            throw new CliException(ExitCode.Precondition,
                $"{info.Name} at {endpoint.Endpoint} has no controller service: it cannot create volumes",
                "name an endpoint that serves controller and node");

        var controller = await endpoint.CallAsync(
            call => endpoint.Controller.ControllerGetCapabilitiesAsync(new Proto.ControllerGetCapabilitiesRequest(), call),
            cancellationToken);
        var node = await endpoint.CallAsync(
            call => endpoint.Node.NodeGetCapabilitiesAsync(new Proto.NodeGetCapabilitiesRequest(), call), cancellationToken);
        var nodeInfo = await endpoint.CallAsync(
            call => endpoint.Node.NodeGetInfoAsync(new Proto.NodeGetInfoRequest(), call), cancellationToken);

        return new BenchTarget
        {
            Driver = info.Name,
            Version = info.VendorVersion,
            NodeId = nodeInfo.NodeId,
            Topology = HasService(PluginService.VolumeAccessibilityConstraints) ? nodeInfo.AccessibleTopology : null,
            ControllerPublish = HasController(ControllerRpc.PublishUnpublishVolume),
            List = HasController(ControllerRpc.ListVolumes),
            Capacity = HasController(ControllerRpc.GetCapacity),
            GetVolume = HasController(ControllerRpc.GetVolume),
            Stage = HasNode(NodeRpc.StageUnstageVolume),
            Stats = HasNode(NodeRpc.GetVolumeStats),
        };

        bool HasService(PluginService type) => plugin.Capabilities.Any(capability => capability.Service?.Type == type);

        bool HasController(ControllerRpc type) => controller.Capabilities.Any(capability => capability.Rpc?.Type == type);

        bool HasNode(NodeRpc type) => node.Capabilities.Any(capability => capability.Rpc?.Type == type);
    }
}
