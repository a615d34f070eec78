namespace CsiLocal.Volumes;

/// <summary>What one row and the object in the pool, compared, lead to.</summary>
internal sealed record RowDecision
{
    /// <summary>Id of the volume or snapshot; the name of the file, folder or logical volume where that is not known.</summary>
    public required string Target { get; init; }

    /// <summary>What is so, or becomes so: "is known again".</summary>
    public required string What { get; init; }

    /// <summary>The facts that led there.</summary>
    public required string Why { get; init; }

    /// <summary>The row as it is to be; null where this is not about a volume, or nothing is changed.</summary>
    public VolumeRecord? Volume { get; init; }

    /// <inheritdoc cref="Volume"/>
    public SnapshotRecord? Snapshot { get; init; }

    /// <summary>There is no row yet.</summary>
    public bool IsNew { get; init; }

    /// <summary>There is to be no row of <see cref="Volume"/> any more.</summary>
    public bool IsGone { get; init; }

    /// <summary>The next comparison of a running daemon brings the row in line; otherwise nothing is changed, and a person has to look.</summary>
    public bool IsMendable { get; init; }
}
