using CsiLocal.Volumes;

namespace CsiLocal.Backends;

/// <summary>How one pool stores volumes. One instance per pool; safe for concurrent use on different volumes.</summary>
/// <remarks>
/// The caller holds the volume's lock and has committed the intent. Every method may be called again after a crash at any
/// point and finishes what it finds; it never removes or overwrites what it cannot prove to be the named object.
/// Failures are <see cref="StorageException"/>s, and <see cref="Tools.ToolException"/> where a command hung.
/// </remarks>
internal interface IStorageBackend
{
    BackendKind Kind { get; }

    /// <summary>What this pool can do, known after <see cref="InspectAsync"/>.</summary>
    BackendFeatures Features { get; }

    /// <summary>Whose the pool is, by its own marker; null where there is none yet. Changes nothing; <see cref="List"/> works afterwards.</summary>
    /// <param name="knownIdentity">As for <see cref="InspectAsync"/>.</param>
    /// <exception cref="StorageException"><see cref="StorageError.Unavailable"/>: it cannot be read.</exception>
    Task<PoolOwner?> ReadOwnerAsync(string? knownIdentity, CancellationToken cancellationToken);

    /// <summary>Makes the pool's own marker name this node, durably and at once or not at all. Idempotent.</summary>
    Task MarkOwnerAsync(string node, CancellationToken cancellationToken);

    /// <summary>How what others made becomes a volume of this pool.</summary>
    IAdoption Adoption { get; }

    /// <summary>Proves that the pool is there and can do what its configuration asks for; makes what of it is missing.</summary>
    /// <param name="knownIdentity">The identity it had when it was last seen; null: never seen. Tells namesakes apart; the caller compares the outcome.</param>
    /// <exception cref="StorageException"><see cref="StorageError.Unavailable"/>: why the pool cannot be used, and the remedy.</exception>
    Task<PoolFacts> InspectAsync(string? knownIdentity, CancellationToken cancellationToken);

    /// <summary>The pool's space now. Starts no process.</summary>
    PoolSpace MeasureSpace(
        IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots, IReadOnlyCollection<TrashRecord> trash);

    /// <summary>The size that a volume of at least <paramref name="requiredBytes"/> will really have. Pure.</summary>
    long RoundUp(long requiredBytes);

    /// <summary>Makes the empty volume and its metadata. Idempotent. Returns the record with what the backend determined.</summary>
    /// <remarks>What an earlier user of the same blocks left is not readable afterwards; where that takes long it is reported to <paramref name="progress"/>.</remarks>
    Task<VolumeRecord> CreateAsync(VolumeRecord volume, ICopyProgress progress, CancellationToken cancellationToken);

    /// <summary>Makes the volume with the content of <paramref name="source"/>; long work reports to <paramref name="progress"/>.</summary>
    /// <remarks>A source's <see cref="CopySource.FrozenAt"/> tells that it is mounted: the backend then copies under a freeze, or refuses.</remarks>
    Task<VolumeRecord> CreateFromAsync(VolumeRecord volume, CopySource source, ICopyProgress progress, CancellationToken cancellationToken);

    /// <summary>Proves that nobody uses the volume's data, so that an intent to remove it may be recorded. Starts no process.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.FailedPrecondition"/>: a device or a mount stands before it.</exception>
    void RequireUnused(VolumeRecord volume);

    /// <summary>Removes the volume's data and metadata. Success where it is gone. Refuses while attached or mounted.</summary>
    Task DeleteAsync(VolumeRecord volume, CancellationToken cancellationToken);

    /// <summary>Moves the volume into the trash: its data keeps all that it has but its name, which is free from then on.</summary>
    /// <remarks>Quick, whatever the volume holds. Refuses while attached or mounted.</remarks>
    /// <returns>False where nothing of the volume is there.</returns>
    Task<bool> QuarantineAsync(TrashRecord item, CancellationToken cancellationToken);

    /// <summary>Makes it a volume again, with the same data and file system, under the id and name of <paramref name="volume"/>.</summary>
    /// <exception cref="StorageException">AlreadyExists: the name is taken. FailedPrecondition: its erasure was begun. DataLoss: it is gone.</exception>
    Task RestoreAsync(TrashRecord item, VolumeRecord volume, CancellationToken cancellationToken);

