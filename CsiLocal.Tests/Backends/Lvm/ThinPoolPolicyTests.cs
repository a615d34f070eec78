using CsiLocal.Backends.Lvm;
using CsiLocal.Volumes;
using Xunit;
using static CsiLocal.Tests.Backends.Lvm.ThinPools;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class ThinPoolPolicyTests
{
    private static readonly ThinPoolPolicy Policy = new(Options, reserveBytes: 0);

    [Theory]
    [InlineData(7999, 0)] // below 80 %
    [InlineData(8000, 12_000)]
    [InlineData(9500, 12_000)]
    [InlineData(9700, 14_400)] // 12000 would be 80.8 % full: two steps of 20 %
    [InlineData(10_000, 14_400)]
    public void Data_is_extended_from_the_threshold_on_until_it_is_below_it(long usedMiB, long wantedMiB)
    {
        var plan = Policy.Plan(Facts with { DataBytes = 10_000 * MiB, UsedDataBytes = usedMiB * MiB });

        Assert.Equal(wantedMiB == 0 ? null : wantedMiB * MiB, plan.DataBytes);
        Assert.False(plan.IsDataStarved);
        Assert.Null(plan.MetadataBytes);
    }

    [Theory]
    [InlineData(11, 0)] // 68.75 %
    [InlineData(12, 20)] // 75 %
    [InlineData(14, 24)] // 20 MiB would be 70 % full
    [InlineData(16, 24)]
    public void Metadata_is_extended_at_70_percent_whatever_the_threshold_for_data_is(long usedMiB, long wantedMiB)
    {
        var plan = new ThinPoolPolicy(Options with { ExtendAtPercent = 95 }, 0).Plan(Facts with { UsedMetadataBytes = usedMiB * MiB });

        Assert.Equal(wantedMiB == 0 ? null : wantedMiB * MiB, plan.MetadataBytes);
        Assert.Null(plan.DataBytes);
    }

    [Fact]
    public void Metadata_follows_a_threshold_below_70_percent()
    {
        var plan = new ThinPoolPolicy(Options with { ExtendAtPercent = 50 }, 0).Plan(Facts with { UsedMetadataBytes = 8 * MiB });

        Assert.Equal(20 * MiB, plan.MetadataBytes);
    }

    [Theory]
    [InlineData(100, false)] // full in 90 s
    [InlineData(899, false)] // full in just more than 10 s
    [InlineData(922, true)]
    [InlineData(4000, true)]
    public void What_would_be_full_before_the_next_turns_is_extended_now(long mibPerSecond, bool isExtended)
    {
        var plan = Policy.Plan(Facts, Rate(mibPerSecond * MiB), GrowthRate.None, TimeSpan.Zero);

        Assert.Equal(isExtended, plan.DataBytes is not null);
    }

    [Fact]
    public void A_fast_writer_gets_as_much_as_it_will_need_until_the_next_turns()
    {
        // 1 GiB used and 2 GiB/s for 10 s: 21 GiB are to be below 80 % of the new size.
        var plan = Policy.Plan(Facts with { GroupFreeBytes = 100 * GiB }, Rate(2 * GiB), GrowthRate.None, TimeSpan.Zero);

        Assert.InRange(plan.DataBytes!.Value, 21 * GiB * 100 / 80, 21 * GiB * 100 / 80 * 120 / 100 + Extent);
    }

    [Fact]
    public void Where_extending_takes_long_it_begins_earlier()
    {
        var rate = Rate(200 * MiB);

        Assert.Null(Policy.Plan(Facts, rate, GrowthRate.None, TimeSpan.FromSeconds(5)).DataBytes);
        Assert.NotNull(Policy.Plan(Facts, rate, GrowthRate.None, TimeSpan.FromSeconds(20)).DataBytes);
    }

    [Fact]
    public void A_writer_that_has_stopped_extends_nothing()
    {
        var rate = Rate(4 * GiB).With(TimeSpan.FromSeconds(12), 4 * GiB).With(TimeSpan.FromSeconds(24), 4 * GiB);

        Assert.Null(Policy.Plan(Facts, rate, GrowthRate.None, TimeSpan.Zero).DataBytes);
    }

    [Fact]
    public void A_full_pool_is_extended_whatever_its_numbers_say()
    {
        var plan = Policy.Plan(Facts with { Mode = ThinPoolMode.OutOfDataSpace });

        Assert.Equal(12 * GiB, plan.DataBytes);
    }

    [Fact]
    public void Data_takes_what_there_is_where_there_is_less_than_a_step()
    {
        var facts = Facts with { UsedDataBytes = 9 * GiB, GroupFreeBytes = 100 * MiB };

        var plan = Policy.Plan(facts);

        Assert.Equal((10 * GiB) + (100 * MiB) - ThinPoolPolicy.MetadataReserve(16 * MiB, Extent), plan.DataBytes);
        Assert.True(plan.IsDataStarved);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(16)] // half of the metadata, and its spare: kept for the metadata
    public void Data_never_takes_what_the_metadata_may_come_to_need(long freeMiB)
    {
        var plan = Policy.Plan(Facts with { UsedDataBytes = 10 * GiB, Mode = ThinPoolMode.OutOfDataSpace, GroupFreeBytes = freeMiB * MiB });

        Assert.Null(plan.DataBytes);
        Assert.True(plan.IsDataStarved);
    }

    [Fact]
    public void Data_never_takes_what_is_reserved_for_others()
    {
        var plan = new ThinPoolPolicy(Options, reserveBytes: 10 * GiB).Plan(Facts with { UsedDataBytes = 9 * GiB });

        Assert.Null(plan.DataBytes);
        Assert.True(plan.IsDataStarved);
    }

    [Fact]
    public void Metadata_may_take_what_is_reserved_for_others()
    {
        var plan = new ThinPoolPolicy(Options, reserveBytes: 10 * GiB).Plan(Facts with { UsedMetadataBytes = 12 * MiB });

        Assert.Equal(20 * MiB, plan.MetadataBytes);
        Assert.False(plan.IsMetadataStarved);
    }

    [Theory]
    [InlineData(8, 20)]
    [InlineData(4, 20)] // its spare has to stay behind
    [InlineData(3, 0)]
    [InlineData(0, 0)]
    public void Metadata_takes_what_there_is(long freeMiB, long wantedMiB)
    {
        var plan = Policy.Plan(Facts with { UsedMetadataBytes = 12 * MiB, GroupFreeBytes = freeMiB * MiB });

        Assert.Equal(wantedMiB == 0 ? null : wantedMiB * MiB, plan.MetadataBytes);
        Assert.Equal(wantedMiB == 0, plan.IsMetadataStarved);
    }

    [Theory]
    [InlineData(16, 100, 8)]
    [InlineData(64, 100, 4)] // the spare is large enough already
    [InlineData(16, 6, 6)]
    [InlineData(0, 100, 24)]
    public void Metadata_is_paid_for_with_its_spare(long spareMiB, long freeMiB, long costMiB) =>
        Assert.Equal(costMiB * MiB, ThinPoolPolicy.CostOfMetadata(Facts with { SpareBytes = spareMiB * MiB, GroupFreeBytes = freeMiB * MiB }, 20 * MiB));

    [Fact]
    public void Metadata_comes_before_data_where_there_is_not_enough_for_both()
    {
        var plan = Policy.Plan(Facts with { UsedMetadataBytes = 12 * MiB, UsedDataBytes = 9 * GiB, GroupFreeBytes = 20 * MiB });

        Assert.Equal(20 * MiB, plan.MetadataBytes);
        Assert.Null(plan.DataBytes);
        Assert.True(plan.IsDataStarved);
    }

    [Fact]
    public void Metadata_that_is_full_is_extended_so_that_the_kernel_writes_again()
    {
        var plan = Policy.Plan(Facts with { Mode = ThinPoolMode.ReadOnly, UsedMetadataBytes = 16 * MiB });

        Assert.NotNull(plan.MetadataBytes);
    }

    [Fact]
    public void Metadata_grows_to_what_the_kernel_can_use_and_no_further()
    {
        var size = ThinPoolPolicy.LargestMetadataBytes / Extent * Extent;
        var facts = Facts with { MetadataBytes = size - Extent, UsedMetadataBytes = size - Extent, GroupFreeBytes = 100 * GiB };

        Assert.Equal(size, Policy.Plan(facts).MetadataBytes);

        var most = Policy.Plan(facts with { MetadataBytes = size, UsedMetadataBytes = size });
        Assert.Null(most.MetadataBytes);
        Assert.True(most.IsMetadataStarved);
    }

    [Theory]
    [InlineData(nameof(ThinPoolMode.Failed), false)]
    [InlineData(nameof(ThinPoolMode.ReadOnly), true)]
    [InlineData(nameof(ThinPoolMode.Writable), true)]
    public void What_has_to_be_repaired_is_not_extended(string mode, bool needsCheck)
    {
        var facts = Facts with { Mode = Enum.Parse<ThinPoolMode>(mode), NeedsCheck = needsCheck, UsedDataBytes = 10 * GiB, UsedMetadataBytes = 16 * MiB };

        Assert.Equal(ThinPoolPlan.Nothing, Policy.Plan(facts));
    }

    [Fact]
    public void A_threshold_of_100_extends_nothing()
    {
        var never = new ThinPoolPolicy(Options with { ExtendAtPercent = 100 }, 0);
        var facts = Facts with { Mode = ThinPoolMode.OutOfDataSpace, UsedDataBytes = 10 * GiB, UsedMetadataBytes = 16 * MiB };

        Assert.Equal(ThinPoolPlan.Nothing, never.Plan(facts));
        Assert.Equal(10 * GiB, never.ReachableDataBytes(facts));
    }

    [Fact]
    public void A_pool_that_the_kernel_does_not_know_the_size_of_is_loaded_anew_first()
    {
        var plan = Policy.Plan(Facts with { LagsBehind = true, UsedDataBytes = 10 * GiB });

        Assert.Equal(ThinPoolPlan.Nothing with { Refresh = true }, plan);
    }

    [Theory]
    [InlineData(19_440, false)] // 95 % of 20464 MiB: 16 of the 480 are kept for the metadata
    [InlineData(19_441, true)]
    public void New_volumes_stop_at_a_part_of_what_the_pool_can_become(long usedMiB, bool isRefused)
    {
        var refusal = Policy.Refusal(Facts with { DataBytes = 20_000 * MiB, UsedDataBytes = usedMiB * MiB, GroupFreeBytes = 480 * MiB }, "vg/pool0");

        Assert.Equal(isRefused ? StorageError.ResourceExhausted : null, refusal?.Error);
    }

    [Theory]
    [InlineData(11, 0, false)]
    [InlineData(12, 0, true)] // from 75 % on LVM makes none
    [InlineData(12, 4, false)] // 20 MiB are within reach
    public void New_volumes_stop_where_LVM_would_refuse_them_for_want_of_metadata(long usedMiB, long freeMiB, bool isRefused)
    {
        var refusal = Policy.Refusal(Facts with { UsedMetadataBytes = usedMiB * MiB, GroupFreeBytes = freeMiB * MiB }, "vg/pool0");

        Assert.Equal(isRefused ? StorageError.ResourceExhausted : null, refusal?.Error);
    }

    [Theory]
    [InlineData(nameof(ThinPoolMode.Failed), false)]
    [InlineData(nameof(ThinPoolMode.ReadOnly), false)]
    [InlineData(nameof(ThinPoolMode.OutOfDataSpace), false)]
    [InlineData(nameof(ThinPoolMode.Writable), true)]
    public void A_pool_that_does_not_serve_makes_no_volumes(string mode, bool needsCheck)
    {
        var refusal = Policy.Refusal(Facts with { Mode = Enum.Parse<ThinPoolMode>(mode), NeedsCheck = needsCheck }, "vg/pool0");

        Assert.Equal(StorageError.Unavailable, refusal?.Error);
    }

    [Theory]
    [InlineData(11, false)]
    [InlineData(12, true)]
    public void It_is_known_when_LVM_would_refuse_a_volume(long usedMiB, bool isAbove) =>
        Assert.Equal(isAbove, ThinPoolPolicy.IsAboveLvmLimit(Facts with { UsedMetadataBytes = usedMiB * MiB }));

    [Fact]
    public void Of_large_metadata_LVM_wants_only_4_MiB_free()
    {
        var facts = Facts with { MetadataBytes = GiB, UsedMetadataBytes = GiB - (5 * MiB) };

        Assert.False(ThinPoolPolicy.IsAboveLvmLimit(facts));
        Assert.True(ThinPoolPolicy.IsAboveLvmLimit(facts with { UsedMetadataBytes = GiB - (4 * MiB) }));
    }
}
