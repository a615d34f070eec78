using CsiLocal.Backends.Lvm;
using CsiLocal.Configuration;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>Sizes and costs of layouts; <c>Vm/ThickSpaceVmTests</c> holds them against the real lvcreate.</summary>
public sealed class ThickSpaceTests
{
    private const long MiB = 1 << 20;
    private const long Extent = 4 * MiB;

    /// <summary>Free extents of the devices; data extents of the largest volume.</summary>
    [Theory]
    [InlineData("linear", "10 6 6", 22)]
    [InlineData("linear", "0 0", 0)]
    [InlineData("linear", "", 0)]

    // On three devices 18; on two, those with most first, 6 on each and then 4 on each.
    [InlineData("striped", "10 6 6", 20)]
    [InlineData("striped 3", "10 6 6", 18)]
    [InlineData("striped 2", "10 6 6", 20)]
    [InlineData("striped 2", "5 5 5 5", 20)]
    [InlineData("striped 2", "9 1", 2)]
    [InlineData("striped", "9", 0)]
    [InlineData("striped 4", "9 9 9", 0)]

    // As LVM did it in the microVM: stripes go on where there is room; so would images, two of them on one device, but for --alloc cling.
    [InlineData("striped 2", "130 130 255", 510)]
    [InlineData("raid1", "155 155 255", 154)]

    // Each image has an extent of metadata beside it.
    [InlineData("raid1", "10 10", 9)]
    [InlineData("raid1", "10 6 6", 5)]
    [InlineData("raid1", "10 1", 0)]
    [InlineData("raid1", "10", 0)]
    [InlineData("raid1 copies 3", "10 6 6", 5)]
    [InlineData("raid5", "10 10 10 10", 27)]
    [InlineData("raid5", "10 10 10 4", 18)]
    [InlineData("raid5 3", "10 10 10 4", 9)]
    [InlineData("raid5", "10 10", 0)]
    [InlineData("raid6", "10 10 10 10 10", 27)]
    [InlineData("raid6", "10 10 10 10", 0)]
    [InlineData("raid10", "10 10 10 10", 18)]
    [InlineData("raid10", "10 10 10 6 6", 10)]
    [InlineData("raid10", "10 10 10", 0)]
    public void The_largest_volume(string layout, string free, long largest)
    {
        Assert.Equal(largest * Extent, Space(layout).Available(Bytes(free)));
    }

    /// <summary>Bytes asked for in MiB; size in extents; stripes and cost in extents.</summary>
    [Theory]
    [InlineData("linear", "100 100 100 100", 1, 1, 1, 1)]
    [InlineData("linear", "100 100 100 100", 5, 2, 1, 2)]
    [InlineData("striped", "100 100 100 100", 1, 4, 4, 4)]
    [InlineData("striped", "100 100 100 100", 17, 8, 4, 8)]
    [InlineData("striped 2", "100 100 100 100", 17, 6, 2, 6)]
    [InlineData("raid1", "100 100 100 100", 5, 2, 1, 6)]
    [InlineData("raid1 copies 3", "100 100 100 100", 5, 2, 1, 9)]
    [InlineData("raid5", "100 100 100 100", 5, 3, 3, 8)]
    [InlineData("raid6", "100 100 100 100 100", 5, 3, 3, 10)]
    [InlineData("raid10", "100 100 100 100", 5, 2, 2, 8)]
    [InlineData("raid5", "100 100 100 0", 40, 12, 2, 21)]
    public void A_volume_is_rounded_up_and_costs_its_copies_parity_and_metadata(
        string layout, string free, long mebibytes, long sizeExtents, int stripes, long costExtents)
    {
        var space = Space(layout);
        var size = space.RoundUp(mebibytes * MiB, Bytes(free).Count);

        var fit = space.Fit(size, Bytes(free));

        Assert.Equal((sizeExtents * Extent, stripes, costExtents * Extent), (size, fit.Stripes, fit.CostBytes));
    }

