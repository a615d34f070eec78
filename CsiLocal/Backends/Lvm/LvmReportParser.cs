using System.Globalization;
using System.Text.Json;

namespace CsiLocal.Backends.Lvm;

/// <summary>lvm's JSON reports as records. Unknown columns and sub-reports are ignored, a missing column is an error that names it.</summary>
internal static class LvmReportParser
{
    private const string MissingDevice = "[unknown]";

    /// <summary>The volume groups of a <c>fullreport</c>: more than one where several have the name that was asked for.</summary>
    /// <exception cref="JsonException">Not such a report.</exception>
    /// <exception cref="FormatException">A value that LVM does not print.</exception>
    public static IReadOnlyList<VolumeGroupReport> ReadReport(string text)
    {
        using var document = LvmReportText.Parse(text);
        var groups = new List<VolumeGroupReport>();
        foreach (var report in Reports(document))
        {
            foreach (var group in Rows(report, "vg"))
                groups.Add(ReadGroup(group, report));
        }

        return groups;
    }

    /// <summary>The volume groups of a <c>pvs</c>; devices that belong to none are left out.</summary>
    /// <inheritdoc cref="ReadReport"/>
    public static IReadOnlyList<FoundVolumeGroup> ReadScan(string text)
    {
        using var document = LvmReportText.Parse(text);
        var found = new List<FoundVolumeGroup>();
        foreach (var report in Reports(document))
        {
            foreach (var row in Rows(report, "pv"))
            {
                if (Text(row, "vg_uuid") is { Length: > 0 } uuid)
                    Add(found, Text(row, "vg_name"), uuid, Text(row, "pv_name"), (int)Number(row, "vg_missing_pv_count"));
            }
        }

        return found;
    }

    private static void Add(List<FoundVolumeGroup> found, string name, string uuid, string device, int missing)
    {
        IReadOnlyList<string> devices = device == MissingDevice ? [] : [device];
        var index = found.FindIndex(group => group.Uuid == uuid);
        if (index < 0)
            found.Add(new FoundVolumeGroup(name, uuid, devices, missing));
        else
            found[index] = found[index] with { Devices = [.. found[index].Devices, .. devices] };
    }

    private static VolumeGroupReport ReadGroup(JsonElement group, JsonElement report)
    {
        var segments = ReadSegments(report);
        var devices = new List<PhysicalVolume>();
        foreach (var row in Rows(report, "pv"))
            devices.Add(ReadDevice(row));

        var volumes = new List<LogicalVolume>();
        foreach (var row in Rows(report, "lv"))
            volumes.Add(ReadVolume(row, segments));
        MarkUncleared(volumes);

        return new VolumeGroupReport
        {
            Name = Text(group, "vg_name"),
            Uuid = Text(group, "vg_uuid"),
            ExtentBytes = Number(group, "vg_extent_size"),
            SizeBytes = Number(group, "vg_size"),
            FreeBytes = Number(group, "vg_free"),
            MetadataFreeBytes = Number(group, "vg_mda_free"),
            MetadataSizeBytes = Number(group, "vg_mda_size"),
            IsExported = Letter(group, "vg_attr", 2) == 'x',
            PhysicalVolumes = devices,
            LogicalVolumes = volumes,
        };
    }

    private static PhysicalVolume ReadDevice(JsonElement row)
    {
        var device = Text(row, "pv_name");
        return new PhysicalVolume(
            device,
            Text(row, "pv_uuid"),
            Number(row, "pv_size"),
            Number(row, "pv_free"),
            IsMissing: device == MissingDevice || Letter(row, "pv_attr", 2) == 'm',
            IsAllocatable: Letter(row, "pv_attr", 0) == 'a');
    }

    private static Dictionary<string, Segment> ReadSegments(JsonElement report)
    {
        var segments = new Dictionary<string, Segment>(StringComparer.Ordinal);
        foreach (var row in Rows(report, "seg"))
            segments.TryAdd(Text(row, "lv_uuid"), new Segment(Text(row, "segtype"), OptionalNumber(row, "chunk_size"), OptionalNumber(row, "transaction_id")));
        return segments;
    }

