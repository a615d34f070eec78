namespace CsiLocal.Backends.Lvm;

/// <summary>What has to be done to a thin pool now. Sizes in bytes.</summary>
internal sealed record ThinPoolPlan
{
    public static readonly ThinPoolPlan Nothing = new();

    /// <summary>New total of the metadata; null: as it is. Comes before the data.</summary>
    public long? MetadataBytes { get; init; }

    /// <summary>New total of the data; null: as it is.</summary>
    public long? DataBytes { get; init; }

    /// <summary>The kernel's table has to be loaded anew.</summary>
    public bool Refresh { get; init; }

    /// <summary>Even so the metadata stays above its threshold: nothing is left to extend it with.</summary>
    public bool IsMetadataStarved { get; init; }

    /// <summary>Even so the data stays above its threshold: nothing is left to extend it with.</summary>
    public bool IsDataStarved { get; init; }
}
