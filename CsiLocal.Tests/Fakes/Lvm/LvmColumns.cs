using System.Globalization;

namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>Columns of reports as lvm2 2.03.16 fills them, in bytes without a suffix.</summary>
internal static class LvmColumns
{
    private static readonly Dictionary<string, Func<LvmRow, string>> s_group = new()
    {
        ["vg_name"] = static row => row.Group.Name,
        ["vg_uuid"] = static row => row.Group.Uuid,
        ["vg_fmt"] = static _ => "lvm2",
        ["vg_attr"] = static row => $"wz{(row.Group.IsExported ? 'x' : '-')}{(IsPartial(row) ? 'p' : '-')}n-",
        ["vg_extent_size"] = static _ => Text(EmulatedGroup.ExtentBytes),
        ["vg_extent_count"] = static row => Text(row.Group.TotalExtents),
        ["vg_free_count"] = static row => Text(row.Group.FreeExtents),
        ["vg_size"] = static row => Text(row.Group.TotalExtents * EmulatedGroup.ExtentBytes),
        ["vg_free"] = static row => Text(row.Group.FreeExtents * EmulatedGroup.ExtentBytes),
        ["vg_mda_size"] = static row => Text(row.Group.MetadataBytes),
        ["vg_mda_free"] = static row => Text(row.Group.MetadataFreeBytes),
        ["vg_mda_count"] = static row => Text(row.Group.Disks.Count),
        ["vg_exported"] = static row => row.Group.IsExported ? "exported" : "",
        ["vg_partial"] = static row => IsPartial(row) ? "partial" : "",
        ["vg_missing_pv_count"] = static row => Text(row.Group.Disks.Count(disk => !row.Scope.Sees(disk))),
        ["vg_tags"] = static _ => "",
        ["vg_systemid"] = static _ => "",
        ["vg_shared"] = static _ => "",
        ["vg_permissions"] = static _ => "writeable",
        ["pv_count"] = static row => Text(row.Group.Disks.Count),
        ["lv_count"] = static row => Text(row.Group.Volumes.Values.Count(static volume => !volume.IsHidden)),
    };

    private static readonly Dictionary<string, Func<LvmRow, string>> s_disk = new()
    {
        ["pv_name"] = static row => row.Scope.Sees(row.Disk!) ? row.Disk!.Path : "[unknown]",
        ["pv_uuid"] = static row => row.Disk!.Uuid,
        ["pv_fmt"] = static _ => "lvm2",
        ["pv_size"] = static row => Text(row.Disk!.Extents * EmulatedGroup.ExtentBytes),
        ["dev_size"] = static row => row.Scope.Sees(row.Disk!) ? Text((row.Disk!.Extents + 1) * EmulatedGroup.ExtentBytes) : "0",
        ["pv_free"] = static row => Text(row.Group.FreeOn(row.Disk!) * EmulatedGroup.ExtentBytes),
        ["pv_used"] = static row => Text((row.Disk!.Extents - row.Group.FreeOn(row.Disk)) * EmulatedGroup.ExtentBytes),
        ["pv_missing"] = static row => row.Scope.Sees(row.Disk!) ? "" : "missing",
        ["pv_allocatable"] = static row => row.Disk!.IsAllocatable ? "allocatable" : "",
        ["pv_attr"] = static row => $"{(row.Disk!.IsAllocatable ? 'a' : 'u')}-{(row.Scope.Sees(row.Disk) ? '-' : 'm')}",
        ["pv_exported"] = static row => row.Group.IsExported ? "exported" : "",
        ["pv_duplicate"] = static _ => "",
        ["pv_in_use"] = static _ => "used",
        ["pv_mda_size"] = static row => Text(row.Group.MetadataBytes),
        ["pv_mda_free"] = static row => Text(row.Group.MetadataFreeBytes),
        ["pv_pe_count"] = static row => Text(row.Disk!.Extents),
        ["pv_tags"] = static _ => "",
    };

