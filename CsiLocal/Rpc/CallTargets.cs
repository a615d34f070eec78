using CsiLocal.Volumes;
using Proto = Csi.V1;

namespace CsiLocal.Rpc;

/// <summary>Which volume or snapshot a call is about, and whether it changes something: what the journal and the log need to know.</summary>
internal static class CallTargets
{
    /// <summary>The id that the call is about, as the journal has it; null where there is none.</summary>
    public static string? Of(object request) => request switch
    {
        Proto.CreateVolumeRequest r => VolumeId.Mint(r.Name).Value,
        Proto.CreateSnapshotRequest r => SnapshotId.Mint(r.Name).Value,
        Proto.DeleteVolumeRequest r => Safe(r.VolumeId),
        Proto.DeleteSnapshotRequest r => Safe(r.SnapshotId),
        Proto.GetSnapshotRequest r => Safe(r.SnapshotId),
        Proto.ControllerExpandVolumeRequest r => Safe(r.VolumeId),
        Proto.ControllerGetVolumeRequest r => Safe(r.VolumeId),
        Proto.ControllerGetVolumeHealthRequest r => Safe(r.VolumeId),
        Proto.ValidateVolumeCapabilitiesRequest r => Safe(r.VolumeId),
        Proto.NodeStageVolumeRequest r => Safe(r.VolumeId),
        Proto.NodeUnstageVolumeRequest r => Safe(r.VolumeId),
        Proto.NodePublishVolumeRequest r => Safe(r.VolumeId),
        Proto.NodeUnpublishVolumeRequest r => Safe(r.VolumeId),
        Proto.NodeExpandVolumeRequest r => Safe(r.VolumeId),
        Proto.NodeGetVolumeStatsRequest r => Safe(r.VolumeId),
        Proto.NodeGetVolumeHealthRequest r => Safe(r.VolumeId),
        Admin.V1.UndeleteVolumeRequest r => VolumeId.TryParse(r.Volume, out _) || TrashId.TryParse(r.Volume, out _)
            ? r.Volume
            : VolumeId.Mint(r.Volume).Value,
        Admin.V1.TakeOverPoolRequest r => Safe(r.Pool),
        Admin.V1.AdoptVolumeRequest r => AdoptionRequests.NameOf(r) is { } name ? VolumeId.Mint(name).Value : null,
        _ => null,
    };

    /// <summary>The target's name where the request itself has it.</summary>
    public static string? NameIn(object request) => request switch
    {
        Proto.CreateVolumeRequest r => Safe(r.Name),
        Proto.CreateSnapshotRequest r => Safe(r.Name),
        Admin.V1.AdoptVolumeRequest r => AdoptionRequests.NameOf(r) is { } name ? Safe(name) : null,
        _ => null,
    };

    /// <summary>Id of what the call reads from, to make a snapshot or a copy of it; null where it does not.</summary>
    public static string? SourceOf(object request) => request switch
    {
        Proto.CreateSnapshotRequest r => Safe(r.SourceVolumeId),
        Proto.CreateVolumeRequest { VolumeContentSource.Volume: { } source } => Safe(source.VolumeId),
        Proto.CreateVolumeRequest { VolumeContentSource.Snapshot: { } source } => Safe(source.SnapshotId),
        _ => null,
    };

    /// <summary>Whether the journal keeps the call. Reads are left out: COs poll them all day.</summary>
    public static bool Changes(string rpc) => rpc is
        "CreateVolume" or "DeleteVolume" or "ControllerExpandVolume" or "CreateSnapshot" or "DeleteSnapshot"
        or "NodeStageVolume" or "NodeUnstageVolume" or "NodePublishVolume" or "NodeUnpublishVolume" or "NodeExpandVolume"
        or "UndeleteVolume" or "AdoptVolume" or "EmptyTrash" or "Reload" or "Recover" or "TakeOverPool";

    private static string? Safe(string id) => id.Length == 0 ? null : FieldRules.Printable(id);
}
