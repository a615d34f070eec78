namespace CsiLocal.Volumes;

/// <summary>A volume made reachable on this node.</summary>
/// <param name="Path">The block device (<c>/dev/loop7</c>) or the directory.</param>
/// <param name="IsBlockDevice">What <paramref name="Path"/> is.</param>
/// <param name="DeviceNumber">Block device: its number as in <c>st_rdev</c>; directory: that of its file system, <c>st_dev</c>.</param>
/// <param name="SizeBytes">Block device: its size, for the interlock; directory: 0.</param>
internal sealed record Attachment(string Path, bool IsBlockDevice, ulong DeviceNumber, long SizeBytes);
