using CsiLocal.Configuration;

namespace CsiLocal.Backends.Lvm;

/// <summary>How a thick volume lies on the devices.</summary>
/// <param name="Stripes">Data stripes.</param>
/// <param name="CostBytes">What it takes from the volume group, copies, parity and metadata included.</param>
internal sealed record ThickFit(int Stripes, long CostBytes);

/// <summary>What layouts cost, and how large a volume there is room for, as lvm2's allocator has it (lib/metadata/lv_manip.c, raid_manip.c). Pure.</summary>
/// <remarks>
/// Counts free extents for each device, not where they lie: on devices whose free space is in pieces a RAID or striped volume may turn
/// out not to fit, and LVM then says so.
/// </remarks>
internal sealed class ThickSpace(LvmPoolOptions options, long extentBytes)
{
    private const int MaxStripes = 128; // MAX_STRIPES
    private const int MaxImages = 64; // DEFAULT_RAID_MAX_IMAGES

    private readonly RaidOverhead? _raid = options.Layout is LvmLayout.Linear or LvmLayout.Striped ? null : new RaidOverhead(options, extentBytes);

    /// <summary>Whole extents on each stripe, as lvcreate rounds ("Rounding size up to stripe boundary").</summary>
    /// <param name="devices">Devices that may be allocated from.</param>
    public long RoundUp(long bytes, int devices)
    {
        var stripes = Widest(devices);
        return checked(ImageExtents(bytes, stripes) * stripes * extentBytes);
    }

    /// <summary>Bytes of the largest volume that there is room for; 0 where there is none.</summary>
    /// <param name="freeByDevice">Free bytes of each device.</param>
    public long Available(IReadOnlyList<long> freeByDevice)
    {
        var free = Descending(freeByDevice);
        var best = 0L;
        for (var stripes = Widest(free.Length); stripes >= Narrowest; stripes--)
            best = Math.Max(best, LargestImage(free, stripes) * stripes);

        return best * extentBytes;
    }

    /// <summary>On as many stripes as there is room for; where there is none, as LVM will find out, on as many as there are devices.</summary>
    public ThickFit Fit(long bytes, IReadOnlyList<long> freeByDevice)
    {
        var free = Descending(freeByDevice);
        for (var stripes = Widest(free.Length); stripes >= Narrowest; stripes--)
        {
            if (ImageExtents(bytes, stripes) <= LargestImage(free, stripes))
                return new ThickFit(stripes, Cost(bytes, stripes));
        }

        var widest = Widest(free.Length);
        return new ThickFit(widest, Cost(bytes, widest));
    }

    /// <summary>Devices that a volume needs at least.</summary>
    public int LeastDevices => Images(Narrowest);

    /// <summary>As many as were asked for, or as the devices allow within the limits of LVM.</summary>
    private int Widest(int devices) => options.Layout switch
    {
        LvmLayout.Linear or LvmLayout.Raid1 => 1,
        _ when options.Stripes is { } asked => asked,
        LvmLayout.Striped => Math.Clamp(devices, Narrowest, MaxStripes),
        LvmLayout.Raid5 => Math.Clamp(devices - 1, Narrowest, MaxImages - 1),
        LvmLayout.Raid6 => Math.Clamp(devices - 2, Narrowest, MaxImages - 2),
        LvmLayout.Raid10 => Math.Clamp(devices / options.Copies, Narrowest, MaxImages / options.Copies),
        _ => throw new InvalidOperationException($"layout {options.Layout}"),
    };

    private int Narrowest => options.Layout switch
    {
        LvmLayout.Linear or LvmLayout.Raid1 => 1,
        _ when options.Stripes is { } asked => asked,
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

    private long ImageExtents(long bytes, int stripes)
    {
        var unit = checked(extentBytes * stripes);
        return Math.Max((Math.Max(1, bytes) - 1) / unit + 1, _raid?.LeastImage ?? 1);
    }

    private long Cost(long bytes, int stripes)
    {
        var image = ImageExtents(bytes, stripes);
        return checked(Images(stripes) * (image + (_raid?.Extents(image, stripes) ?? 0)) * extentBytes);
    }

    /// <summary>Data extents of each image of the largest volume.</summary>
    private long LargestImage(long[] free, int stripes)
    {
        var images = Images(stripes);
        if (free.Length < images)
            return 0;

        return options.Layout switch
        {
            // One device after the other.
            LvmLayout.Linear => Sum(free),
            LvmLayout.Striped => LargestStripe(free, stripes),

            // Each image on one device, no device with two of them (--alloc cling): the last of the largest devices says how much.
            _ => _raid!.Data(free[images - 1], stripes),
        };
    }

    /// <summary>Segment after segment on as many devices as there are stripes: those with most free space, but the ones already used while enough of them have some.</summary>
    /// <remarks>_find_max_parallel_space_for_one_policy with ALLOC_NORMAL and maximise_cling; the policies before it end with its first segment.</remarks>
    private static long LargestStripe(long[] free, int stripes)
    {
        var left = (long[])free.Clone();
        var used = new bool[left.Length];
        var extents = 0L;
        while (Take(onlyUsed: true) || Take(onlyUsed: false))
        {
        }

        return extents;

        bool Take(bool onlyUsed)
        {
            var chosen = new int[stripes];
            for (var i = 0; i < stripes; i++)
            {
                var most = -1;
                for (var device = 0; device < left.Length; device++)
                {
                    var isFit = left[device] > 0 && (used[device] || !onlyUsed) && Array.IndexOf(chosen, device, 0, i) < 0;
                    if (isFit && (most < 0 || left[device] > left[most]))
                        most = device;
                }

                if (most < 0)
                    return false;
                chosen[i] = most;
            }

            var length = left[chosen[^1]];
            foreach (var device in chosen)
                (left[device], used[device]) = (left[device] - length, true);

            extents += length;
            return true;
        }
    }

    private static long Sum(long[] values)
    {
        var sum = 0L;
        foreach (var value in values)
            sum += value;

        return sum;
    }

    private long[] Descending(IReadOnlyList<long> freeByDevice)
    {
        var free = new long[freeByDevice.Count];
        for (var i = 0; i < free.Length; i++)
            free[i] = freeByDevice[i] / extentBytes;

        Array.Sort(free);
        Array.Reverse(free);
        return free;
    }
}
