using CsiLocal.Volumes;
using Proto = Csi.V1;
using ControllerType = Csi.V1.ControllerServiceCapability.Types.RPC.Types.Type;
using NodeType = Csi.V1.NodeServiceCapability.Types.RPC.Types.Type;
using PluginType = Csi.V1.PluginCapability.Types.Service.Types.Type;

namespace CsiLocal.Rpc;

/// <summary>What is advertised: derived from the mode and from the backends of the configured pools.</summary>
internal sealed class CapabilitySet(PoolRegistry pools)
{
    public static IEnumerable<Proto.PluginCapability> Plugin()
    {
        PluginType[] services = [PluginType.ControllerService, PluginType.VolumeAccessibilityConstraints];
        foreach (var type in services)
            yield return new Proto.PluginCapability { Service = new() { Type = type } };

        yield return new Proto.PluginCapability
        {
            VolumeExpansion = new() { Type = Proto.PluginCapability.Types.VolumeExpansion.Types.Type.Online },
        };
    }

    public static IEnumerable<Proto.ControllerServiceCapability> Controller()
    {
        // Every backend there is serves all of these.
        ControllerType[] types =
        [
            ControllerType.CreateDeleteVolume, ControllerType.ListVolumes, ControllerType.GetCapacity,
            ControllerType.CreateDeleteSnapshot, ControllerType.ListSnapshots, ControllerType.GetSnapshot,
            ControllerType.CloneVolume, ControllerType.ExpandVolume, ControllerType.ListVolumesPublishedNodes,
            ControllerType.GetVolume, ControllerType.SingleNodeMultiWriter, ControllerType.VolumeCondition,
            ControllerType.GetVolumeHealth, ControllerType.ListVolumeHealth,
        ];
        foreach (var type in types)
            yield return new Proto.ControllerServiceCapability { Rpc = new() { Type = type } };
    }

    public IEnumerable<Proto.NodeServiceCapability> Node()
    {
        NodeType[] types =
        [
            NodeType.StageUnstageVolume, NodeType.GetVolumeStats, NodeType.VolumeCondition, NodeType.SingleNodeMultiWriter,
            NodeType.GetVolumeHealth, NodeType.GetStorageHealth,
        ];
        foreach (var type in types)
            yield return new Proto.NodeServiceCapability { Rpc = new() { Type = type } };

        // Directories grow with their limit; only a file system of its own has to be grown on the node.
        if (pools.All.Any(static pool => pool.Backend.Features.OwnFilesystem))
            yield return new Proto.NodeServiceCapability { Rpc = new() { Type = NodeType.ExpandVolume } };
    }
}
