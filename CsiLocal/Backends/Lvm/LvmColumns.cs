namespace CsiLocal.Backends.Lvm;

/// <summary>The columns asked of lvm's reports (lvmreport(7)): no others, since a thousand volumes make a megabyte of them.</summary>
internal static class LvmColumns
{
    public static readonly string[] ScannedVolumeGroups = ["pv_name", "vg_name", "vg_uuid", "vg_missing_pv_count"];

    public static readonly string[] VolumeGroup =
        ["vg_name", "vg_uuid", "vg_attr", "vg_extent_size", "vg_size", "vg_free", "vg_mda_free", "vg_mda_size", "vg_tags"];

    public static readonly string[] PhysicalVolumes = ["pv_name", "pv_uuid", "pv_attr", "pv_size", "pv_free"];

    public static readonly string[] LogicalVolumes =
    [
        "lv_uuid", "lv_name", "lv_attr", "lv_size", "pool_lv", "origin", "data_percent", "metadata_percent", "lv_metadata_size",
        "sync_percent", "lv_tags",
    ];

    public static readonly string[] Segments = ["lv_uuid", "segtype", "chunk_size", "transaction_id"];
}
