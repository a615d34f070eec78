using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Where the logical volumes of a pool get their space from: the volume group (thick), or a thin pool in it.</summary>
/// <remarks>
/// <c>LvmBackend</c> does what both have in common: finding and proving by tags, attaching, detaching, removing, listing. What is here
/// is called with the volume group open, and with the named logical volume known not to exist, unless it says otherwise.
/// </remarks>
internal interface ILvmProvisioner
{
    BackendFeatures Features { get; }

    /// <summary>Proves, or makes, what the pool needs in its volume group.</summary>
    /// <returns>The pool's identity: the VG's UUID; thin: VG UUID + "/" + the thin pool's LV UUID.</returns>
    /// <exception cref="StorageException">Unavailable, with the remedy.</exception>
    Task<string> OpenAsync(string? knownIdentity, CancellationToken cancellationToken);

    /// <summary>The identity by the inventory, null where the pool is gone. Starts no process.</summary>
    string? ReadIdentity();

    /// <inheritdoc cref="IStorageBackend.MeasureSpace"/>
    PoolSpace MeasureSpace(
        IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots, IReadOnlyCollection<TrashRecord> trash);

    /// <inheritdoc cref="IStorageBackend.MeasureTrash"/>
    long MeasureTrash(LogicalVolume volume);

    /// <inheritdoc cref="IStorageBackend.RoundUp"/>
    long RoundUp(long requiredBytes);

    /// <summary>lvcreate of an empty volume with these tags; one process.</summary>
    Task CreateAsync(VolumeRecord volume, IReadOnlyList<string> tags, CancellationToken cancellationToken);

    /// <summary>Sees to it that nothing an earlier user wrote can be read: nothing to do for thin; the interlock's regions, or the whole of a raw block volume, for thick.</summary>
    /// <remarks>The volume exists and was handed to nobody. May be repeated, and goes on where <paramref name="progress"/> says.</remarks>
    Task EraseAsync(VolumeRecord volume, LogicalVolume made, ICopyProgress progress, CancellationToken cancellationToken);

    /// <summary>Whether <see cref="EraseAsync"/> has to be finished before the tags may say that the volume is ready.</summary>
    bool MustBeErased(VolumeRecord volume);

    /// <summary>Makes the volume with the content of the source, or goes on with it: it may exist half-made (its tags say creating).</summary>
    /// <param name="volume">What is wanted.</param>
    /// <param name="source">A volume or snapshot; where a copy takes time, its <see cref="LvAttributes.IsOpen"/> says whether it may be written to meanwhile.</param>
    /// <param name="progress">Of a copy that takes time.</param>
    /// <param name="cancellationToken">Ends it; it can go on later.</param>
    /// <returns>Whether the tags already say what they have to: false where the caller has to write them anew as ready.</returns>
    Task<bool> CreateFromAsync(VolumeRecord volume, LogicalVolume source, ICopyProgress progress, CancellationToken cancellationToken);

    /// <summary>Cuts a snapshot with these tags; one process.</summary>
    /// <param name="snapshot">What is wanted.</param>
    /// <param name="source">The volume.</param>
    /// <param name="tags">Of the snapshot.</param>
    /// <param name="progress">Remembers what is frozen meanwhile.</param>
    /// <param name="cancellationToken">Ends it.</param>
    Task CreateSnapshotAsync(
        SnapshotRecord snapshot, LogicalVolume source, IReadOnlyList<string> tags, ICopyProgress progress, CancellationToken cancellationToken);

    /// <inheritdoc cref="IStorageBackend.CopyCost"/>
    long CopyCost(VolumeRecord volume);

    /// <summary>Refuses to remove what others live on.</summary>
    /// <exception cref="StorageException">FailedPrecondition: copy-on-write snapshots, by name.</exception>
    void RequireRemovable(LogicalVolume volume, string purpose);

    /// <summary>What has to happen on the device before lvremove: thin gives its blocks back to the disks (BLKDISCARD); nothing for thick, whose lvremove does it.</summary>
    /// <remarks>
    /// Called by the deletion of volumes and snapshots after the intent is recorded and the logical volume was proved unused. May be
    /// repeated. That the disks are not told is no reason to keep a volume: fails only where the device turns out to be in use.
    /// </remarks>
    /// <param name="volume">The one that goes.</param>
    /// <param name="discard">Tell the disks.</param>
    /// <param name="cancellationToken">Ends it.</param>
    Task BeforeRemoveAsync(LogicalVolume volume, bool discard, CancellationToken cancellationToken);

    /// <summary>What is wrong with one volume beyond what its lv_attr says.</summary>
    IReadOnlyList<HealthFinding> Inspect(LogicalVolume volume);

    /// <inheritdoc cref="IStorageBackend.InspectPool"/>
    IReadOnlyList<HealthFinding> InspectPool();

    /// <inheritdoc cref="IPoolUpkeep.UpkeepAsync"/>
    Task UpkeepAsync(CancellationToken cancellationToken);
}
