using CsiLocal.Configuration;
using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Volumes as logical volumes named by their ids: <c>vg/v…</c>, snapshots as <c>vg/s…</c>, their metadata as tags.</summary>
/// <remarks>
/// A logical volume and its tags come into being, and go, in one commit of the volume group's metadata; so there is never data without
/// metadata. Tags that say "creating" mean: handed to nobody. Only creation, deletion, growth and late tags start processes; all else is
/// told by the inventory and the kernel.
/// </remarks>
internal sealed class LvmBackend : IStorageBackend, IPoolUpkeep, IThinPoolUse
{
    private readonly PoolOptions _options;
    private readonly VolumeGroup _group;
    private readonly ILvmProvisioner _provisioner;
    private readonly LvmOwnership _ownership;
    private readonly LvmDevices _devices;
    private readonly LvmStore _store;
    private readonly LvmGrowth _growth;
    private readonly TagLedger _tags;
    private readonly LvmRecords _records;
    private readonly LvmCreation _creation;
    private readonly LvmTrash _trash;

    public LvmBackend(PoolOptions options, VolumeGroup group, ILvmProvisioner provisioner, TimeProvider time)
    {
        (_options, _group, _provisioner) = (options, group, provisioner);
        _ownership = new LvmOwnership(options);
        _devices = new LvmDevices(group, time);
        _store = new LvmStore(options, group, provisioner, _devices);
        _growth = new LvmGrowth(group, _devices, provisioner);
        _tags = new TagLedger(group, time);
        _records = new LvmRecords(options, group, _ownership, _tags);
        _creation = new LvmCreation(group, provisioner, _ownership, _devices, _store, _tags, _records);
        _trash = new LvmTrash(options, group, provisioner, _ownership, _devices, _store, _tags);
        Adoption = new LvmAdoption(options, group, _devices, _store, _tags);
    }

    public BackendKind Kind => _options.Backend;

    public BackendFeatures Features => _provisioner.Features;

    public async Task<PoolOwner?> ReadOwnerAsync(string? knownIdentity, CancellationToken cancellationToken)
    {
        // Even if it cannot be read now: what is mounted from it has to be let go of.
        var knownUuid = knownIdentity is null ? null : GroupUuid(knownIdentity);
        if (knownUuid is not null)
            _devices.Pin(knownUuid);
        if (await _group.LookAsync(knownUuid, cancellationToken) is not { } report)
            return null;

        try
        {
            return new PoolOwner(_provisioner.ReadIdentity(), VolumeGroupTags.ReadNode(report.Tags));
        }
        catch (FormatException e)
        {
            throw new StorageException(
                StorageError.Unavailable, $"pool {_options.Name}: the tags of volume group '{_group.Name}' cannot be read: {e.Message}",
                $"look at them (vgs -o +tags {_group.Name}); the one that begins with {LvTagText.Prefix} names the node", e);
        }
    }

    public Task MarkOwnerAsync(string node, CancellationToken cancellationToken)
    {
        var tags = VolumeGroupTags.Of(node);
        return _group.ChangeAsync(
            (group, token) =>
            {
                var there = _group.Inventory?.Tags ?? [];
                var removed = there.Where(tag => LvTagText.IsOurs(tag) && !tags.Contains(tag, StringComparer.Ordinal)).ToArray();
                var added = tags.Where(tag => !there.Contains(tag, StringComparer.Ordinal)).ToArray();
                return added.Length + removed.Length == 0 ? Task.CompletedTask : _group.Tool.ChangeGroupTagsAsync(group, added, removed, token);
            },
            report => report with { Tags = [.. report.Tags.Where(static tag => !LvTagText.IsOurs(tag)), .. tags] },
            cancellationToken);
    }

    public IAdoption Adoption { get; }

    public async Task<PoolFacts> InspectAsync(string? knownIdentity, CancellationToken cancellationToken)
    {
        try
        {
            _group.Devices.Probe();
        }
        catch (NativeException e)
        {
            throw new StorageException(
                StorageError.Unavailable, $"pool {_options.Name}: {e.Message}", "load dm_mod (modprobe dm_mod); in a container, mount the host's /dev", e);
        }

        if (knownIdentity is not null)
            _devices.Pin(GroupUuid(knownIdentity));
        var identity = await _provisioner.OpenAsync(knownIdentity, cancellationToken);
        _devices.Pin(GroupUuid(identity));
        return new PoolFacts(identity, "lvm");
    }

    public PoolSpace MeasureSpace(
        IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots, IReadOnlyCollection<TrashRecord> trash) =>
        IoFailure.Guard($"measure pool {_options.Name}", () => _provisioner.MeasureSpace(volumes, snapshots, trash));

    public long RoundUp(long requiredBytes) => _provisioner.RoundUp(requiredBytes);

    public Task<VolumeRecord> CreateAsync(VolumeRecord volume, ICopyProgress progress, CancellationToken cancellationToken)
    {
        var attempted = $"create volume {volume.Id}";
        return IoFailure.GuardAsync(attempted, () => _creation.CreateAsync(attempted, volume, progress, cancellationToken));
    }

