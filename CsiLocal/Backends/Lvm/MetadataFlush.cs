using CsiLocal.Native;

namespace CsiLocal.Backends.Lvm;

/// <summary>Makes durable what LVM has written about a volume group.</summary>
/// <remarks>LVM writes its metadata past the page cache, and never tells a disk to empty its own cache: a power cut can take back what lvcreate or lvremove had reported as done.</remarks>
internal static class MetadataFlush
{
    /// <param name="devices">The physical volumes. One that is missing or fails is left to those who read it: LVM has written to the others.</param>
    public static void Run(IReadOnlyList<string> devices)
    {
        foreach (var path in devices)
        {
            try
            {
                using var device = BlockDevice.Open(path, BlockOpen.Read);
                device.Flush();
            }
            catch (NativeException)
            {
                // Said above.
            }
        }
    }
}
