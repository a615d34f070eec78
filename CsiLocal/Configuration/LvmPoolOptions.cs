namespace CsiLocal.Configuration;

/// <summary>How the segments of a thick logical volume lie on the physical volumes (lvmraid(7)).</summary>
internal enum LvmLayout
{
    Linear,
    Striped,
    Raid1,
    Raid5,
    Raid6,
    Raid10,
}

/// <summary>What lvm and lvm-thin pools have beyond the options of every pool.</summary>
internal sealed record LvmPoolOptions
{
    public const int DefaultExtendAtPercent = 80;
    public const int DefaultExtendByPercent = 20;
    public const int DefaultStopAtPercent = 95;

    public required string VolumeGroup { get; init; }

    /// <summary>Globs of block devices below /dev of which the volume group is made, and grown, where they are blank; empty: it exists.</summary>
    public TextList Devices { get; init; } = TextList.Empty;

    /// <summary>lvm: layout of its volumes.</summary>
    public LvmLayout Layout { get; init; } = LvmLayout.Linear;

    /// <summary>Data stripes (striped, raid5, raid6, raid10, and a thin pool's data); null: as many as the volume group's devices allow.</summary>
    public int? Stripes { get; init; }

    /// <summary>Bytes of one stripe, a power of two; null: LVM's default.</summary>
    public long? StripeSizeBytes { get; init; }

    /// <summary>raid1, raid10: copies of each byte.</summary>
    public int Copies { get; init; } = 2;

    /// <summary>raid: checksums below each image (dm-integrity), so that silent corruption is found and healed.</summary>
    public bool Integrity { get; init; }

    /// <summary>lvm: bytes of copy-on-write space for each snapshot, in per cent of its volume; null: snapshots are refused.</summary>
    public int? SnapshotReservePercent { get; init; }

    /// <summary>Tell the devices which blocks a removed volume had (TRIM, UNMAP).</summary>
    public bool Discard { get; init; } = true;

    /// <summary>lvm-thin: name of the thin pool in the volume group; null for lvm.</summary>
    public string? ThinPool { get; init; }

    /// <summary>lvm-thin: what the thin pool is made with where it does not exist; null: it must exist.</summary>
    public ThinPoolSize? ThinPoolSize { get; init; }

    /// <summary>lvm-thin: bytes of the pool's metadata where it is made; null: a size that fits the data and the chunk size.</summary>
    public long? ThinMetadataBytes { get; init; }

    /// <summary>lvm-thin: bytes of one chunk where the pool is made; null: by the size of the volume group.</summary>
    public long? ChunkBytes { get; init; }

    /// <summary>lvm-thin: data or metadata use, in per cent, from which on the pool is extended from the volume group; 100: never.</summary>
    public int ExtendAtPercent { get; init; } = DefaultExtendAtPercent;

    /// <summary>lvm-thin: by how much of its size it is extended, in per cent.</summary>
    public int ExtendByPercent { get; init; } = DefaultExtendByPercent;

    /// <summary>lvm-thin: data or metadata use, in per cent, from which on no new volume or snapshot is made.</summary>
    public int StopAtPercent { get; init; } = DefaultStopAtPercent;
}

/// <summary>The size of a thin pool's data: bytes, or a part of the volume group.</summary>
/// <param name="Bytes">Bytes; null where <paramref name="Percent"/> says it.</param>
/// <param name="Percent">Per cent of the volume group's size; null where <paramref name="Bytes"/> says it.</param>
internal sealed record ThinPoolSize(long? Bytes, int? Percent);
