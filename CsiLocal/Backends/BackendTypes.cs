using CsiLocal.Volumes;

namespace CsiLocal.Backends;

/// <summary>What a pool can do. Capabilities of the driver are the union over its pools.</summary>
internal sealed record BackendFeatures
{
    /// <summary>Volumes can be published as raw block devices.</summary>
    public bool Block { get; init; }

    /// <summary>Volumes are block devices that carry a file system of their own; false: directories of the pool's file system.</summary>
    public bool OwnFilesystem { get; init; }

    /// <summary>A snapshot or clone takes constant time (reflink, btrfs subvolume); false: it is a copy.</summary>
    public bool InstantCopy { get; init; }

    /// <summary>Snapshots can be cut at all.</summary>
    public bool Snapshots { get; init; } = true;

    /// <summary>A snapshot lives on its volume's blocks: the volume cannot be deleted before it.</summary>
    public bool SnapshotsNeedSource { get; init; }

    /// <summary>A snapshot can be taken while the volume is mounted.</summary>
    public bool SnapshotWhileMounted { get; init; }

    /// <summary>The size of a volume is a hard limit.</summary>
    public bool HardLimit { get; init; }

    /// <summary>Each volume and snapshot needs a project id, allotted by the caller before it is created.</summary>
    public bool NeedsProjectId { get; init; }

    /// <summary>A volume can be made smaller, down to what it holds.</summary>
    public bool Shrink { get; init; }

    /// <summary>A deleted volume's blocks can be overwritten where they lie: a file system or thin pool that copies on write would write others.</summary>
    public bool Overwrite { get; init; }
}

/// <summary>What a pool was found to be.</summary>
/// <param name="Identity">Stable identity: the UUID in the pool's marker file, or that of its volume group (and thin pool). A pool whose identity changed is refused.</param>
/// <param name="FilesystemName">The file system that carries the pool: "ext4", "xfs", "btrfs"; "lvm" for a volume group.</param>
internal sealed record PoolFacts(string Identity, string FilesystemName);

/// <summary>A pool's space in bytes.</summary>
/// <param name="TotalBytes">Size of the file system, volume group or thin pool that carries the pool.</param>
/// <param name="FreeBytes">Bytes free there now, less the configured reserve.</param>
/// <param name="AvailableBytes">What a new volume may take: free, times over-provisioning, less what existing volumes were promised and have not taken. May be negative.</param>
/// <param name="ReclaimableBytes">By how much that grows at least once all that is in the trash is erased.</param>
internal sealed record PoolSpace(long TotalBytes, long FreeBytes, long AvailableBytes, long ReclaimableBytes = 0)
{
    /// <summary>Why less is available than free, where that is not plain; a clause for the message of a refusal.</summary>
    public string? Constraint { get; init; }
}

/// <summary>What is copied from: exactly one of the two records is set.</summary>
internal sealed record CopySource
{
    public VolumeRecord? Volume { get; init; }

    public SnapshotRecord? Snapshot { get; init; }

    /// <summary>What is to be said of a block-by-block copy: a file system that was on the source is on it too, with the source's UUID.</summary>
    public FormatState FormatOfCopy => (Volume?.Format ?? Snapshot!.Format) is FormatState.Formatted or FormatState.Inherited
        ? FormatState.Inherited
        : FormatState.Never;

    /// <summary>Where the source is mounted with its own file system (its staging path), to be frozen while its bytes are read; null where it is not mounted.</summary>
    public string? FrozenAt { get; init; }

    /// <summary>True while a workload may write to it: staged as raw block, or a published directory.</summary>
    public bool InUse { get; init; }
}

/// <summary>How far a copy is; also remembers it, so that it can go on after a restart.</summary>
internal interface ICopyProgress
{
    /// <summary>Bytes that an earlier run of the same copy finished and made durable; 0 for a fresh start.</summary>
    long ResumeFrom { get; }

    /// <summary>Records that <paramref name="doneBytes"/> of <paramref name="totalBytes"/> are durable. Cheap; may be called often.</summary>
    void Report(long doneBytes, long totalBytes);

    /// <summary>Commits that <paramref name="path"/> is about to be frozen (null: is thawed), so that a restart thaws it first.</summary>
    void RecordFreeze(string? path);
}

/// <summary>How far an erasure is, and how fast it may go on.</summary>
internal interface IEraseProgress
{
    /// <summary>Bytes that an earlier run made durable; 0 for a fresh start.</summary>
    long ResumeFrom { get; }

    /// <summary>Records that <paramref name="doneBytes"/> of <paramref name="totalBytes"/> are durable, and holds the caller back to the rate that is allowed.</summary>
    /// <exception cref="OperationCanceledException">The daemon stops; the next run goes on from here.</exception>
    Task ReportAsync(long doneBytes, long totalBytes, CancellationToken cancellationToken);
}

/// <summary>An object found in a pool: its metadata, and whether its data is there.</summary>
internal sealed record FoundObject
{
    public VolumeRecord? Volume { get; init; }

    public SnapshotRecord? Snapshot { get; init; }

    /// <summary>A deleted volume.</summary>
    public TrashRecord? Trash { get; init; }

    /// <summary>File or folder name, for objects whose metadata is missing or cannot be read.</summary>
    public required string EntryName { get; init; }

    public required bool HasData { get; init; }

    /// <summary>Why the metadata cannot be read; null where it was.</summary>
    public string? Problem { get; init; }
}