    /// <summary>By _lv_size_bytes_to_integrity_meta_bytes, with one extent of RAID metadata for each image.</summary>
    [Theory]
    [InlineData(100, 2)]
    [InlineData(500, 3)]
    [InlineData(512, 3)]
    [InlineData(516, 4)]
    [InlineData(1024, 5)]
    [InlineData(4096, 17)]
    [InlineData(4100, 25)]
    [InlineData(10_240, 37)]
    public void Checksums_take_space_of_their_own(long mebibytes, long checksumExtents)
    {
        var fit = Space("raid1 integrity").Fit(mebibytes * MiB, Bytes("9999 9999"));

        Assert.Equal(2 * (((mebibytes + 3) / 4) + 1 + checksumExtents) * Extent, fit.CostBytes);
    }

    /// <summary>A bit for each region of 2 MiB or more, 2^21 of them at most, and two superblocks of 4 KiB.</summary>
    [Theory]
    [InlineData(64L << 10, 1L << 40, 2)]
    [InlineData(64L << 10, 16L << 40, 5)]
    [InlineData(64L << 10, 64L << 40, 5)]
    [InlineData(4L << 10, 1L << 40, 18)]
    [InlineData(4L << 20, 64L << 40, 1)]
    public void Small_extents_need_more_of_them_for_metadata(long extentBytes, long sizeBytes, long metadataExtents)
    {
        var space = new ThickSpace(Options("raid1"), extentBytes);

        Assert.Equal(2 * (sizeBytes + (metadataExtents * extentBytes)), space.Fit(sizeBytes, [1L << 50, 1L << 50]).CostBytes);
    }

    [Fact]
    public void Checksums_less_than_an_extent_make_small_volumes_impossible()
    {
        // 32 MiB of checksums are those of more than 3 GiB.
        var space = new ThickSpace(Options("raid1 integrity"), 32 * MiB);

        var least = space.RoundUp(1, 2);

        Assert.InRange(least, 512 * MiB, 2048 * MiB);
        Assert.Equal(0, space.Available([least - (32 * MiB), least - (32 * MiB)]));
        Assert.Equal(least, space.Available([least + (64 * MiB), least + (64 * MiB)]));
    }

    [Theory]
    [InlineData("linear", 1)]
    [InlineData("striped", 2)]
    [InlineData("striped 5", 5)]
    [InlineData("raid1 copies 3", 3)]
    [InlineData("raid5", 3)]
    [InlineData("raid6", 5)]
    [InlineData("raid10", 4)]
    [InlineData("raid10 3", 6)]
    public void Each_layout_needs_so_many_devices(string layout, int devices) => Assert.Equal(devices, Space(layout).LeastDevices);

    [Theory]
    [InlineData("striped", 200, 128)]
    [InlineData("raid5", 200, 63)]
    [InlineData("raid6", 200, 62)]
    [InlineData("raid10", 200, 32)]
    public void No_more_stripes_than_lvm_can_have(string layout, int devices, int stripes)
    {
        var free = Enumerable.Repeat(100 * Extent, devices).ToList();

        Assert.Equal(stripes, Space(layout).Fit(1, free).Stripes);
    }

    public static TheoryData<string> Layouts =>
        ["linear", "striped", "striped 2", "striped 3", "raid1", "raid1 copies 3", "raid5", "raid6", "raid10", "raid1 integrity", "raid5 integrity", "raid6 3 integrity"];

