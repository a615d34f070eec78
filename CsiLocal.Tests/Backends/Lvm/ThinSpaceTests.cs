using CsiLocal.Backends;
using CsiLocal.Backends.Lvm;
using CsiLocal.Volumes;
using Xunit;
using static CsiLocal.Tests.Backends.Lvm.ThinPools;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class ThinSpaceTests
{
    private static readonly ThinPoolFacts NoGroup = Facts with { GroupFreeBytes = 0 };

    [Theory]
    [InlineData(1.0, 10)]
    [InlineData(3.0, 30)]
    public void An_empty_pool_promises_its_size_times_the_ratio(double ratio, long availableGiB)
    {
        var space = Measure(NoGroup, ratio, [], []);

        Assert.Equal((10 * GiB, 9 * GiB, availableGiB * GiB), (space.TotalBytes, space.FreeBytes, space.AvailableBytes));
    }

    [Fact]
    public void What_it_can_be_extended_to_counts_less_what_is_kept()
    {
        var space = Measure(Facts, 1.0, [], [], reserve: 2 * GiB);

        Assert.Equal((18 * GiB) - (16 * MiB), space.TotalBytes);
        Assert.Equal(space.TotalBytes, space.AvailableBytes);
    }

    [Fact]
    public void Volumes_are_promised_whole_and_snapshots_what_they_hold()
    {
        var volumes = new[] { Volume(4), Volume(3) with { PendingSizeBytes = 5 * GiB }, Volume(2) with { State = VolumeState.Deleting } };
        var snapshots = new[] { Snapshot(1), Snapshot(7) with { State = SnapshotState.Deleting } };

        Assert.Equal(10 * GiB, Measure(NoGroup, 2.0, volumes, snapshots).AvailableBytes);
    }

    [Fact]
    public void More_promised_than_the_ratio_allows_is_negative()
    {
        Assert.Equal(-2 * GiB, Measure(NoGroup, 1.0, [Volume(12)], []).AvailableBytes);
    }

    [Theory]
    [InlineData(94, 1, 95)]
    [InlineData(95, 1, 0)]
    [InlineData(10, 12, 0)] // metadata at 75 %
    public void Real_use_stops_promises_whatever_the_ratio_says(long usedPercent, long usedMetadataMiB, long availableGiB)
    {
        var facts = NoGroup with { DataBytes = 100 * GiB, UsedDataBytes = usedPercent * GiB, UsedMetadataBytes = usedMetadataMiB * MiB };

        Assert.Equal(availableGiB * GiB, Measure(facts, 1.0, [Volume(5)], []).AvailableBytes);
    }

    [Fact]
    public void A_pool_that_does_not_serve_promises_nothing()
    {
        Assert.Equal(0, Measure(NoGroup with { Mode = ThinPoolMode.ReadOnly }, 3.0, [], []).AvailableBytes);
    }

    private static PoolSpace Measure(
        ThinPoolFacts facts, double ratio, IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots, long reserve = 0) =>
        ThinSpace.Measure(facts, new ThinPoolPolicy(Options, reserve), ratio, "vg/pool0", volumes, snapshots);

    private static VolumeRecord Volume(long sizeGiB) => Records.Volume("v") with { SizeBytes = sizeGiB * GiB, State = VolumeState.Ready };

    private static SnapshotRecord Snapshot(long sharedGiB) => Records.Snapshot("s", Records.Volume("v")) with { SizeBytes = 100 * GiB, SharedBytes = sharedGiB * GiB, State = SnapshotState.Ready };
}
