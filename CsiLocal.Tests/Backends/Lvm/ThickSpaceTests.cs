using CsiLocal.Backends.Lvm;
using CsiLocal.Configuration;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class ThickSpaceTests
{
    private const long GiB = 1L << 30;
    private const long Extent = 4L << 20;

    [Theory]
    [InlineData(LvmLayout.Linear, null, 1, 4L)]
    [InlineData(LvmLayout.Linear, null, 4L << 20, 4L)]
    [InlineData(LvmLayout.Linear, null, (4L << 20) + 1, 8L)]
    [InlineData(LvmLayout.Raid1, null, 5L << 20, 8L)]
    [InlineData(LvmLayout.Striped, 3, 5L << 20, 12L)]
    [InlineData(LvmLayout.Striped, null, 5L << 20, 16L)]
    [InlineData(LvmLayout.Raid5, null, 5L << 20, 12L)]
    [InlineData(LvmLayout.Raid10, null, 5L << 20, 8L)]
    public void Sizes_are_whole_extents_on_each_stripe(object layout, int? stripes, long bytes, long expectedMiB) =>
        Assert.Equal(expectedMiB << 20, Space(layout, stripes).RoundUp(bytes, devices: 4));

    [Theory]
    [InlineData(LvmLayout.Linear, 4L << 30)]
    [InlineData(LvmLayout.Striped, 4L << 30)]
    [InlineData(LvmLayout.Raid1, (1L << 30) - Extent)]
    [InlineData(LvmLayout.Raid5, 3 * ((1L << 30) - Extent))]
    [InlineData(LvmLayout.Raid10, 2 * ((1L << 30) - Extent))]
    public void Of_four_equal_disks_a_volume_can_have_what_copies_and_parity_leave(object layout, long expected) =>
        Assert.Equal(expected, Space(layout).Available([GiB, GiB, GiB, GiB]));

    [Fact]
    public void Without_enough_devices_there_is_no_room() =>
        Assert.Equal((0, 0, 0), (Space(LvmLayout.Raid1).Available([GiB]), Space(LvmLayout.Raid6).Available([GiB, GiB, GiB, GiB]), Space(LvmLayout.Striped).Available([])));

    // As LVM did it in the microVM: two stripes of 950 MiB on devices with 520, 520 and 1020 MiB.
    [Fact]
    public void Stripes_go_on_where_there_is_room() =>
        Assert.Equal(2040L << 20, Space(LvmLayout.Striped, 2).Available([520L << 20, 520L << 20, 1020L << 20]));

    // LVM alone would: with parts of two images on the third.
    [Fact]
    public void Images_do_not() =>
        Assert.Equal(616L << 20, Space(LvmLayout.Raid1).Available([620L << 20, 620L << 20, 1020L << 20]));

    [Fact]
    public void A_device_that_is_full_makes_a_volume_narrower()
    {
        var fit = Space(LvmLayout.Raid5).Fit(300 * Extent, [GiB, GiB, GiB, 0]);

        Assert.Equal(new ThickFit(2, 3 * (150 + 1) * Extent), fit);
    }

    [Fact]
    public void What_fits_nowhere_is_left_to_LVM_to_refuse() =>
        Assert.Equal(3, Space(LvmLayout.Raid5).Fit(100 * GiB, [GiB, GiB, GiB, GiB]).Stripes);

    [Theory]
    [InlineData(LvmLayout.Linear, 12)]
    [InlineData(LvmLayout.Striped, 12)]
    [InlineData(LvmLayout.Raid1, 2 * 13)]
    [InlineData(LvmLayout.Raid5, 4 * 5)]
    [InlineData(LvmLayout.Raid10, 4 * 7)]
    public void Each_image_costs_its_part_and_an_extent(object layout, long extents) =>
        Assert.Equal(extents * Extent, Space(layout).Fit(12 * Extent, [GiB, GiB, GiB, GiB]).CostBytes);

    [Fact]
    public void Checksums_take_their_part()
    {
        var plain = Space(LvmLayout.Raid1).Fit(GiB, [4 * GiB, 4 * GiB]).CostBytes;
        var checked_ = new ThickSpace(new LvmPoolOptions { VolumeGroup = "vg", Layout = LvmLayout.Raid1, Integrity = true }, Extent).Fit(GiB, [4 * GiB, 4 * GiB]);

        Assert.InRange(checked_.CostBytes - plain, 2 * (12L << 20), 2 * (80L << 20));
    }

    [Fact]
    public void What_is_said_to_be_available_can_be_made()
    {
        foreach (var layout in Enum.GetValues<LvmLayout>())
        {
            long[] free = [GiB, GiB / 2, 3 * GiB, GiB, 2 * GiB];
            var space = Space(layout);
            var available = space.Available(free);

            var fit = space.Fit(available, free);

            Assert.True(available > 0);
            Assert.True(fit.CostBytes <= free.Sum(), $"{layout}");
        }
    }

    // Boxed, since a test method is public and the layouts are not.
    private static ThickSpace Space(object layout, int? stripes = null) => new(new LvmPoolOptions { VolumeGroup = "vg", Layout = (LvmLayout)layout, Stripes = stripes }, Extent);
}
