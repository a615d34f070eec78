namespace CsiLocal.Volumes;

/// <summary>How a volume is consumed; fixed when it is created.</summary>
internal enum AccessType
{
    Mount,
    Block,
}

/// <summary>The access modes that a volume on one node's own disks can serve (CSI VolumeCapability.AccessMode).</summary>
internal enum AccessMode
{
    SingleNodeWriter,
    SingleNodeReaderOnly,
    SingleNodeSingleWriter,
    SingleNodeMultiWriter,
}

internal enum FilesystemType
{
    Ext4,
    Xfs,
    Btrfs,
}

internal enum BackendKind
{
    Image,
    Directory,

    /// <summary>Thick logical volumes: linear, striped or RAID.</summary>
    Lvm,

    /// <summary>Logical volumes of a thin pool.</summary>
    LvmThin,
}

/// <summary>Where a volume is in its life. Each intent is committed before the first command that acts on it (design §2.3).</summary>
internal enum VolumeState
{
    /// <summary>Being made, or being filled from its source: not handed to anybody yet.</summary>
    Creating,
    Ready,
    Deleting,
}

/// <summary>What the record says of the file system on a volume: the first half of the format interlock (design §2.1).</summary>
internal enum FormatState
{
    /// <summary>No mkfs was ever started on it: the only state in which one may be.</summary>
    Never,

    /// <summary>An mkfs with the recorded UUID was started and its outcome not recorded; the volume was never mounted since.</summary>
    Formatting,

    /// <summary>Carries the file system with the recorded UUID; never to be formatted again.</summary>
    Formatted,

    /// <summary>Filled from a source: carries its source's file system, whose UUID has yet to be changed to the recorded one.</summary>
    Inherited,
}

/// <summary>What a volume was filled from.</summary>
internal abstract record ContentSource
{
    public sealed record FromSnapshot(SnapshotId Id) : ContentSource;

    public sealed record FromVolume(VolumeId Id) : ContentSource;
}

/// <summary>Everything that is known of one volume. SQLite has it as a row, and the pool beside the data (design §2.2).</summary>
internal sealed record VolumeRecord
{
    public required VolumeId Id { get; init; }

    /// <summary>The name the CO gave; the id is minted from it.</summary>
    public required string Name { get; init; }

    public required string Pool { get; init; }

    public required BackendKind Backend { get; init; }

    /// <summary>Usable size in bytes, as the backend really made it.</summary>
    public required long SizeBytes { get; init; }

    /// <summary>The size an expansion under way leads to: recorded before the first command, cleared with the new size; null otherwise.</summary>
    public long? PendingSizeBytes { get; init; }

    public required AccessType Access { get; init; }

    /// <summary>The file system to put on the device; null for raw block and for directories.</summary>
    public FilesystemType? Filesystem { get; init; }

    /// <summary>The UUID minted for the file system, given to mkfs; null where <see cref="Filesystem"/> is.</summary>
    public Guid? FilesystemUuid { get; init; }

    public FormatState Format { get; init; }

    public DateTimeOffset? FormattedAt { get; init; }

    /// <summary>Extra mkfs arguments, checked against the allow-list of the file system.</summary>
    public IReadOnlyList<string> MkfsOptions { get; init; } = [];

    /// <summary>The StorageClass parameters as given, for the comparison of a repeated request.</summary>
    public IReadOnlyDictionary<string, string> Parameters { get; init; } = new Dictionary<string, string>();

    public ContentSource? Source { get; init; }

    /// <summary>Image: every block allotted at creation instead of when first written.</summary>
    public bool Preallocated { get; init; }

    /// <summary>Directory with a project quota: the quota's id, unique in the pool's file system.</summary>
    public uint? ProjectId { get; init; }

    /// <summary>Bytes shared with a source by reflink when it was made: promised again, since either side may come to need its own copy.</summary>
    public long SharedBytes { get; init; }

    public required VolumeState State { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
}
