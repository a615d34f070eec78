using System.Numerics;
using CsiLocal.Configuration;

namespace CsiLocal.Backends.Lvm;

/// <summary>What an image of a RAID volume takes beyond its data, in extents: its part of the RAID metadata, and its checksums. Pure.</summary>
internal sealed class RaidOverhead(LvmPoolOptions options, long extentBytes)
{
    private const long MiB = 1 << 20;
    private const long RegionBytes = 2 * MiB; // DEFAULT_RAID_REGION_SIZE
    private const long MaxRegions = 1 << 21; // raid_ensure_min_region_size: as many as md's bitmap can have
    private const int SectorBytes = 512;

    /// <summary>The smallest image that can be made: with large extents the checksums of a small one are less than an extent, and lvcreate fails.</summary>
    public long LeastImage { get; } = FindLeastImage(options.Integrity, extentBytes);

    /// <summary>Of an image with so much data, in a volume of so many stripes.</summary>
    public long Extents(long image, int stripes) => Metadata(image, stripes) + (options.Integrity ? Checksums(image, extentBytes) : 0);

    /// <summary>The most data for which so much room does, on one device; 0 where none does.</summary>
    public long Data(long room, int stripes)
    {
        var (low, high) = (0L, Math.Max(0, room - 1));
        while (low < high)
        {
            var middle = low + ((high - low + 1) / 2);
            if (middle + (options.Integrity ? Checksums(middle, extentBytes) : 0) < room)
                low = middle;
            else
                high = middle - 1;
        }

        // The metadata does not grow steadily, since its regions double in size; it is small.
        while (low > 0 && low + Extents(low, stripes) > room)
            low--;

        return low < LeastImage ? 0 : low;
    }

    /// <summary>_raid_rmeta_extents: two superblocks and a bit for each region.</summary>
    private long Metadata(long image, int stripes)
    {
        var volume = (ulong)(image * stripes * extentBytes);
        var region = (ulong)RegionBytes;

        // adjusted_mirror_region_size
        if (volume < region)
            region = 1UL << BitOperations.Log2(Math.Max(1, volume));
        while (region < volume / MaxRegions)
            region *= 2;

        // raid_rimage_extents counts all copies of RAID 10 as one image.
        var copies = options.Layout == LvmLayout.Raid10 ? (ulong)options.Copies : 1;
        var regions = (ulong)(image * extentBytes) * copies / region;
        var sectors = DivideUp(8192 + DivideUp((long)regions, 8), SectorBytes);
        return DivideUp(sectors, extentBytes / SectorBytes);
    }

    /// <summary>_lv_size_bytes_to_integrity_meta_bytes: 4 MiB for each 500 MiB begun, and a journal; of that, whole extents.</summary>
    private static long Checksums(long image, long extentBytes)
    {
        var bytes = image * extentBytes;
        var journal = bytes switch
        {
            <= 512 * MiB => 4 * MiB,
            <= 1024 * MiB => 8 * MiB,
            <= 4096 * MiB => 32 * MiB,
            _ => 64 * MiB,
        };
        return ((((bytes / (500 * MiB)) + 1) * 4 * MiB) + journal) / extentBytes;
    }

    private static long FindLeastImage(bool integrity, long extentBytes)
    {
        var image = 1L;
        while (integrity && Checksums(image, extentBytes) == 0)
            image++;

        return image;
    }

    private static long DivideUp(long value, long by) => (value + by - 1) / by;
}
