namespace CsiLocal.Volumes;

/// <summary>A CreateVolume request after parsing: every field checked, nothing looked up.</summary>
internal sealed record VolumeSpec
{
    /// <summary>Size of a volume whose request names none.</summary>
    public const long DefaultSizeBytes = 1L << 30;

    public required string Name { get; init; }

    public VolumeId Id => VolumeId.Mint(Name);

    /// <summary>0: not specified.</summary>
    public long RequiredBytes { get; init; }

    /// <summary>0: not specified.</summary>
    public long LimitBytes { get; init; }

    public required AccessType Access { get; init; }

    /// <summary>As requested; null: the source's, or the default.</summary>
    public FilesystemType? Filesystem { get; init; }

    /// <summary>As requested; null: the source's, or the default pool.</summary>
    public string? Pool { get; init; }

    /// <summary>The StorageClass parameter as given, checked once the file system is known.</summary>
    public string? MkfsOptions { get; init; }

    /// <summary>null: as the pool says.</summary>
    public bool? Preallocate { get; init; }

    /// <summary>What is done to its blocks when it is gone for good; null: as the pool says.</summary>
    public EraseMode? Erase { get; init; }

    public ContentSource? Source { get; init; }

    /// <summary>Node segments that the volume may be in, from the topology requirement; null: anywhere.</summary>
    public IReadOnlyList<IReadOnlyDictionary<string, string>>? RequisiteTopology { get; init; }

    /// <summary>Parameters as given.</summary>
    public required IReadOnlyDictionary<string, string> Parameters { get; init; }
}

/// <summary>A CreateSnapshot request after parsing.</summary>
internal sealed record SnapshotSpec(string Name, VolumeId Source)
{
    public SnapshotId Id => SnapshotId.Mint(Name);
}

/// <summary>How a caller wants to use a volume: one CSI VolumeCapability.</summary>
internal sealed record Usage(AccessType Access, AccessMode Mode, FilesystemType? Filesystem, IReadOnlyList<string> MountFlags)
{
    public bool Compatible(PublicationRecord publication) => publication.Access == Access
        && (publication.IsAssumed || (publication.Mode == Mode && publication.MountFlags.SequenceEqual(MountFlags)));
}

/// <summary>Names of the StorageClass parameters (design §5) and of what Kubernetes' sidecars add.</summary>
internal static class ParameterNames
{
    public const string Pool = "pool";
    public const string FilesystemType = "csi.storage.k8s.io/fstype";
    public const string MkfsOptions = "mkfsOptions";
    public const string Preallocate = "preallocate";
    public const string Erase = "erase";
    public const string TrashGrace = "trashGrace";

    /// <summary>Prefix of what external-provisioner and external-snapshotter add with --extra-create-metadata: kept, but no part of the specification of a volume.</summary>
    public static readonly IReadOnlyList<string> Informational =
    [
        "csi.storage.k8s.io/pvc/name", "csi.storage.k8s.io/pvc/namespace", "csi.storage.k8s.io/pv/name",
        "csi.storage.k8s.io/volumesnapshot/name", "csi.storage.k8s.io/volumesnapshot/namespace",
        "csi.storage.k8s.io/volumesnapshotcontent/name",
    ];
}
