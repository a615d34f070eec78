using CsiLocal.Backends.Lvm;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>Status lines as Documentation/admin-guide/device-mapper and drivers/md of the kernel have them.</summary>
public sealed class TargetStatusTests
{
    [Theory]
    [InlineData("0 10/1024 0/80 - rw discard_passdown queue_if_no_space - 256", ThinPoolMode.Writable, 0, 10, 1024, 0, 80, true, false, false, 256)]
    [InlineData("7 1024/1024 12/80 - ro no_discard_passdown queue_if_no_space needs_check 256", ThinPoolMode.ReadOnly, 7, 1024, 1024, 12, 80, false, false, true, 256)]
    [InlineData("3 20/1024 80/80 - out_of_data_space discard_passdown queue_if_no_space - 256", ThinPoolMode.OutOfDataSpace, 3, 20, 1024, 80, 80, true, false, false, 256)]
    [InlineData("3 20/1024 80/80 33 out_of_data_space ignore_discard error_if_no_space - 256", ThinPoolMode.OutOfDataSpace, 3, 20, 1024, 80, 80, false, true, false, 256)]
    [InlineData("3 20/1024 40/80 33 rw discard_passdown queue_if_no_space", ThinPoolMode.Writable, 3, 20, 1024, 40, 80, true, false, false, 0)]
    [InlineData("3 20/1024 40/80 33 rw discard_passdown queue_if_no_space - 256 something new", ThinPoolMode.Writable, 3, 20, 1024, 40, 80, true, false, false, 256)]
    [InlineData("Fail", ThinPoolMode.Failed, 0, 0, 0, 0, 0, false, false, false, 0)]
    [InlineData("Error", ThinPoolMode.Failed, 0, 0, 0, 0, 0, false, false, false, 0)]
    public void Status_of_a_thin_pool_is_read(
        string line, object mode, long transaction, long usedMetadata, long metadata, long usedData, long data, bool passdown, bool fails, bool check, long low)
    {
        Assert.Equal(
            new ThinPoolStatus((ThinPoolMode)mode, transaction, usedMetadata, metadata, usedData, data, passdown, fails, check, low),
            ThinPoolStatus.Parse(line));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0 10/1024")]
    [InlineData("0 10/1024 0/80 - rx discard_passdown queue_if_no_space - 256")]
    [InlineData("x 10/1024 0/80 - rw discard_passdown queue_if_no_space - 256")]
    [InlineData("0 10/ 0/80 - rw discard_passdown queue_if_no_space - 256")]
    [InlineData("0 -1/1024 0/80 - rw discard_passdown queue_if_no_space - 256")]
    [InlineData("0 10/1024 80 - rw discard_passdown queue_if_no_space - 256")]
    public void Anything_else_is_no_status_of_a_thin_pool(string line)
    {
        var e = Assert.Throws<FormatException>(() => ThinPoolStatus.Parse(line));
        Assert.Contains($"'{line}'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Thin_pool_says_how_full_it_is()
    {
        var pool = ThinPoolStatus.Parse("0 256/1024 60/80 - rw discard_passdown queue_if_no_space - 256");

        Assert.Equal((25.0, 75.0), (pool.MetadataPercent, pool.DataPercent));
    }

    [Theory]
    [InlineData("2048 8191", false, 2048 * 512)]
    [InlineData("0 -", false, 0)]
    [InlineData("-", false, 0)]
    [InlineData("Fail", true, 0)]
    [InlineData("Error", true, 0)]
    public void Status_of_a_thin_volume_is_read(string line, bool isFailed, long mappedBytes)
    {
        Assert.Equal(new ThinStatus(isFailed, mappedBytes), ThinStatus.Parse(line));
    }

    [Theory]
    [InlineData("16/8192 16", CowState.Valid, 16 * 512, 8192 * 512, 16 * 512, 0.1953125)]
    [InlineData("8192/8192 32", CowState.Valid, 8192 * 512, 8192 * 512, 32 * 512, 100)]
    [InlineData("Invalid", CowState.Invalid, 0, 0, 0, 100)]
    [InlineData("Overflow", CowState.Overflow, 0, 0, 0, 100)]
    [InlineData("Merge failed", CowState.MergeFailed, 0, 0, 0, 100)]
    [InlineData("Unknown", CowState.Unknown, 0, 0, 0, 100)]
    public void Status_of_a_copy_on_write_snapshot_is_read(string line, object state, long used, long total, long metadata, double percent)
    {
        var status = CowSnapshotStatus.Parse(line);

        Assert.Equal(new CowSnapshotStatus((CowState)state, used, total, metadata), status);
        Assert.Equal(percent, status.Percent, 7);
    }

    [Theory]
    [InlineData("raid1 2 AA 100/100 idle 0 0 -", "AA", true, 0, 1, 100)]
    [InlineData("raid1 3 aaa 20/100 resync 0 0 -", "aaa", false, 0, 2, 20)]
    [InlineData("raid1 2 AA 20/100 check 8 0 -", "AA", true, 0, 1, 20)]
    [InlineData("raid1 2 Aa 20/100 recover 0 0 -", "Aa", false, 0, 1, 20)]
    [InlineData("raid1 2 AD 100/100 idle 0 0 -", "AD", true, 1, 1, 100)]
    [InlineData("raid1 2 A- 100/100 idle 0 0 -", "A-", true, 1, 1, 100)]
    [InlineData("raid10 4 ADDA 100/100 frozen 0 2048 -", "ADDA", true, 2, 1, 100)]
    [InlineData("raid6_zr 5 AADDA 100/100 idle 0 0 A", "AADDA", true, 2, 2, 100)]
    [InlineData("raid4 5 AAAAA 50/490221568 init 0", "AAAAA", false, 0, 1, 100.0 * 50 / 490221568)]
    [InlineData("raid0 2 AA 100/100 idle 0 0 -", "AA", true, 0, 0, 100)]
    [InlineData("raid5_ls 3 AAA 100/100", "AAA", true, 0, 1, 100)]
    public void Status_of_a_RAID_volume_is_read(string line, string images, bool isInSync, int failed, int redundancy, double percent)
    {
        var status = RaidStatus.Parse(line);

        Assert.Equal(line.Split(' ')[0], status.Type);
        Assert.Equal(images, string.Concat(status.Images.Select(static image => "AaD-"[(int)image])));
        Assert.Equal((isInSync, failed, redundancy), (status.IsInSync, status.Failed, status.Redundancy));
        Assert.Equal(percent, status.DonePercent, 7);
        Assert.Equal(line.Contains("check 8", StringComparison.Ordinal) ? 8 : 0, status.Mismatches);
    }

    [Theory]
    [InlineData("")]
    [InlineData("raid1 2 AX 100/100 idle 0 0 -")]
    [InlineData("raid1 3 AA 100/100 idle 0 0 -")]
    [InlineData("raid1 2 AA idle")]
    public void Anything_else_is_no_status_of_a_RAID_volume(string line) => Assert.Throws<FormatException>(() => RaidStatus.Parse(line));

    [Theory]
    [InlineData("")]
    [InlineData("Full")]
    [InlineData("16/8192")]
    public void Anything_else_is_no_status_of_a_snapshot(string line) => Assert.Throws<FormatException>(() => CowSnapshotStatus.Parse(line));

    [Theory]
    [InlineData("")]
    [InlineData("many 8191")]
    public void Anything_else_is_no_status_of_a_thin_volume(string line) => Assert.Throws<FormatException>(() => ThinStatus.Parse(line));
}