    /// <summary>Erases what lies in the trash, and removes it. Success where it is gone; goes on where <paramref name="progress"/> says.</summary>
    Task EraseAsync(TrashRecord item, IEraseProgress progress, CancellationToken cancellationToken);

    /// <summary>What lies in the trash under this id, as its own metadata have it; null where nothing does. Starts no process.</summary>
    TrashRecord? FindTrash(TrashId id);

    /// <summary>Bytes that its erasure adds to what the pool has available, at the least; 0 where nobody knows. Starts no process.</summary>
    long MeasureTrash(TrashRecord item, IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots);

    /// <summary>Grows (or, where <see cref="BackendFeatures.Shrink"/>, shrinks) to <paramref name="sizeBytes"/>; returns the real size.</summary>
    Task<long> ResizeAsync(VolumeRecord volume, long sizeBytes, CancellationToken cancellationToken);

    /// <summary>Makes the volume reachable on this node: a block device, or a directory to bind. Idempotent.</summary>
    Task<Attachment> AttachAsync(VolumeRecord volume, bool readOnly, CancellationToken cancellationToken);

    /// <summary>The attachment as it is, or null. Starts no process.</summary>
    Attachment? FindAttachment(VolumeRecord volume, bool readOnly);

    /// <summary>Every volume of the pool that has a device on this node. Starts no process.</summary>
    IReadOnlySet<VolumeId> ListAttached();

    /// <summary>Undoes <see cref="AttachAsync"/>. Success where there is none.</summary>
    Task DetachAsync(VolumeRecord volume, bool readOnly, CancellationToken cancellationToken);

    /// <summary>Makes the volume blank again after an interrupted first mkfs of our own. The caller has proved that it was never mounted.</summary>
    Task MakeBlankAsync(VolumeRecord volume, CancellationToken cancellationToken);

    /// <summary>Writes the record beside the data, durably.</summary>
    /// <remarks>
    /// What can be told from the data itself (that a file system with the recorded UUID is on it, the size) may be written later:
    /// whoever reads the metadata then looks at the data too.
    /// </remarks>
    Task WriteMetadataAsync(VolumeRecord volume, CancellationToken cancellationToken);

    /// <summary>What lies beside the data under this id; null where nothing does. Starts no process.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.DataLoss"/>: it is there and cannot be read.</exception>
    VolumeRecord? FindMetadata(VolumeId id);

    /// <inheritdoc cref="FindMetadata(VolumeId)"/>
    SnapshotRecord? FindMetadata(SnapshotId id);

    /// <summary>The identity in the pool's marker as it is now; null where there is none: the pool's file system is not mounted. Starts no process.</summary>
    string? ReadIdentity();

    /// <summary>Where the bytes lie, for people.</summary>
    string Location(VolumeRecord volume);

    /// <summary>What is wrong with the volume's data as it lies in the pool; empty where nothing is. Starts no process.</summary>
    IReadOnlyList<HealthFinding> Inspect(VolumeRecord volume);

    /// <summary>What is wrong with the pool as a whole: filling up, a device missing; empty where nothing is. Starts no process.</summary>
    IReadOnlyList<HealthFinding> InspectPool();

    /// <summary>Bytes that a snapshot or clone of the volume may come to take. Starts no process.</summary>
    long CopyCost(VolumeRecord volume);

    /// <summary>Makes a snapshot. Idempotent; the returned record says what the backend determined.</summary>
    Task<SnapshotRecord> CreateSnapshotAsync(
        SnapshotRecord snapshot, CopySource source, ICopyProgress progress, CancellationToken cancellationToken);

    /// <summary>Removes a snapshot. Success where it is gone. Volumes made from it are not affected.</summary>
    Task DeleteSnapshotAsync(SnapshotRecord snapshot, CancellationToken cancellationToken);

    /// <summary>Every object of ours in the pool, from its metadata, for the comparison with the rows. Starts no process.</summary>
    IReadOnlyList<FoundObject> List();
}
