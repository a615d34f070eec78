using CsiLocal.Backends.Lvm;
using CsiLocal.Configuration;
using CsiLocal.Volumes;
using Xunit;
using static CsiLocal.Tests.Backends.Lvm.ThinPools;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class ThinPoolSizingTests
{
    [Theory]
    [InlineData(10, 64)]
    [InlineData(1024, 64)] // 1 TiB: 1 GiB of metadata
    [InlineData(1025, 128)]
    [InlineData(4 * 1024, 256)]
    [InlineData(16 * 1024, 1024)]
    [InlineData(512 * 1024, 1024)]
    public void Chunks_are_small_as_long_as_the_metadata_stays_small(long groupGiB, long chunkKiB) =>
        Assert.Equal(chunkKiB << 10, ThinPoolSizing.ChooseChunk(groupGiB * GiB));

    [Theory]
    [InlineData(100, 64, 2048)] // 100 MiB: never less than 2 MiB
    [InlineData(512, 64, 8192)] // a 64th of a small pool
    [InlineData(1024, 64, 16_384)]
    [InlineData(100 * 1024, 64, 204_800 + 0.125)] // 128 bytes for each of 1638400 chunks, and one more
    [InlineData(100 * 1024, 512, 25_600 + 0.125)]
    [InlineData(100L << 30, 64, 16_580_608)] // 15.81 GiB
    public void Metadata_has_room_for_all_chunks_twice(long dataMiB, long chunkKiB, double expectedKiB) =>
        Assert.Equal((long)(expectedKiB * 1024), ThinPoolSizing.ChooseMetadata(dataMiB * MiB, chunkKiB << 10));

    [Fact]
    public void Bytes_are_made_as_they_are_asked_for_rounded_up_to_extents()
    {
        var pool = Choose(new ThinPoolSize((10 * GiB) + 1, null));

        Assert.Equal((10 * GiB) + Extent, pool.DataBytes);
        Assert.Equal((64L << 10, 24 * MiB, 1), (pool.ChunkBytes, pool.MetadataBytes, pool.Stripes));
    }

    [Fact]
    public void A_part_of_the_group_is_a_part_of_its_size()
    {
        Assert.Equal(80 * GiB, Choose(new ThinPoolSize(null, 80)).DataBytes);
    }

    [Fact]
    public void The_whole_group_leaves_room_for_the_metadata_its_spare_and_their_growth()
    {
        var pool = Choose(new ThinPoolSize(null, 100));

        var metadata = pool.MetadataBytes!.Value;
        var left = Group.FreeBytes - pool.DataBytes - (2 * metadata);
        Assert.InRange(left, metadata, metadata + (3 * Extent));
    }

    [Fact]
    public void A_spare_that_is_there_is_not_paid_for_again()
    {
        var group = Group with
        {
            LogicalVolumes =
            [
                new LogicalVolume
                {
                    Name = "lvol0_pmspare", Uuid = "x", SizeBytes = GiB, IsHidden = true, SegmentType = "linear",
                    Attributes = new LvAttributes(LvType.MetadataOrSpare, LvState.Inactive, LvHealth.Ok, true, false, false),
                },
            ],
        };

        Assert.True(Choose(new ThinPoolSize(null, 100), group).DataBytes > Choose(new ThinPoolSize(null, 100)).DataBytes);
    }

    [Theory]
    [InlineData(100, 0)] // nothing left for metadata
    [InlineData(90, 10)] // the reserve is not for this
    public void What_does_not_fit_is_refused_with_the_numbers(long dataGiB, long reserveGiB)
    {
        var e = Assert.Throws<StorageException>(() =>
            ThinPoolSizing.Choose(Options with { ThinPoolSize = new ThinPoolSize(dataGiB * GiB, null) }, reserveGiB * GiB, Group, Group.FreeBytes));

        Assert.Equal(StorageError.Unavailable, e.Error);
        Assert.Contains($"{dataGiB * GiB} bytes are asked for", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_part_of_the_group_that_others_have_taken_is_refused()
    {
        var e = Assert.Throws<StorageException>(() => Choose(new ThinPoolSize(null, 80), Group with { FreeBytes = 79 * GiB }));

        Assert.Equal(StorageError.Unavailable, e.Error);
    }

    [Fact]
    public void Stripes_are_filled_evenly()
    {
        var pool = ThinPoolSizing.Choose(Options with { ThinPoolSize = new ThinPoolSize(1 * GiB, null), Stripes = 3 }, 0, Group, Group.FreeBytes);

        Assert.Equal(0, pool.DataBytes % (3 * Extent));
        Assert.Equal(3, pool.Stripes);
    }

    [Fact]
    public void Chunks_too_small_for_the_data_are_refused()
    {
        var group = Group with { SizeBytes = 100L << 40, FreeBytes = 100L << 40 };

        var e = Assert.Throws<StorageException>(() => ThinPoolSizing.Choose(
            Options with { ThinPoolSize = new ThinPoolSize(50L << 40, null), ChunkBytes = 64 << 10 }, 0, group, group.FreeBytes));

        Assert.Contains("raise chunkSize", e.Remedy, StringComparison.Ordinal);
    }

    private static NewThinPool Choose(ThinPoolSize size, VolumeGroupReport? group = null) =>
        ThinPoolSizing.Choose(Options with { ThinPoolSize = size }, 0, group ?? Group, (group ?? Group).FreeBytes);
}
