using CsiLocal.Backends.Lvm;
using Xunit;
using static CsiLocal.Tests.Backends.Lvm.ThinPools;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class ThinPoolFactsTests
{
    private static readonly LogicalVolume Pool = new()
    {
        Name = "pool0",
        Uuid = "x",
        SizeBytes = 1 * GiB,
        MetadataBytes = 16 * MiB,
        ChunkBytes = 64 << 10,
        SegmentType = "thin-pool",
        Attributes = new LvAttributes(LvType.ThinPool, LvState.Active, LvHealth.Ok, true, false, false),
    };

    [Fact]
    public void Blocks_become_bytes()
    {
        var facts = Of("1 41/4096 128/16384 - rw discard_passdown queue_if_no_space - 1024", Pool);

        Assert.Equal(
            (41L * 4096, 16 * MiB, 8 * MiB, 1 * GiB),
            (facts.UsedMetadataBytes, facts.MetadataBytes, facts.UsedDataBytes, facts.DataBytes));
        Assert.Equal((ThinPoolMode.Writable, true, false, false), (facts.Mode, facts.PassesDiscards, facts.NeedsCheck, facts.LagsBehind));
    }

    [Fact]
    public void What_the_report_does_not_know_yet_the_kernel_does()
    {
        // Somebody extended it by hand just now.
        var facts = Of("1 41/8192 128/32768 - rw discard_passdown queue_if_no_space - 1024", Pool);

        Assert.Equal((32 * MiB, 2 * GiB, false), (facts.MetadataBytes, facts.DataBytes, facts.LagsBehind));
    }

    [Theory]
    [InlineData("1 41/4096 128/16384 - rw discard_passdown queue_if_no_space - 1024", false)]
    [InlineData("1 41/4096 128/16383 - rw discard_passdown queue_if_no_space - 1024", true)]
    [InlineData("1 41/2048 128/16384 - rw discard_passdown queue_if_no_space - 1024", true)]
    [InlineData("Fail", false)]
    public void A_kernel_that_was_not_told_of_an_extension_is_noticed(string status, bool lags) =>
        Assert.Equal(lags, Of(status, Pool).LagsBehind);

    [Fact]
    public void What_makes_no_whole_chunk_is_not_free()
    {
        // 1 GiB holds 1023 chunks of 1 MiB and 1024 bytes (a multiple of 64 KiB in reality; the arithmetic is the same).
        var facts = Of("1 41/4096 1000/1023 - rw discard_passdown queue_if_no_space - 1024", Pool with { ChunkBytes = MiB + 1024 });

        Assert.Equal(23 * (MiB + 1024), facts.DataBytes - facts.UsedDataBytes);
        Assert.False(facts.LagsBehind);
    }

    [Fact]
    public void The_chunk_can_be_told_without_the_report()
    {
        var facts = Of("1 41/4096 128/16384 - rw discard_passdown queue_if_no_space - 1024", Pool with { ChunkBytes = null });

        Assert.Equal(8 * MiB, facts.UsedDataBytes);
    }

    [Fact]
    public void A_pool_that_erred_long_enough_is_known_by_its_words()
    {
        var facts = Of("1 41/4096 16384/16384 - out_of_data_space no_discard_passdown error_if_no_space needs_check 1024", Pool);

        Assert.Equal((ThinPoolMode.OutOfDataSpace, false, true, true), (facts.Mode, facts.PassesDiscards, facts.ErrorsWhenFull, facts.NeedsCheck));
        Assert.Equal(100, facts.DataPercent);
    }

    private static ThinPoolFacts Of(string status, LogicalVolume pool) => ThinPoolFacts.Of(ThinPoolStatus.Parse(status), pool, Group, 0);
}