    public Task<VolumeRecord> CreateFromAsync(
        VolumeRecord volume, CopySource source, ICopyProgress progress, CancellationToken cancellationToken)
    {
        var attempted = $"create volume {volume.Id}";
        return IoFailure.GuardAsync(attempted, () => _creation.CreateFromAsync(attempted, volume, source, progress, cancellationToken));
    }

    public void RequireUnused(VolumeRecord volume)
    {
        var attempted = $"delete volume {volume.Id}";
        IoFailure.Guard(attempted, () =>
        {
            _devices.RequireClosed(attempted, volume.Id.Value);
            if (_group.Find(volume.Id.Value) is { } there)
                _provisioner.RequireRemovable(there, attempted);
        });
    }

    public Task DeleteAsync(VolumeRecord volume, CancellationToken cancellationToken)
    {
        var attempted = $"delete volume {volume.Id}";
        return RemoveAsync(attempted, volume.Id.Value, there => _ownership.Prove(attempted, there, volume), cancellationToken);
    }

    public Task<bool> QuarantineAsync(TrashRecord item, CancellationToken cancellationToken)
    {
        var attempted = $"delete volume {item.Volume.Id}";
        return IoFailure.GuardAsync(attempted, () => _trash.PutAsync(attempted, item, cancellationToken));
    }

    public Task RestoreAsync(TrashRecord item, VolumeRecord volume, CancellationToken cancellationToken)
    {
        var attempted = $"undelete {item.Id}";
        return IoFailure.GuardAsync(attempted, async () =>
        {
            await _trash.RestoreAsync(attempted, item, volume, cancellationToken);
            return true;
        });
    }

    public Task EraseAsync(TrashRecord item, IEraseProgress progress, CancellationToken cancellationToken)
    {
        var attempted = $"erase {item.Id}";
        return IoFailure.GuardAsync(attempted, async () =>
        {
            await _trash.EraseAsync(attempted, item, progress, cancellationToken);
            return true;
        });
    }

    public TrashRecord? FindTrash(TrashId id) => _trash.Find(id);

    public long MeasureTrash(TrashRecord item, IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots) =>
        IoFailure.Guard($"measure {item.Id}", () => _trash.Measure(item));

    public Task<long> ResizeAsync(VolumeRecord volume, long sizeBytes, CancellationToken cancellationToken)
    {
        var attempted = $"expand volume {volume.Id}";
        var size = RoundUp(sizeBytes);
        return IoFailure.GuardAsync(attempted, async () =>
        {
            var (there, tagged) = await RequireAsync(attempted, volume, cancellationToken);
            var known = _records.Known(there, tagged);
            if (size < volume.SizeBytes)
            {
                throw new StorageException(
                    StorageError.OutOfRange, $"{attempted}: it has {volume.SizeBytes} bytes, {size} asked for",
                    "a logical volume is not made smaller: make a smaller volume and copy the files");
            }

            // What was never formatted must stay blank where the interlock will look, which depends on the size.
            var isBlank = known is { Format: FormatState.Never, Access: AccessType.Mount };
            var grown = _provisioner.MustBeErased(volume)
                ? await _growth.GrowZeroedAsync(attempted, there, size, cancellationToken)
                : await _growth.GrowAsync(attempted, there, size, cancellationToken);
            if (isBlank)
                await _provisioner.EraseAsync(volume, _group.Find(there.Name) ?? there, new NoProgress(), cancellationToken);
            return grown;
        });
    }

    public Task<Attachment> AttachAsync(VolumeRecord volume, bool readOnly, CancellationToken cancellationToken)
    {
        var attempted = $"attach volume {volume.Id}";
        return IoFailure.GuardAsync(attempted, async () =>
        {
            var (there, _) = await RequireAsync(attempted, volume, cancellationToken);
            RequireGrown(attempted, there);
            var device = await _devices.ActivateAsync(attempted, there, volume.SizeBytes, cancellationToken);
            return readOnly ? _devices.AttachReadOnly(device, volume.Id.Value) : _devices.Describe(device);
        });
    }

    public Attachment? FindAttachment(VolumeRecord volume, bool readOnly) => IoFailure.Guard($"find the device of volume {volume.Id}", () =>
        _devices.Find(volume.Id.Value) is not { } device ? null : readOnly ? LvmDevices.FindReadOnlyAttachment(device) : _devices.Describe(device));

    public IReadOnlySet<VolumeId> ListAttached() => IoFailure.Guard($"list the devices of pool {_options.Name}", () =>
    {
        var attached = new HashSet<VolumeId>();
        foreach (var volume in _group.Inventory?.LogicalVolumes ?? [])
        {
            if (_ownership.MayHold(volume) && VolumeId.TryParse(volume.Name, out var id) && _group.DeviceOf(volume) is { OpenCount: > 0 })
                attached.Add(id);
        }

        return attached;
    });

