using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>The active device of a logical volume, for work on its blocks.</summary>
internal static class VolumeDevice
{
    /// <exception cref="StorageException">Unavailable: it is not active.</exception>
    public static Attachment Require(string attempted, VolumeGroup group, LogicalVolume volume) => group.DeviceOf(volume) is { } device
        ? Describe(group, device)
        : throw new StorageException(
            StorageError.Unavailable, $"{attempted}: {group.Name}/{volume.Name} is not active", "try again; see who deactivates it (lvchange, vgchange)");

    public static Attachment Describe(VolumeGroup group, DmDevice device) =>
        new(group.Devices.NodeOf(device), IsBlockDevice: true, device.DeviceNumber, device.SizeBytes);
}
