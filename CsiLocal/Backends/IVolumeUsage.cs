using CsiLocal.Volumes;

namespace CsiLocal.Backends;

/// <summary>A volume's own numbers in bytes.</summary>
/// <param name="TotalBytes">Its size.</param>
/// <param name="UsedBytes">What it holds, as its limit counts it.</param>
/// <param name="AvailableBytes">What can still be written: to its limit, or to the end of the pool's file system.</param>
internal sealed record VolumeUsage(long TotalBytes, long UsedBytes, long AvailableBytes);

/// <summary>A backend whose volumes statfs does not tell the truth about: there it sees the pool's whole file system.</summary>
internal interface IVolumeUsage
{
    /// <summary>The volume's numbers, or null where statfs on the mounted volume says it right. Starts no process.</summary>
    VolumeUsage? MeasureUsage(VolumeRecord volume);
}
