using CsiLocal.Configuration;
using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Images;

/// <summary>How much an image pool can still promise.</summary>
internal static class ImageSpace
{
    /// <summary>One statfs and one stat for each volume; no process.</summary>
    public static PoolSpace Measure(
        PoolOptions options,
        Func<VolumeId, ImageFile> imageOf,
        IReadOnlyCollection<VolumeRecord> volumes,
        IReadOnlyCollection<SnapshotRecord> snapshots)
    {
        var filesystem = FilesystemStatus.Of(options.Path);
        var free = filesystem.AvailableBytes - options.ReserveBytes;
        var beyondReal = (long)((options.Overprovision - 1) * filesystem.TotalBytes);
        var promised = volumes.Sum(volume => Promised(volume, imageOf(volume.Id))) + snapshots.Sum(Promised);
        return new PoolSpace(filesystem.TotalBytes, free, checked(free + beyondReal - promised));
    }

    /// <summary>What it may still take: up to its size (or that it is growing to), and a copy of its own of what it shares.</summary>
    private static long Promised(VolumeRecord volume, ImageFile image)
    {
        // What is being deleted takes nothing more, and gives its blocks back to statfs by itself.
        if (volume.State == VolumeState.Deleting)
            return 0;
        var size = Math.Max(volume.SizeBytes, volume.PendingSizeBytes ?? 0);
        return Math.Max(0, size - Allocated(image)) + volume.SharedBytes;
    }

    /// <summary>Snapshots are not written to. While one is still being copied, SharedBytes is what was reserved for it.</summary>
    private static long Promised(SnapshotRecord snapshot) => snapshot.State == SnapshotState.Deleting ? 0 : snapshot.SharedBytes;

    private static long Allocated(ImageFile image) => FileStatus.Find(image.Path)?.AllocatedBytes ?? 0;
}
