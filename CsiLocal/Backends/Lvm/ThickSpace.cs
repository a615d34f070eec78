using CsiLocal.Configuration;

namespace CsiLocal.Backends.Lvm;

/// <summary>How a thick volume lies on the devices.</summary>
/// <param name="Stripes">Data stripes.</param>
/// <param name="CostBytes">What it takes from the volume group, copies, parity and metadata included.</param>
internal sealed record ThickFit(int Stripes, long CostBytes);

/// <summary>What layouts cost (lvmraid(7)): each image of a RAID volume lies on a device of its own. Pure.</summary>
internal sealed class ThickSpace(LvmPoolOptions options, long extentBytes)
{
    private const long MiB = 1 << 20;

    /// <summary>Whole extents on each stripe, as lvcreate rounds ("Rounding size up to stripe boundary").</summary>
    /// <param name="devices">Devices that may be allocated from.</param>
    public long RoundUp(long bytes, int devices)
    {
        var unit = extentBytes * Widest(devices);
        return checked((Math.Max(1, bytes) + unit - 1) / unit * unit);
    }

    /// <summary>Bytes of the largest volume that there is room for; 0 where there is none.</summary>
    /// <param name="freeByDevice">Free bytes of each device.</param>
    public long Available(IReadOnlyList<long> freeByDevice)
    {
        var best = 0L;
        for (var stripes = Widest(freeByDevice.Count); stripes >= Narrowest; stripes--)
            best = Math.Max(best, LargestImage(freeByDevice, stripes) * stripes);
        return best;
    }

    /// <summary>On as many stripes as there is room for; where there is none, as LVM will find out, on as many as there are devices.</summary>
    public ThickFit Fit(long bytes, IReadOnlyList<long> freeByDevice)
    {
        var widest = Widest(freeByDevice.Count);
        for (var stripes = widest; stripes >= Narrowest; stripes--)
        {
            if (ImageBytes(bytes, stripes) <= LargestImage(freeByDevice, stripes))
                return new ThickFit(stripes, Cost(bytes, stripes));
        }

        return new ThickFit(widest, Cost(bytes, widest));
    }

    /// <summary>Devices that a volume needs at least.</summary>
    public int LeastDevices => options.Layout == LvmLayout.Linear ? 1 : Images(Narrowest);

    /// <summary>As many as were asked for, or as the devices allow within the limits of LVM: 128 stripes, 64 images of a RAID volume.</summary>
    private int Widest(int devices)
    {
        if (options.Stripes is { } asked && options.Layout is not (LvmLayout.Linear or LvmLayout.Raid1))
            return asked;

        return options.Layout switch
        {
            LvmLayout.Linear or LvmLayout.Raid1 => 1,
            LvmLayout.Striped => Math.Clamp(devices, 2, 128),
            LvmLayout.Raid5 => Math.Clamp(devices - 1, 2, 63),
            LvmLayout.Raid6 => Math.Clamp(devices - 2, 3, 62),
            LvmLayout.Raid10 => Math.Clamp(devices / options.Copies, 2, 32),
            _ => throw new InvalidOperationException($"layout {options.Layout}"),
        };
    }

    private int Narrowest => options.Stripes ?? options.Layout switch
    {
        LvmLayout.Linear or LvmLayout.Raid1 => 1,
        LvmLayout.Raid6 => 3,
        _ => 2,
    };

    private int Images(int stripes) => options.Layout switch
    {
        LvmLayout.Linear or LvmLayout.Striped => stripes,
        LvmLayout.Raid1 => options.Copies,
        LvmLayout.Raid5 => stripes + 1,
        LvmLayout.Raid6 => stripes + 2,
        LvmLayout.Raid10 => stripes * options.Copies,
        _ => throw new InvalidOperationException($"layout {options.Layout}"),
    };

    /// <summary>Data bytes that each image can hold at most.</summary>
    private long LargestImage(IReadOnlyList<long> freeByDevice, int stripes)
    {
        // A linear volume takes the devices one after the other.
        if (options.Layout == LvmLayout.Linear)
        {
            var sum = 0L;
            foreach (var free in freeByDevice)
                sum += free / extentBytes * extentBytes;
            return sum;
        }

        var images = Images(stripes);
        if (freeByDevice.Count < images)
            return 0;

        long[] sorted = [.. freeByDevice];
        Array.Sort(sorted);
        var room = sorted[^images] / extentBytes * extentBytes;
        return options.Layout == LvmLayout.Striped ? LargestStripe(sorted, stripes) : Math.Max(0, room - Overhead(room)) / extentBytes * extentBytes;
    }

    /// <summary>Stripes, which need not survive anything, go on elsewhere when a device is full: LVM always takes the devices with most room.</summary>
    private long LargestStripe(long[] free, int stripes)
    {
        var length = 0L;
        while (true)
        {
            Array.Sort(free);
            var part = free[^stripes] / extentBytes * extentBytes;
            if (part == 0)
                return length;
            for (var i = 1; i <= stripes; i++)
                free[^i] -= part;
            length += part;
        }
    }

    private long ImageBytes(long bytes, int stripes) => (((bytes + stripes - 1) / stripes) + extentBytes - 1) / extentBytes * extentBytes;

    private long Cost(long bytes, int stripes)
    {
        var image = ImageBytes(bytes, stripes);
        return checked(Images(stripes) * (image + Overhead(image)));
    }

    /// <summary>What an image takes beyond its data.</summary>
    private long Overhead(long imageBytes)
    {
        if (options.Layout is LvmLayout.Linear or LvmLayout.Striped)
            return 0;

        // One extent says what is in sync (lvm2, lv_manip.c, raid metadata area). Checksums: 4 MiB for each 500 MiB, and 4 to 64 MiB for
        // the journal (integrity_manip.c).
        var journal = imageBytes > 4096 * MiB ? 64 * MiB : Math.Max(4 * MiB, (imageBytes + 127) / 128);
        var checksums = options.Integrity ? (((imageBytes / (500 * MiB)) + 1) * 4 * MiB) + journal : 0;
        return extentBytes + ((checksums + extentBytes - 1) / extentBytes * extentBytes);
    }
}
