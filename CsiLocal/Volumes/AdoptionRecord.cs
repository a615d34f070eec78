namespace CsiLocal.Volumes;

/// <summary>An adoption under way: recorded before anything of the object is touched, and gone in the step that makes the volume's row.</summary>
/// <remarks>
/// A table of its own and not a row in state Creating: what is being made was handed to nobody and may be removed by whoever undoes it; what
/// is being adopted holds somebody's data.
/// </remarks>
internal sealed record AdoptionRecord
{
    /// <summary>Parameter of the volume that says where it came from: kept with the data, so that a repeated adoption finds its own work, also once the state is lost.</summary>
    public const string SourceParameter = "csilocal.dev/adopted-from";

    /// <summary>What it becomes, as its metadata will say.</summary>
    public required VolumeRecord Volume { get; init; }

    /// <summary>As <see cref="ForeignSource.Text"/>.</summary>
    public required string Source { get; init; }

    /// <summary>Tells it from a namesake: UUID of the logical volume; number and birth of the file or directory.</summary>
    public required string Identity { get; init; }
}

/// <summary>A logical volume, file or directory that others made, as it was found.</summary>
internal sealed record AdoptionCandidate
{
    public required ForeignSource Source { get; init; }

    public required string Identity { get; init; }

    /// <summary>0: a directory, which has none.</summary>
    public long SizeBytes { get; init; }

    /// <summary>Tags of a logical volume.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>A block device or image file that may carry a file system of its own; null for directories.</summary>
    public string? DevicePath { get; init; }

    /// <summary>What a person should know of it.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Why it cannot be adopted as it is; null where nothing stands against it.</summary>
    public string? Problem { get; init; }
}

/// <summary>What is to be adopted, and as what: a request after parsing.</summary>
internal sealed record AdoptionSpec
{
    public required ForeignSource Source { get; init; }

    public required string Pool { get; init; }

    public required string Name { get; init; }

    public VolumeId Id => VolumeId.Mint(Name);

    public required AccessType Access { get; init; }

    /// <summary>What has to be found on it; null: whatever is.</summary>
    public FilesystemType? Filesystem { get; init; }

    /// <summary>Of a directory; 0: not specified.</summary>
    public long SizeBytes { get; init; }

    /// <summary>Who made it; null: as it looks.</summary>
    public ForeignLayout? Layout { get; init; }
}

/// <summary>What became, or would become, of it.</summary>
internal sealed record AdoptionOutcome(VolumeRecord Volume, string Source, ForeignLayout Layout, IReadOnlyList<string> Notes)
{
    /// <summary>By an earlier call.</summary>
    public bool WasThere { get; init; }
}
