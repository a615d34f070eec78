using CsiLocal.Volumes;

namespace CsiLocal.Backends.Images;

/// <summary>The sizes that images come in. Pure.</summary>
internal static class ImageSize
{
    private const long MiB = 1 << 20;

    /// <summary>Images are whole MiB: whole blocks of every file system and every sector size.</summary>
    public static long RoundUp(long requiredBytes)
    {
        var atLeast = Math.Max(requiredBytes, MinimumBytes(null));
        return checked((atLeast + MiB - 1) / MiB * MiB);
    }

    /// <summary>The smallest device that mkfs makes a usable file system on; null: raw block.</summary>
    /// <remarks>
    /// ext4: 1 MiB will do for mke2fs 1.47, but then without a journal. xfs: refused below 300 MiB since xfsprogs 5.19 (mkfs.xfs(8)).
    /// btrfs: 109 MiB in btrfs-progs 6.2 with its default duplicated metadata, rounded up for other versions.
    /// </remarks>
    public static long MinimumBytes(FilesystemType? filesystem) => filesystem switch
    {
        null or FilesystemType.Ext4 => 16 * MiB,
        FilesystemType.Xfs => 300 * MiB,
        FilesystemType.Btrfs => 128 * MiB,
        _ => throw new ArgumentOutOfRangeException(nameof(filesystem), filesystem, null),
    };
}
