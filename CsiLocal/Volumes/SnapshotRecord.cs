namespace CsiLocal.Volumes;

/// <summary>Where a snapshot is in its life.</summary>
internal enum SnapshotState
{
    Creating,
    Ready,
    Deleting,
}

/// <summary>A read-only copy of a volume at one moment; it outlives its source.</summary>
internal sealed record SnapshotRecord
{
    public required SnapshotId Id { get; init; }

    public required string Name { get; init; }

    public required VolumeId SourceVolume { get; init; }

    public required string Pool { get; init; }

    public required BackendKind Backend { get; init; }

    /// <summary>Size of the source when the snapshot was cut: the smallest size of a volume restored from it.</summary>
    public required long SizeBytes { get; init; }

    public required AccessType Access { get; init; }

    public FilesystemType? Filesystem { get; init; }

    /// <summary>UUID of the file system inside (the source's); null where the source was never formatted or is a directory.</summary>
    public Guid? FilesystemUuid { get; init; }

    /// <summary>The source's format state when cut; <see cref="FormatState.Never"/> means a restored volume is formatted afresh.</summary>
    public FormatState Format { get; init; }

    /// <summary>Directory with a project quota: the snapshot's own quota id.</summary>
    public uint? ProjectId { get; init; }

    /// <summary>See <see cref="VolumeRecord.SharedBytes"/>.</summary>
    public long SharedBytes { get; init; }

    public required SnapshotState State { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
}
