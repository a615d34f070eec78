namespace CsiLocal.Backends.Lvm;

/// <summary>A volume group as LVM reported it at one moment (lvmreport(7)); sizes in bytes.</summary>
internal sealed record VolumeGroupReport
{
    public required string Name { get; init; }

    /// <summary>As LVM prints it, with dashes.</summary>
    public required string Uuid { get; init; }

    public required long ExtentBytes { get; init; }

    public required long SizeBytes { get; init; }

    public required long FreeBytes { get; init; }

    /// <summary>Of the smallest metadata area: what is free in it limits how many volumes and tags there can be.</summary>
    public required long MetadataFreeBytes { get; init; }

    public required long MetadataSizeBytes { get; init; }

    public bool IsExported { get; init; }

    public IReadOnlyList<PhysicalVolume> PhysicalVolumes { get; init; } = [];

    /// <summary>Hidden ones too (rimage, tdata …), their names without brackets.</summary>
    public IReadOnlyList<LogicalVolume> LogicalVolumes { get; init; } = [];
}

/// <summary>A physical volume of a volume group.</summary>
/// <param name="Device">Path as LVM knows it now; "[unknown]" where it is missing.</param>
internal sealed record PhysicalVolume(string Device, string Uuid, long SizeBytes, long FreeBytes, bool IsMissing, bool IsAllocatable);

/// <summary>A logical volume.</summary>
internal sealed record LogicalVolume
{
    public required string Name { get; init; }

    /// <summary>As LVM prints it, with dashes.</summary>
    public required string Uuid { get; init; }

    public required long SizeBytes { get; init; }

    /// <summary>lv_attr, decoded (lvs(8)).</summary>
    public required LvAttributes Attributes { get; init; }

    /// <summary>Segment type: "linear", "striped", "raid1", "thin", "thin-pool", "snapshot" …</summary>
    public required string SegmentType { get; init; }

    /// <summary>Thin volumes: their thin pool; null for others.</summary>
    public string? Pool { get; init; }

    /// <summary>Snapshots: what they were made of, while it exists; null for others.</summary>
    public string? Origin { get; init; }

    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Thin pools, thin volumes and COW snapshots: use of the data, in per cent; null where it is not active or has none.</summary>
    public double? DataPercent { get; init; }

    public double? MetadataPercent { get; init; }

    /// <summary>Thin pools: size of the metadata, in bytes.</summary>
    public long? MetadataBytes { get; init; }

    /// <summary>Thin pools: bytes of one chunk (chunk_size).</summary>
    public long? ChunkBytes { get; init; }

    /// <summary>Thin pools: how many changes LVM has asked of it (transaction_id). Null for others.</summary>
    public long? TransactionId { get; init; }

    /// <summary>Thin pools: new chunks read as zero (zero): without it a volume shows what its chunks held before. Null for others.</summary>
    public bool? ZeroesChunks { get; init; }

    /// <summary>RAID: how much of it is in sync, in per cent.</summary>
    public double? SyncPercent { get; init; }

    public bool IsHidden { get; init; }

    /// <summary>A part of another volume: hidden as a rule; the metadata of RAID is not, and has the whole's tags, while lvcreate clears it.</summary>
    public bool IsPart => IsHidden || Attributes.Type == LvType.MetadataOrSpare;

    /// <summary>RAID: its lvcreate was killed while it cleared the metadata of the images. It was never active, and never can be.</summary>
    /// <remarks>
    /// LVM commits it with its metadata visible, and has it skip activation, before it clears that, and hides it when that is done
    /// (lib/metadata/lv_manip.c, lv_extend); until then "Refusing activation of RAID LV with visible SubLVs".
    /// </remarks>
    public bool IsUncleared { get; init; }
}
