namespace CsiLocal.Volumes;

internal enum PublicationKind
{
    /// <summary>NodeStageVolume: the one real mount, or the attached device.</summary>
    Stage,

    /// <summary>NodePublishVolume: a bind of the staged volume.</summary>
    Publish,
}

/// <summary>A path at which a volume is, or is about to be, mounted.</summary>
internal sealed record PublicationRecord
{
    public required VolumeId Volume { get; init; }

    public required PublicationKind Kind { get; init; }

    /// <summary>Absolute path: the staging path or the target path.</summary>
    public required string Path { get; init; }

    public required bool ReadOnly { get; init; }

    public required AccessType Access { get; init; }

    public required AccessMode Mode { get; init; }

    /// <summary>Mount flags as given, in order.</summary>
    public required IReadOnlyList<string> MountFlags { get; init; }

    /// <summary>False: the intent is recorded, the mount not yet known to be there.</summary>
    public required bool Done { get; init; }

    /// <summary>Found in the mount table after the state was lost: what it is for is a guess, and <see cref="Mode"/> and <see cref="MountFlags"/> are not known.</summary>
    public bool IsAssumed { get; init; }
}
