using CsiLocal.Configuration;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Volumes as thin volumes of one thin pool: they take space when they are written, and snapshots take an instant.</summary>
/// <remarks>
/// LVM suspends a mounted origin with its file system frozen while it cuts a snapshot of it (dm.c, lock_fs; lvm2 suspends the origin
/// for the message create_snap), so that snapshots of mounted volumes are consistent; for btrfs see <see cref="BtrfsRest"/>.
/// </remarks>
/// <param name="pool">Name, reserve, over-provisioning.</param>
/// <param name="group">The volume group that the thin pool is in.</param>
/// <param name="wasHandedOut">Whether a row says that what has this id is more than an attempt to make it.</param>
/// <param name="report">Where what happens to the thin pool is told.</param>
/// <param name="clock">Time.</param>
internal sealed class ThinProvisioner(PoolOptions pool, VolumeGroup group, Func<string, bool> wasHandedOut, PoolEvent report, TimeProvider clock)
    : ILvmProvisioner, IThinPoolUse
{
    // Most volume groups have it; asked before the group was ever seen only for a preview.
    private const long DefaultExtentBytes = 4 << 20;

    private readonly LvmPoolOptions _options = pool.Lvm!;
    private readonly string _name = $"{pool.Lvm!.VolumeGroup}/{pool.Lvm.ThinPool}";
    private readonly BtrfsRest _rest = new(group, clock);
    private readonly PoolGuardian _guardian = new(pool.Lvm, new ThinPoolPolicy(pool.Lvm, pool.ReserveBytes), group, report, clock);

    private UnmadeThinVolumes Unmade => new(_options, group, _guardian.Look, wasHandedOut, report);

    public BackendFeatures Features { get; } = new()
    {
        Block = true,
        OwnFilesystem = true,
        InstantCopy = true,
        SnapshotWhileMounted = true,
        HardLimit = true,
    };

    public async Task<string> OpenAsync(string? knownIdentity, CancellationToken cancellationToken)
    {
        var known = knownIdentity?.Split('/');
        var opened = await group.OpenAsync(known?[0], _options.Devices.Items, cancellationToken);
        var opening = new ThinPoolOpening(pool.Name, _options, pool.ReserveBytes, group, _guardian.Look);
        var thinPool = await opening.OpenAsync(known is [_, var uuid] ? uuid : null, cancellationToken);
        await Unmade.RemoveAsync(cancellationToken);
        return $"{opened.Uuid}/{thinPool.Uuid}";
    }

    public string? ReadIdentity() =>
        group.Inventory is { } inventory && group.Find(_options.ThinPool!) is { Attributes.Type: LvType.ThinPool } thinPool
            ? $"{inventory.Uuid}/{thinPool.Uuid}"
            : null;

    public PoolSpace MeasureSpace(
        IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots, IReadOnlyCollection<TrashRecord> trash)
    {
        var (held, freed) = (0L, 0L);
        foreach (var item in trash)
        {
            if (group.Find(item.Id.Value) is not { } there)
                continue;
            var mapped = MeasureTrash(there);
            held += mapped;
            freed += ThinSpace.FreedBy(item, mapped, volumes, snapshots);
        }

        return ThinSpace.Measure(
            RequirePool($"measure pool {pool.Name}"), _guardian.Policy, pool.Overprovision, _name, volumes, snapshots, held, freed);
    }

    public long MeasureTrash(LogicalVolume volume) => MappedBytes(volume);

    public long RoundUp(long requiredBytes) => ThinPoolPolicy.RoundUp(requiredBytes, group.Inventory?.ExtentBytes ?? DefaultExtentBytes);

    public async Task CreateAsync(VolumeRecord volume, IReadOnlyList<string> tags, CancellationToken cancellationToken)
    {
        var size = RoundUp(volume.SizeBytes);
        await RequireRoomAsync($"create volume {volume.Id}", cancellationToken);
        await InventoryChange.CreateAsync(
            group,
            (volumes, token) => Unmade.GuardAsync(
                volumes, () => group.Tool.CreateThinAsync(volumes, _options.ThinPool!, volume.Id.Value, size, tags, token), token),
            Wanted(volume.Id.Value, size, tags, origin: null),
            costBytes: 0,
            cancellationToken);
    }

    /// <summary>Nothing to do: a thin pool that zeroes its chunks shows no old bytes.</summary>
    public Task EraseAsync(VolumeRecord volume, LogicalVolume made, ICopyProgress progress, CancellationToken cancellationToken) => Task.CompletedTask;

    public bool MustBeErased(VolumeRecord volume) => false;

    public async Task<bool> CreateFromAsync(VolumeRecord volume, LogicalVolume source, ICopyProgress progress, CancellationToken cancellationToken)
    {
        var purpose = $"create volume {volume.Id}";
        var name = volume.Id.Value;
        var size = RoundUp(volume.SizeBytes);
        if (group.Find(name) is not { } made)
        {
            // Complete the moment it is there, unless it has to grow: then its size says that it is unfinished (smaller than its tag).
            await CutAsync(purpose, name, source, LvTags.Of(volume with { State = VolumeState.Ready }), progress, cancellationToken);
            made = source;
        }

        if (made.SizeBytes < size)
        {
            await group.ChangeAsync(
                (volumes, token) => group.Tool.ExtendAsync(volumes, name, size, token),
                inventory => InventoryChange.Replace(inventory, name, grown => grown with { SizeBytes = Math.Max(grown.SizeBytes, size) }),
                cancellationToken);
        }

        progress.Report(size, size);
        return true;
    }

    public Task CreateSnapshotAsync(
        SnapshotRecord snapshot, LogicalVolume source, IReadOnlyList<string> tags, ICopyProgress progress, CancellationToken cancellationToken) =>
        CutAsync($"create snapshot {snapshot.Id}", snapshot.Id.Value, source, tags, progress, cancellationToken);

    public long CopyCost(VolumeRecord volume) =>
        group.Find(volume.Id.Value) is { } found ? MappedBytes(found) : volume.SizeBytes;

    /// <summary>Thin snapshots and their volumes live without each other.</summary>
    public void RequireRemovable(LogicalVolume volume, string purpose)
    {
    }

    public Task BeforeRemoveAsync(LogicalVolume volume, bool discard, CancellationToken cancellationToken) =>
        discard && _options.Discard && _guardian.Look() is { } facts && ThinDevice.IsDiscardWise(facts)
            ? ThinDevice.DiscardAsync(group, volume, cancellationToken)
            : Task.CompletedTask;

    public IReadOnlyList<HealthFinding> Inspect(LogicalVolume volume) => ThinDevice.Status(group, volume) is { IsFailed: true }
        ? [new HealthFinding(HealthStatus.Inaccessible, "ThinVolumeFailed", $"thin volume {volume.Name} cannot be read or written: its mapping in thin pool {_name} is lost, or the pool has failed")]
        : [];

    public IReadOnlyList<HealthFinding> InspectPool() => _guardian.Inspect();

    public ThinPoolUse? MeasureUse() => _guardian.Look() is { } facts ? new ThinPoolUse(facts.DataPercent, facts.MetadataPercent) : null;

    public Task UpkeepAsync(CancellationToken cancellationToken) => _guardian.TurnAsync(cancellationToken);

    private long MappedBytes(LogicalVolume volume)
    {
        if (ThinDevice.Status(group, volume) is { IsFailed: false } status)
            return status.MappedBytes;
        return volume.DataPercent is { } percent ? (long)(volume.SizeBytes * percent / 100) : volume.SizeBytes;
    }

    private async Task CutAsync(
        string purpose, string name, LogicalVolume source, IReadOnlyList<string> tags, ICopyProgress progress, CancellationToken cancellationToken)
    {
        if (source.Pool != _options.ThinPool)
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"{purpose}: {source.Name} lies in {(source.Pool is null ? "no thin pool" : $"thin pool {source.Pool}")}, not in {_options.ThinPool}",
                "snapshots and clones stay in the pool of their source");
        }

        await RequireRoomAsync(purpose, cancellationToken);
        await _rest.DuringAsync(purpose, source, progress, RunAsync, cancellationToken);

        Task RunAsync(Func<Task> atRest) => InventoryChange.CreateAsync(group, async (volumes, token) =>
        {
            await atRest();
            await Unmade.GuardAsync(volumes, () => group.Tool.CreateThinSnapshotAsync(volumes, source.Name, name, tags, token), token);
        }, Wanted(name, source.SizeBytes, tags, source.Name), costBytes: 0, cancellationToken);
    }

    /// <summary>Refuses what a pool that is full, or broken, must not be asked for; gives the guardian its chance first.</summary>
    private async Task RequireRoomAsync(string purpose, CancellationToken cancellationToken)
    {
        group.RequireRoom(purpose);
        var facts = RequirePool(purpose);
        if (_guardian.Policy.Refusal(facts, _name) is not null || ThinPoolPolicy.IsAboveLvmLimit(facts))
        {
            await _guardian.TurnAsync(cancellationToken);
            facts = RequirePool(purpose);
        }

        if (_guardian.Policy.Refusal(facts, _name) is { } refusal)
            throw new StorageException(refusal.Error, $"{purpose}: {refusal.Fact}", refusal.Remedy);
    }

    private ThinPoolFacts RequirePool(string purpose) => _guardian.Look() ?? throw new StorageException(
        StorageError.Unavailable, $"{purpose}: thin pool {_name} is not active", $"see why with: lvchange --activate y {_name}");

    private LogicalVolume Wanted(string name, long sizeBytes, IReadOnlyList<string> tags, string? origin) => new()
    {
        Name = name,
        Uuid = "",
        SizeBytes = sizeBytes,
        Attributes = InventoryChange.AttributesOf(LvType.Thin),
        SegmentType = "thin",
        Pool = _options.ThinPool,
        Origin = origin,
        Tags = tags,
    };
}
