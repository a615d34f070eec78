using CsiLocal.Native;

namespace CsiLocal.Filesystems;

/// <summary>How full a mounted file system is. One statfs, no process.</summary>
/// <param name="TotalBytes">What it can hold.</param>
/// <param name="UsedBytes">What is taken.</param>
/// <param name="AvailableBytes">What a workload without privileges may still take.</param>
/// <param name="TotalInodes">0 where the file system makes them as needed (btrfs).</param>
/// <param name="UsedInodes">Inodes taken.</param>
/// <param name="AvailableInodes">Inodes left.</param>
internal sealed record FilesystemUsage(
    long TotalBytes, long UsedBytes, long AvailableBytes, long TotalInodes, long UsedInodes, long AvailableInodes)
{
    /// <exception cref="NativeException">The path cannot be asked.</exception>
    public static FilesystemUsage Of(string path)
    {
        var status = FilesystemStatus.Of(path);
        return new FilesystemUsage(
            status.TotalBytes,
            status.TotalBytes - status.FreeBytes,
            status.AvailableBytes,
            status.Inodes,
            status.Inodes - status.FreeInodes,
            status.FreeInodes);
    }
}