    [Theory]
    [MemberData(nameof(Layouts))]
    public void The_largest_volume_fits_one_larger_does_not_and_neither_costs_more_than_there_is(string layout)
    {
        var space = Space(layout);
        var random = new Random(11);
        for (var round = 0; round < 500; round++)
        {
            var free = Enumerable.Range(0, random.Next(0, 8)).Select(_ => random.NextInt64(0, random.Next(2) == 0 ? 40 : 40_000) * Extent).ToList();
            var largest = space.Available(free);

            Assert.InRange(largest, 0, free.Sum());
            Assert.Equal(largest, space.Available([.. free.OrderBy(_ => random.Next())]));
            if (largest == 0)
                continue;

            var fit = space.Fit(largest, free);
            Assert.InRange(fit.CostBytes, largest, free.Sum());
            Assert.Equal(0, largest % (fit.Stripes * Extent));

            // Of stripes it is not true: the allocator takes the largest areas first, and more space may lead it astray.
            if (layout.StartsWith("striped", StringComparison.Ordinal))
                continue;
            for (var device = 0; device < free.Count; device++)
            {
                List<long> more = [.. free];
                more[device] += 7 * Extent;
                Assert.InRange(space.Available(more), largest, long.MaxValue);
            }
        }
    }

    [Fact]
    public void Stripes_are_as_long_as_the_allocator_of_lvm_makes_them()
    {
        var random = new Random(5);
        for (var round = 0; round < 3000; round++)
        {
            var stripes = random.Next(2, 5);
            // In this order: which of two devices with as much free space comes first decides what the next round finds.
            var free = Enumerable.Range(0, random.Next(stripes, 9)).Select(_ => random.NextInt64(0, 12)).OrderDescending().ToList();
            var largest = Space($"striped {stripes}").Available([.. free.Select(static extents => extents * Extent)]) / Extent / stripes;

            Assert.True(largest == 0 || LvmWouldAllocate(free, stripes, largest), $"{stripes} stripes of {largest} on {string.Join(' ', free)}");
            Assert.False(LvmWouldAllocate(free, stripes, largest + 1), $"{stripes} stripes of {largest + 1} on {string.Join(' ', free)}");
        }
    }

    /// <summary>lvm2's _allocate for a new striped volume on devices with one free area each, as it is written there: policy by policy, area by area.</summary>
    private static bool LvmWouldAllocate(List<long> areas, int stripes, long stripeExtents)
    {
        var left = areas.ToArray();
        var used = new HashSet<int>();
        var allocated = 0L;

        // Contiguous: one round. Cling: must go on on all of the same devices, one of which is full now, or there is nothing left to do.
        Round(clingToAlloced: false);

        // Normal, with maximise_cling.
        var cling = allocated > 0;
        while (allocated < stripeExtents)
        {
            if (Round(cling))
                cling = true;
            else if (cling)
                cling = false;
            else
                return false;
        }

        return true;

        bool Round(bool clingToAlloced)
        {
            var wanted = stripeExtents - allocated;
            var found = Enumerable.Range(0, left.Length)
                .Where(device => left[device] > 0 && (!clingToAlloced || used.Contains(device)))
                .Select(device => (Device: device, Used: Math.Min(left[device], wanted)))
                .OrderByDescending(static area => area.Used)
                .Take(stripes).ToList();
            if (found.Count < stripes)
                return false;

            var length = found.Min(static area => area.Used);
            foreach (var (device, _) in found)
            {
                left[device] -= length;
                used.Add(device);
            }

            allocated += length;
            return true;
        }
    }

    private static ThickSpace Space(string layout) => new(Options(layout), Extent);

    /// <summary>Layout, then optionally its stripes, "copies N" and "integrity".</summary>
    internal static LvmPoolOptions Options(string text)
    {
        var words = text.Split(' ');
        var copies = Array.IndexOf(words, "copies");
        return new LvmPoolOptions
        {
            VolumeGroup = "data",
            Layout = Enum.Parse<LvmLayout>(words[0], ignoreCase: true),
            Stripes = words.Length > 1 && int.TryParse(words[1], out var stripes) ? stripes : null,
            Copies = copies > 0 ? int.Parse(words[copies + 1], System.Globalization.CultureInfo.InvariantCulture) : 2,
            Integrity = words.Contains("integrity"),
        };
    }

    private static IReadOnlyList<long> Bytes(string extents) =>
        [.. extents.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static number => long.Parse(number, System.Globalization.CultureInfo.InvariantCulture) * Extent)];
}