    private static LogicalVolume ReadVolume(JsonElement row, Dictionary<string, Segment> segments)
    {
        var (name, isHidden) = Unbracketed(Text(row, "lv_name"));
        var uuid = Text(row, "lv_uuid");
        var attr = Text(row, "lv_attr");
        var attributes = LvAttributes.Parse(attr);
        var segment = segments.GetValueOrDefault(uuid) ?? throw new JsonException($"logical volume {name} has no segment type");
        var isPool = attributes.Type == LvType.ThinPool;
        var isThin = segment.Type == "thin";
        var isCow = attributes.Type is LvType.Snapshot or LvType.SnapshotMerging;
        return new LogicalVolume
        {
            Name = name,
            Uuid = uuid,
            SizeBytes = Number(row, "lv_size"),
            Attributes = attributes,
            SegmentType = isCow ? "snapshot" : segment.Type,

            // Cached volumes have both too.
            Pool = isThin ? Reference(row, "pool_lv") : null,
            Origin = isThin || isCow ? Reference(row, "origin") : null,
            Tags = Text(row, "lv_tags").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
            DataPercent = Percent(row, "data_percent"),
            MetadataPercent = Percent(row, "metadata_percent"),
            MetadataBytes = OptionalNumber(row, "lv_metadata_size"),
            ChunkBytes = isPool ? segment.ChunkBytes : null,
            TransactionId = isPool ? segment.TransactionId : null,
            ZeroesChunks = isPool ? attr[7] == 'z' : null,
            SyncPercent = Percent(row, "sync_percent"),
            IsHidden = isHidden,
        };
    }

    // A conversion shows the metadata that it adds for a while, too: of a volume that is active, or no RAID yet, and never the first one's.
    private static void MarkUncleared(List<LogicalVolume> volumes)
    {
        for (var i = 0; i < volumes.Count; i++)
        {
            if (volumes[i] is { Attributes: { Type: LvType.Raid or LvType.RaidUnsynced, State: LvState.Inactive, SkipsActivation: true } } whole
                && volumes.Exists(part => part is { IsPart: true, IsHidden: false } && part.Name == $"{whole.Name}_rmeta_0"))
            {
                volumes[i] = whole with { IsUncleared = true };
            }
        }
    }

    private static JsonElement.ArrayEnumerator Reports(JsonDocument document)
    {
        if (document.RootElement.ValueKind != JsonValueKind.Object
            || !document.RootElement.TryGetProperty("report", out var reports) || reports.ValueKind != JsonValueKind.Array)
        {
            throw new JsonException("it has no list 'report'");
        }

        return reports.EnumerateArray();
    }

    private static JsonElement.ArrayEnumerator Rows(JsonElement report, string name)
    {
        if (report.ValueKind != JsonValueKind.Object || !report.TryGetProperty(name, out var rows) || rows.ValueKind != JsonValueKind.Array)
            throw new JsonException($"it has no list '{name}'");
        return rows.EnumerateArray();
    }

    private static string Text(JsonElement row, string column) => JsonFields.Text(row, column) ?? throw new JsonException($"column '{column}' is missing");

    private static char Letter(JsonElement row, string column, int index) =>
        Text(row, column) is var text && text.Length > index ? text[index] : throw new FormatException($"column '{column}' is '{text}'");

    private static long Number(JsonElement row, string column) =>
        OptionalNumber(row, column) ?? throw new FormatException($"column '{column}' is empty");

    private static long? OptionalNumber(JsonElement row, string column)
    {
        var text = Text(row, column);
        if (text.Length == 0)
            return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new FormatException($"column '{column}' is '{text}', not a number of bytes");
    }

    // Empty, or "-1.00" in some releases, where it is not active or has none.
    private static double? Percent(JsonElement row, string column)
    {
        var text = Text(row, column);
        if (text.Length == 0)
            return null;
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var percent))
            throw new FormatException($"column '{column}' is '{text}', not a percentage");
        return percent < 0 ? null : percent;
    }

    private static string? Reference(JsonElement row, string column) =>
        Text(row, column) is { Length: > 0 } name ? Unbracketed(name).Name : null;

    private static (string Name, bool WasBracketed) Unbracketed(string name) =>
        name.StartsWith('[') && name.EndsWith(']') ? (name[1..^1], true) : (name, false);

    private sealed record Segment(string Type, long? ChunkBytes, long? TransactionId);
}
