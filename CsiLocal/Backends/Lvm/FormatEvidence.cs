using CsiLocal.Filesystems;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>What the device itself says where tags may lag behind it: that it carries the file system it was to get.</summary>
internal static class FormatEvidence
{
    /// <summary>The record, Formatted where the file system with the minted UUID is on the device.</summary>
    /// <remarks>
    /// Each mkfs writes its superblock, or marks it complete, last; and no other file system has this UUID. Whatever else is there, or a
    /// device that cannot be read, leaves the record as the tags have it: before an mkfs the format interlock looks for itself.
    /// </remarks>
    public static VolumeRecord Apply(VolumeGroup group, LogicalVolume volume, VolumeRecord tagged)
    {
        if (tagged is not { Access: AccessType.Mount, State: VolumeState.Ready, Filesystem: { } type, FilesystemUuid: { } uuid }
            || tagged.Format == FormatState.Formatted)
        {
            return tagged;
        }

        try
        {
            return group.DeviceOf(volume) is { } device && Superblock.Read(group.Devices.NodeOf(device)) is { } found && (found.Type, found.Uuid) == (type, uuid)
                ? tagged with { Format = FormatState.Formatted }
                : tagged;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return tagged;
        }
    }
}