    public Task DetachAsync(VolumeRecord volume, bool readOnly, CancellationToken cancellationToken)
    {
        var attempted = $"detach volume {volume.Id}";
        return IoFailure.GuardAsync(attempted, async () =>
        {
            // The volume's own device stays; what is proved is that nobody holds it any more.
            if (!readOnly)
                await _devices.WaitUntilClosedAsync(attempted, volume.Id.Value, butReadOnly: true, cancellationToken);
            else if (_devices.Find(volume.Id.Value) is { } device)
                await _devices.DetachReadOnlyAsync(device, volume.Id.Value, cancellationToken);
            return true;
        });
    }

    public Task MakeBlankAsync(VolumeRecord volume, CancellationToken cancellationToken)
    {
        var attempted = $"blank volume {volume.Id}";
        return IoFailure.GuardAsync(attempted, async () =>
        {
            var (there, tagged) = await RequireAsync(attempted, volume, cancellationToken);
            var known = _records.Known(there, tagged);
            await _devices.WaitUntilClosedAsync(attempted, there.Name, butReadOnly: false, cancellationToken);
            var device = await _devices.ActivateAsync(attempted, there, volume.SizeBytes, cancellationToken);
            await Task.Run(() => LvmBlanking.Blank(attempted, _devices.Describe(device), volume, known), cancellationToken);
            return true;
        });
    }

    public Task WriteMetadataAsync(VolumeRecord volume, CancellationToken cancellationToken)
    {
        var attempted = $"write metadata of volume {volume.Id}";
        return IoFailure.GuardAsync(attempted, async () =>
        {
            var (there, tagged) = await RequireAsync(attempted, volume, cancellationToken);
            await _tags.WriteAsync(there, tagged, volume, cancellationToken);
            return true;
        });
    }

    public VolumeRecord? FindMetadata(VolumeId id) => _records.Find(id);

    public SnapshotRecord? FindMetadata(SnapshotId id) => _records.Find(id);

    public string? ReadIdentity() => _provisioner.ReadIdentity();

    public string Location(VolumeRecord volume) => $"{_group.Name}/{volume.Id}";

    public IReadOnlyList<HealthFinding> Inspect(VolumeRecord volume) => LvmHealth.Inspect(_group, _ownership, _provisioner, volume);

    public IReadOnlyList<HealthFinding> InspectPool() => [.. _group.Inspect(), .. _provisioner.InspectPool()];

    public ThinPoolUse? MeasureUse() => (_provisioner as IThinPoolUse)?.MeasureUse();

    public long CopyCost(VolumeRecord volume) => IoFailure.Guard($"measure volume {volume.Id}", () => _provisioner.CopyCost(volume));

    public Task<SnapshotRecord> CreateSnapshotAsync(
        SnapshotRecord snapshot, CopySource source, ICopyProgress progress, CancellationToken cancellationToken)
    {
        var attempted = $"create snapshot {snapshot.Id}";
        return IoFailure.GuardAsync(attempted, () => _creation.CutAsync(attempted, snapshot, source, progress, cancellationToken));
    }

    public Task DeleteSnapshotAsync(SnapshotRecord snapshot, CancellationToken cancellationToken)
    {
        var attempted = $"delete snapshot {snapshot.Id}";
        return RemoveAsync(attempted, snapshot.Id.Value, there => _ownership.Prove(attempted, there, snapshot), cancellationToken);
    }

    public IReadOnlyList<FoundObject> List() => _records.List();

    public async Task UpkeepAsync(CancellationToken cancellationToken)
    {
        // The provisioner first: a thin pool that fills waits for nothing. A failure of one must not keep the others from their turn.
        try
        {
            await _provisioner.UpkeepAsync(cancellationToken);
        }
        finally
        {
            try
            {
                await _group.UpkeepAsync(cancellationToken);
            }
            finally
            {
                await _tags.WriteDueAsync(cancellationToken);
            }
        }
    }

    public Task FlushAsync(CancellationToken cancellationToken) => _tags.FlushAsync(cancellationToken);

    private async Task RemoveAsync(string attempted, string name, Action<LogicalVolume> prove, CancellationToken cancellationToken)
    {
        await IoFailure.GuardAsync(attempted, async () =>
        {
            await _store.RemoveAsync(attempted, name, prove, cancellationToken);
            return true;
        });
        _tags.Cancel(name);
    }

    /// <summary>The logical volume, proved to be the one that the record means, and the record as its tags have it.</summary>
    /// <exception cref="StorageException">DataLoss: it is not there, or another one is.</exception>
    private async Task<(LogicalVolume There, VolumeRecord Tagged)> RequireAsync(string attempted, VolumeRecord volume, CancellationToken cancellationToken)
    {
        var there = await _store.RequireAsync(attempted, volume.Id.Value, cancellationToken);
        return (there, _ownership.Prove(attempted, there, volume));
    }

    private static void RequireGrown(string attempted, LogicalVolume there)
    {
        if (LvmGrowth.UnfinishedFrom(there) is { } shown)
        {
            throw new StorageException(
                StorageError.Unavailable, $"{attempted}: its expansion beyond {shown} bytes was interrupted, and what was added is not zeroed yet",
                "repeat ControllerExpandVolume (csilocal volume expand)");
        }
    }

    // The VG's, or VG's/thin pool's.
    private static string GroupUuid(string identity) => identity.Split('/')[0];
}
