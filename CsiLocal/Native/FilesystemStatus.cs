using System.Runtime.InteropServices;

namespace CsiLocal.Native;

/// <summary>What statfs(2) says of the file system that carries a path.</summary>
/// <param name="Magic">Its type, as in linux/magic.h.</param>
/// <param name="TotalBytes">Its size.</param>
/// <param name="AvailableBytes">Free to unprivileged users: what is set aside for root is not counted.</param>
/// <param name="ReadOnly">Mounted read-only.</param>
/// <param name="FreeBytes">Free, with what is set aside for root.</param>
/// <param name="Inodes">Inodes it has; 0 where it makes them as needed (btrfs).</param>
/// <param name="FreeInodes">Inodes left.</param>
internal readonly partial record struct FilesystemStatus(
    long Magic, long TotalBytes, long AvailableBytes, bool ReadOnly, long FreeBytes, long Inodes, long FreeInodes)
{
    private const long ReadOnlyFlag = 1; // ST_RDONLY

    /// <summary>"ext4", "xfs", "btrfs"; null for any other (ext2 and ext3 answer as ext4: the driver of the three is one).</summary>
    public string? PoolFilesystemName => Magic switch
    {
        0xEF53 => "ext4",
        0x58465342 => "xfs",
        0x9123683E => "btrfs",
        _ => null,
    };

    public static FilesystemStatus Of(string path) =>
        Statfs(path, out var raw) == 0
            ? new FilesystemStatus(
                raw.Type,
                raw.Blocks * raw.BlockSize,
                raw.Available * raw.BlockSize,
                (raw.Flags & ReadOnlyFlag) != 0,
                raw.Free * raw.BlockSize,
                raw.Files,
                raw.FreeFiles)
            : throw NativeException.Last("statfs", path);

    [LibraryImport("libc", EntryPoint = "statfs", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statfs(string path, out RawStatfs status);

    // struct statfs of 64-bit Linux: 120 bytes; a little room behind it costs nothing.
    [StructLayout(LayoutKind.Sequential, Size = 160)]
    private struct RawStatfs
    {
        public long Type;
        public long BlockSize;
        public long Blocks;
        public long Free;
        public long Available;
        public long Files;
        public long FreeFiles;
        public long Id;
        public long NameLength;
        public long FragmentSize;
        public long Flags;
    }
}
