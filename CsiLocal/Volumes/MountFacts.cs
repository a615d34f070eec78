using CsiLocal.Filesystems;
using CsiLocal.Native;

namespace CsiLocal.Volumes;

/// <summary>What the kernel says of a path: which mount is there, and whether it is the volume's own. Starts no process.</summary>
internal sealed class MountFacts(Func<IReadOnlyList<string>> publishRoots, Func<IReadOnlyList<string>> ownFolders)
{
    /// <summary>The rules for staging and target paths as configured now.</summary>
    public SafePaths Paths => new(publishRoots(), ownFolders());

    /// <summary>The topmost mount at a staging or target path; null where nothing is mounted, or nothing is there.</summary>
    /// <param name="path">As recorded, or as a request gave it.</param>
    /// <param name="field">The request's field, for the message.</param>
    public MountEntry? At(string path, string field = "path")
    {
        using var found = Paths.Find(field, path);
        return found is null || !found.Status.MayBeMountRoot ? null : MountTable.Read().FindAt(found.RealPath);
    }

    /// <summary>Whether the device is mounted, or its node is bound anywhere in this mount namespace.</summary>
    public static bool IsInUse(Attachment device)
    {
        var mounts = MountTable.Read();

        // A bound device node is a mount of devtmpfs: the table shows that one's number, only the target itself shows the device's.
        return mounts.OfDevice(device.DeviceNumber).Count > 0
            || mounts.OfDeviceNodes().Any(mount => FileStatus.Find(mount.Path) is { IsBlockDevice: true } node && node.DeviceNumber == device.DeviceNumber);
    }

    /// <summary>Numbers of the devices whose nodes are bound somewhere.</summary>
    public static IReadOnlySet<ulong> BoundDevices(MountTable mounts)
    {
        var numbers = new HashSet<ulong>();
        foreach (var mount in mounts.OfDeviceNodes())
        {
            if (FileStatus.Find(mount.Path) is { IsBlockDevice: true } node)
                numbers.Add(node.DeviceNumber);
        }

        return numbers;
    }

    /// <summary>Whether the mount shows the volume: its file system, its folder, or its device node.</summary>
    public static bool Shows(MountEntry mount, VolumeRecord record, Attachment attachment)
    {
        if (record.Access == AccessType.Mount && attachment.IsBlockDevice)
            return mount.Root == "/" && mount.IsOn(attachment.DeviceNumber);

        if (FileStatus.Find(mount.Path) is not { } there)
            return false;

        return attachment.IsBlockDevice
            ? there.IsBlockDevice && there.DeviceNumber == attachment.DeviceNumber
            : FileStatus.Find(attachment.Path) is { } folder && (there.Device, there.Inode) == (folder.Device, folder.Inode);
    }
}
