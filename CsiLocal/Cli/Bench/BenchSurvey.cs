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
        var services = plugin.Capabilities.Where(c => c.Service is not null).Select(c => c.Service.Type).ToHashSet();
        if (!services.Contains(PluginService.ControllerService))
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

        var controllerRpcs = controller.Capabilities.Where(c => c.Rpc is not null).Select(c => c.Rpc.Type).ToHashSet();
        var nodeRpcs = node.Capabilities.Where(c => c.Rpc is not null).Select(c => c.Rpc.Type).ToHashSet();
        return new BenchTarget
        {
            Driver = info.Name,
            Version = info.VendorVersion,
            NodeId = nodeInfo.NodeId,
            Topology = services.Contains(PluginService.VolumeAccessibilityConstraints) ? nodeInfo.AccessibleTopology : null,
            ControllerPublish = controllerRpcs.Contains(ControllerRpc.PublishUnpublishVolume),
            Stage = nodeRpcs.Contains(NodeRpc.StageUnstageVolume),
            Stats = nodeRpcs.Contains(NodeRpc.GetVolumeStats),
        };
    }
}
