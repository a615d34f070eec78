using CsiLocal.Volumes;

namespace CsiLocal.Filesystems;

/// <summary>The smallest device on which each file system can be made, in bytes.</summary>
internal static class FilesystemLimits
{
    private const long MiB = 1 << 20;

    public static long MinimumBytes(FilesystemType type) => type switch
    {
        // mke2fs 1.47 makes less, but without a journal below 2048 blocks.
        FilesystemType.Ext4 => 8 * MiB,

        // xfsprogs 5.19 and later refuse less ("Filesystem must be larger than 300MB").
        FilesystemType.Xfs => 300 * MiB,

        // btrfs-progs 6.2: 109 MiB with its defaults (metadata twice); 114294784 bytes.
        FilesystemType.Btrfs => 110 * MiB,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };
}
