using System.Text.Json;
using CsiLocal.Backends.Lvm;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class LvmReportParserTests
{
    private const long MiB = 1 << 20;

    private static readonly VolumeGroupReport Kinds = Assert.Single(LvmReportParser.ReadReport(Captured.Report("kinds")));

    public static TheoryData<string, string, long, string?, string?, double?, double?> Volumes => new()
    {
        { "linear", "linear", 64 * MiB, null, null, null, null },
        { "striped", "striped", 64 * MiB, null, null, null, null },
        { "raid1", "raid1", 32 * MiB, null, null, null, 100 },
        { "raid5", "raid5", 32 * MiB, null, null, null, 100 },
        { "integrity", "raid1", 32 * MiB, null, null, null, 100 },
        { "integrity_rimage_0", "integrity", 32 * MiB, null, null, null, 100 },
        { "pool", "thin-pool", 128 * MiB, null, null, 7.81, null },
        { "thin", "thin", 1024 * MiB, "pool", null, 0.98, null },
        { "thinsnapshot", "thin", 1024 * MiB, "pool", "thin", 0.98, null },
        { "skipped", "thin", 1024 * MiB, "pool", "thin", null, null },
        { "cow", "snapshot", 8 * MiB, null, "linear", 0, null },
        { "inactive", "linear", 8 * MiB, null, null, null, null },
    };

    [Fact]
    public void The_volume_group_is_whole()
    {
        Assert.Equal("vg", Kinds.Name);
        Assert.Equal(38, Kinds.Uuid.Length);
        Assert.Equal(4 * MiB, Kinds.ExtentBytes);
        Assert.Equal(753 * 4 * MiB, Kinds.SizeBytes);
        Assert.InRange(Kinds.FreeBytes, 1, Kinds.SizeBytes);
        Assert.Equal(17 * MiB - 4096, Kinds.MetadataSizeBytes);
        Assert.InRange(Kinds.MetadataFreeBytes, 1, Kinds.MetadataSizeBytes / 2);
        Assert.False(Kinds.IsExported);
        Assert.Equal(["/dev/vda", "/dev/vdb", "/dev/vdc"], Kinds.PhysicalVolumes.Select(static device => device.Device));
        Assert.All(Kinds.PhysicalVolumes, static device => Assert.True(device is { IsMissing: false, IsAllocatable: true, SizeBytes: 1004 * MiB, Uuid.Length: 38 }));
        Assert.Equal(Kinds.FreeBytes, Kinds.PhysicalVolumes.Sum(static device => device.FreeBytes));
    }

    [Theory]
    [MemberData(nameof(Volumes))]
    public void Each_kind_of_logical_volume_is_read(string name, string segment, long size, string? pool, string? origin, double? data, double? sync)
    {
        var volume = Kinds.LogicalVolumes.Single(volume => volume.Name == name);

        Assert.Equal((segment, size, pool, origin), (volume.SegmentType, volume.SizeBytes, volume.Pool, volume.Origin));
        Assert.Equal((data, sync), (volume.DataPercent, volume.SyncPercent));
        Assert.Equal(38, volume.Uuid.Length);
        Assert.Equal(name.Contains('_'), volume.IsHidden);
    }

    [Fact]
    public void A_thin_pool_has_its_metadata_chunks_and_zeroing()
    {
        var pool = Kinds.LogicalVolumes.Single(static volume => volume.Name == "pool");

        Assert.Equal((4 * MiB, 65536, 3, true), (pool.MetadataBytes, pool.ChunkBytes, pool.TransactionId, pool.ZeroesChunks));
        Assert.InRange(pool.MetadataPercent ?? 0, 10, 12);
        Assert.All(
            Kinds.LogicalVolumes.Where(static volume => volume.Name != "pool"),
            static volume => Assert.Equal((null, null, null, null), (volume.MetadataBytes, volume.ChunkBytes, volume.TransactionId, volume.ZeroesChunks)));
    }

    [Fact]
    public void Names_of_hidden_volumes_have_no_brackets()
    {
        var hidden = Kinds.LogicalVolumes.Where(static volume => volume.IsHidden).Select(static volume => volume.Name).ToList();

        Assert.Contains("pool_tdata", hidden);
        Assert.Contains("lvol0_pmspare", hidden);
        Assert.Contains("raid5_rimage_2", hidden);
        Assert.DoesNotContain(Kinds.LogicalVolumes, static volume => volume.Name.Contains('['));
    }

    [Fact]
    public void Tags_come_apart_at_commas()
    {
        Assert.Equal(["csilocal.volume=1&name=a#20b", "foreign"], Kinds.LogicalVolumes.Single(static volume => volume.Name == "linear").Tags);
        Assert.Empty(Kinds.LogicalVolumes.Single(static volume => volume.Name == "raid1").Tags);
    }

    [Theory]
    [InlineData("kinds", "inactive", LvType.Normal, LvState.Inactive, LvHealth.Ok)]
    [InlineData("kinds", "skipped", LvType.Thin, LvState.Inactive, LvHealth.Ok)]
    [InlineData("kinds", "linear", LvType.Origin, LvState.Active, LvHealth.Ok)]
    [InlineData("full", "pool", LvType.ThinPool, LvState.Active, LvHealth.OutOfData)]
    [InlineData("overflown", "cow", LvType.Snapshot, LvState.InvalidSnapshot, LvHealth.Ok)]
    [InlineData("missing", "striped", LvType.Normal, LvState.Active, LvHealth.Partial)]
    [InlineData("missing", "raid1", LvType.Raid, LvState.Active, LvHealth.Partial)]
    [InlineData("raid-failed", "raid1", LvType.Raid, LvState.Active, LvHealth.Partial)]
    [InlineData("raid-failed", "partial", LvType.Normal, LvState.Active, LvHealth.Partial)]
    public void What_happened_to_a_volume_is_in_its_attributes(string report, string name, object type, object state, object health)
    {
        var volume = LvmReportParser.ReadReport(Captured.Report(report))[0].LogicalVolumes.Single(volume => volume.Name == name);

        Assert.Equal((type, state, health), ((object)volume.Attributes.Type, (object)volume.Attributes.State, (object)volume.Attributes.Health));
    }

    [Fact]
    public void A_missing_device_is_named_unknown()
    {
        var group = Assert.Single(LvmReportParser.ReadReport(Captured.Report("missing")));

        Assert.Equal("[unknown]", Assert.Single(group.PhysicalVolumes, static device => device.IsMissing).Device);
        Assert.Equal(2, group.PhysicalVolumes.Count(static device => device.Device.StartsWith("/dev/vd", StringComparison.Ordinal)));
    }

    [Fact]
    public void An_exported_group_says_so()
    {
        Assert.True(Assert.Single(LvmReportParser.ReadReport(Captured.Report("exported"))).IsExported);
    }

    [Fact]
    public void Namesakes_come_with_their_own_volumes()
    {
        var groups = LvmReportParser.ReadReport(Captured.Report("namesakes"));

        Assert.Equal(["vg", "vg"], groups.Select(static group => group.Name));
        Assert.Equal(2, groups.Select(static group => group.Uuid).Distinct().Count());
        Assert.Single(groups, static group => group.LogicalVolumes.Count == 0);
    }

    [Fact]
    public void A_scan_groups_devices_by_their_group()
    {
        var found = Assert.Single(LvmReportParser.ReadScan(Captured.Report("scan")));

        Assert.Equal((Kinds.Name, Kinds.Uuid, 0), (found.Name, found.Uuid, found.MissingDevices));
        Assert.Equal(["/dev/vda", "/dev/vdb", "/dev/vdc"], found.Devices);
    }

    [Fact]
    public void A_scan_finds_namesakes_and_groups_of_other_hosts()
    {
        var namesakes = LvmReportParser.ReadScan(Captured.Report("scan-namesakes"));
        var foreign = LvmReportParser.ReadScan(Captured.Report("scan-foreign"));

        Assert.Equal([("vg", 3), ("vg", 1)], namesakes.Select(static group => (group.Name, group.Devices.Count)));
        Assert.NotEqual(namesakes[0].Uuid, namesakes[1].Uuid);
        Assert.Equal(["vg", "vg2"], foreign.Select(static group => group.Name));
    }

    [Fact]
    public void A_scan_counts_missing_devices()
    {
        var found = LvmReportParser.ReadScan(Captured.Report("scan-missing")).Single(static group => group.Name == "vg");

        Assert.Equal(1, found.MissingDevices);
        Assert.Equal(["/dev/vda", "/dev/vdb"], found.Devices);
    }

    // As in deckhouse sds-node-configurator#334: lvm's advice lies between the lines of its report.
    [Theory]
    [InlineData("Consider pruning vg VG archive with more then 11949 MiB in 11949 files (see archiving settings in lvm.conf).")]
    [InlineData("  WARNING: {not} JSON, [this]")]
    [InlineData("  \"quoted\" is no report")]
    [InlineData("  {half a row")]
    [InlineData("]")]
    public void Advice_before_in_and_after_the_report_is_passed_over(string advice)
    {
        var text = Captured.Report("kinds");
        for (var at = text.IndexOf('\n'); advice != "]" && at >= 0; at = text.IndexOf('\n', at + 1))
        {
            var group = Assert.Single(LvmReportParser.ReadReport(text.Insert(at + 1, advice + "\n")));

            Assert.Equal(Kinds.LogicalVolumes.Count, group.LogicalVolumes.Count);
        }

        Assert.Single(LvmReportParser.ReadReport($"{advice}\n{text}{advice}\n"));
    }

    [Fact]
    public void Unknown_columns_and_reports_are_ignored()
    {
        var text = Captured.Report("kinds")
            .Replace("{\"lv_uuid\"", "{\"lv_new\":\"\", \"lv_uuid\"", StringComparison.Ordinal)
            .Replace("\"pvseg\": [", "\"new\": [ {\"a\":1} ] , \"pvseg\": [", StringComparison.Ordinal);

        Assert.Equal(Kinds.LogicalVolumes.Count, Assert.Single(LvmReportParser.ReadReport(text)).LogicalVolumes.Count);
    }

    [Fact]
    public void Every_column_that_is_asked_for_is_needed_and_a_missing_one_is_named()
    {
        var text = Captured.Report("kinds");
        var columns = LvmColumns.VolumeGroup.Concat(LvmColumns.PhysicalVolumes).Concat(LvmColumns.LogicalVolumes).Concat(LvmColumns.Segments);

        Assert.All(columns, column =>
        {
            var e = Assert.Throws<JsonException>(
                () => LvmReportParser.ReadReport(text.Replace($"\"{column}\":", $"\"x_{column}\":", StringComparison.Ordinal)));
            Assert.Contains($"'{column}'", e.Message, StringComparison.Ordinal);
        });
        Assert.All(LvmColumns.ScannedVolumeGroups, column =>
        {
            var e = Assert.Throws<JsonException>(() => LvmReportParser.ReadScan(
                Captured.Report("scan").Replace($"\"{column}\":", $"\"x_{column}\":", StringComparison.Ordinal)));
            Assert.Contains($"'{column}'", e.Message, StringComparison.Ordinal);
        });
    }

    [Theory]
    [InlineData("\"lv_size\":\"67108864\"", "\"lv_size\":\"64.00m\"")]
    [InlineData("\"lv_size\":\"67108864\"", "\"lv_size\":\"\"")]
    [InlineData("\"lv_size\":\"67108864\"", "\"lv_size\":\"-1\"")]
    [InlineData("\"lv_size\":\"67108864\"", "\"lv_size\":\"99999999999999999999\"")]
    [InlineData("\"data_percent\":\"7.81\"", "\"data_percent\":\"much\"")]
    [InlineData("\"lv_attr\":\"owi-a-s---\"", "\"lv_attr\":\"\"")]
    [InlineData("\"vg_attr\":\"wz--n-\"", "\"vg_attr\":\"w\"")]
    [InlineData("\"pv_attr\":\"a--\"", "\"pv_attr\":\"\"")]
    public void A_value_that_lvm_does_not_print_is_refused(string value, string strange)
    {
        var text = Captured.Report("kinds");

        Assert.Contains(value, text, StringComparison.Ordinal);
        Assert.Throws<FormatException>(() => LvmReportParser.ReadReport(text.Replace(value, strange, StringComparison.Ordinal)));
    }

    [Fact]
    public void Numbers_may_be_numbers_and_huge_and_percentages_negative_where_there_are_none()
    {
        var text = Captured.Report("kinds")
            .Replace("\"vg_size\":\"3158310912\"", "\"vg_size\":9223372036854775807", StringComparison.Ordinal)
            .Replace("\"data_percent\":\"7.81\"", "\"data_percent\":\"-1.00\"", StringComparison.Ordinal);

        var group = Assert.Single(LvmReportParser.ReadReport(text));

        Assert.Equal(long.MaxValue, group.SizeBytes);
        Assert.Null(group.LogicalVolumes.Single(static volume => volume.Name == "pool").DataPercent);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nothing to report")]
    [InlineData("{}")]
    [InlineData("{\"report\": 1}")]
    [InlineData("{\"report\": [1]}")]
    [InlineData("{\"report\": [{\"vg\": {}}]}")]
    [InlineData("{\"report\": [{\"vg\": [1]}]}")]
    public void What_is_no_report_is_refused(string text)
    {
        Assert.ThrowsAny<JsonException>(() => LvmReportParser.ReadReport(text));
    }

    [Fact]
    public void No_part_of_a_report_is_taken_for_the_whole()
    {
        var text = Captured.Report("kinds").TrimEnd();

        for (var length = 1; length < text.Length; length += 7)
            Assert.ThrowsAny<Exception>(() => LvmReportParser.ReadReport(text[..length]));
    }
}