    private static readonly Dictionary<string, Func<LvmRow, string>> s_volume = new()
    {
        ["lv_name"] = static row => Bracketed(row.Volume!),
        ["lv_full_name"] = static row => $"{row.Group.Name}/{Bracketed(row.Volume!)}",
        ["lv_uuid"] = static row => row.Volume!.Uuid,
        ["lv_size"] = static row => Text(row.Volume!.IsCow ? row.Volume.ReserveBytes : row.Volume.SizeBytes),
        ["lv_attr"] = static row => row.Volume!.Attributes(OpenCount(row.Volume)),
        ["lv_tags"] = static row => string.Join(',', row.Volume!.Tags),
        ["lv_parent"] = static row => row.Volume!.Parent is { } parent ? parent.Name : "",
        ["lv_dm_path"] = static row => $"/dev/mapper/{row.Volume!.DmName}",
        ["lv_path"] = static row => row.Volume!.IsHidden ? "" : $"/dev/{row.Group.Name}/{row.Volume.Name}",
        ["lv_active"] = static row => row.Volume!.IsActive ? "active" : "",
        ["lv_device_open"] = static row => row.Volume!.IsActive && OpenCount(row.Volume) > 0 ? "open" : "",
        ["lv_skip_activation"] = static row => row.Volume!.SkipsActivation ? "skip activation" : "",
        ["lv_health_status"] = static row => row.Volume!.IsPartial ? "partial" : "",
        ["lv_when_full"] = static row => row.Volume!.IsThinPool ? "queue" : "",
        ["lv_metadata_size"] = static row => row.Volume!.IsThinPool ? Text(row.Volume.MetadataBytes) : "",
        ["lv_kernel_major"] = static row => row.Volume!.IsActive ? "7" : "-1",
        ["lv_kernel_minor"] = static row => row.Volume!.Loop is { } loop ? Text(loop) : "-1",
        ["pool_lv"] = static row => row.Volume!.Pool?.Name ?? "",
        ["pool_lv_uuid"] = static row => row.Volume!.Pool?.Uuid ?? "",
        ["origin"] = static row => row.Volume!.Origin?.Name ?? "",
        ["origin_uuid"] = static row => row.Volume!.Origin?.Uuid ?? "",
        ["data_percent"] = static row => Percent(LvmUse.DataPercent(row.Volume!)),
        ["snap_percent"] = static row => Percent(row.Volume!.IsCow ? LvmUse.DataPercent(row.Volume) : null),
        ["metadata_percent"] = static row => Percent(LvmUse.MetadataPercent(row.Volume!)),
        ["sync_percent"] = static row => Percent(row.Volume! is { IsRaid: true, IsActive: true } ? row.Volume!.SyncPercent : null),
        ["copy_percent"] = static row => Percent(row.Volume! is { IsRaid: true, IsActive: true } ? row.Volume!.SyncPercent : null),
        ["raid_mismatch_count"] = static row => row.Volume!.IsRaid ? "0" : "",
        ["raid_sync_action"] = static row => row.Volume!.IsRaid ? "idle" : "",
        ["integritymismatches"] = static _ => "",
    };

    private static readonly Dictionary<string, Func<LvmRow, string>> s_segment = new()
    {
        ["segtype"] = static row => row.Volume!.IsCow ? "linear" : row.Volume.SegmentType,
        ["seg_size"] = static row => Text(row.Segment is { } segment ? segment.Extents * EmulatedGroup.ExtentBytes : row.Volume!.SizeBytes),
        ["origin_size"] = static row => Text(row.Volume!.SizeBytes),
        ["seg_start"] = static row => Text(row.Segment is { } segment ? Start(row.Volume!, segment) : 0),
        ["stripes"] = static row => Text(Math.Max(1, row.Volume!.SegmentType == "linear" ? 1 : row.Volume.Segments.Count)),
        ["data_stripes"] = static row => Text(Math.Max(1, row.Volume!.SegmentType == "linear" ? 1 : row.Volume.Segments.Count)),
        ["chunk_size"] = static row => Text(row.Volume!.IsThinPool ? row.Volume.ChunkBytes : row.Volume.IsCow ? 4096 : 0),
        ["discards"] = static row => row.Volume!.IsThinPool ? "passdown" : "",
        ["zero"] = static row => row.Volume!.IsThinPool ? "zero" : "unknown",
        ["transaction_id"] = static row => row.Volume is { IsThinPool: true } or { IsThin: true } ? Text(row.Volume.TransactionId) : "",
        ["seg_monitor"] = static _ => "",
    };

    private static readonly Dictionary<string, Func<LvmRow, string>> s_diskSegment = new()
    {
        ["pvseg_start"] = static _ => "0",
        ["pvseg_size"] = static row => Text(row.Segment?.Extents ?? 0),
    };

    public static bool IsSegmentColumn(string column) => s_segment.ContainsKey(column);

    public static string Value(LvmRow row, string column)
    {
        if (s_group.TryGetValue(column, out var ofGroup))
            return ofGroup(row);
        if (row.Disk is not null && s_disk.TryGetValue(column, out var ofDisk))
            return ofDisk(row);
        if (row.Volume is not null && s_volume.TryGetValue(column, out var ofVolume))
            return ofVolume(row);
        if (row.Volume is not null && s_segment.TryGetValue(column, out var ofSegment))
            return ofSegment(row);
        return row.Segment is not null && s_diskSegment.TryGetValue(column, out var ofDiskSegment)
            ? ofDiskSegment(row)
            : throw new LvmMisuseException($"{row.Scope.Arguments.Command}: no column {column} there");
    }

    private static bool IsPartial(LvmRow row) => row.Group.Disks.Any(disk => !row.Scope.Sees(disk));

    private static string Bracketed(EmulatedVolume volume) => volume.IsHidden ? $"[{volume.Name}]" : volume.Name;

    private static int OpenCount(EmulatedVolume volume) => volume.Loop is { } loop ? DeviceUsers.Count(loop) : 0;

    private static long Start(EmulatedVolume volume, EmulatedSegment segment) =>
        volume.Segments.TakeWhile(other => other != segment).Sum(static other => other.Extents) * EmulatedGroup.ExtentBytes;

    private static string Percent(double? value) => value?.ToString("0.00", CultureInfo.InvariantCulture) ?? "";

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
