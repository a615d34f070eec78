namespace CsiLocal.Volumes;

internal enum TaskKind
{
    /// <summary>Fill a new volume from another volume.</summary>
    Clone,

    /// <summary>Fill a new volume from a snapshot.</summary>
    Restore,

    /// <summary>Fill a snapshot from its volume.</summary>
    Snapshot,

    /// <summary>Overwrite what an earlier user of the blocks left on a new volume; its source is the volume itself.</summary>
    Erase,
}

/// <summary>Long work on one volume or snapshot that outlives calls and restarts.</summary>
internal sealed record TaskRecord
{
    /// <summary>Id of the volume or snapshot being filled; one task each.</summary>
    public required string TargetId { get; init; }

    public required TaskKind Kind { get; init; }

    /// <summary>Id of the volume or snapshot read from.</summary>
    public required string SourceId { get; init; }

    /// <summary>Bytes safely written: a copy goes on from here after a restart. 0 where the backend can only start over.</summary>
    public long DoneBytes { get; init; }

    public long TotalBytes { get; init; }

    /// <summary>The staging path frozen for this copy: thawed first thing at start-up; null where none is.</summary>
    public string? FrozenPath { get; init; }

    /// <summary>Why it failed last; null while it runs.</summary>
    public string? Error { get; init; }

    public required DateTimeOffset StartedAt { get; init; }
}
