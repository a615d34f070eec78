using CsiLocal.Configuration;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Takes over logical volumes that others made in the pool's volume group (thin ones: in its thin pool).</summary>
/// <remarks>
/// Two changes: tags, then the name. Between them it has its old name, so that neither an undo nor a person who has lost the state has to
/// guess what it was. It is told from namesakes by its LVM UUID. Tags of others stay; nothing of ours reads them.
/// </remarks>
internal sealed class LvmAdoption(PoolOptions options, VolumeGroup group, LvmDevices devices, LvmStore store, TagLedger tags) : IAdoption
{
    private string? ThinPool => options.Lvm!.ThinPool;

    public Task<AdoptionCandidate> InspectAsync(string attempted, ForeignSource source, CancellationToken cancellationToken) => IoFailure.GuardAsync(attempted, async () =>
    {
        if (source.VolumeGroup != group.Name)
        {
            throw new StorageException(
                StorageError.InvalidArgument, $"{attempted}: pool '{options.Name}' lies in volume group {group.Name}", $"name a logical volume of it, as {group.Name}/NAME, or another pool");
        }

        await group.RefreshAsync(cancellationToken);
        var there = group.Find(source.Name) ?? throw new StorageException(
            StorageError.NotFound, $"{attempted}: there is no such logical volume", $"see what there is: csilocal volume adopt --list --pool {options.Name}");
        await RequireAdoptableAsync(attempted, there, cancellationToken);
        return Describe(there);
    });

    public Task<IReadOnlyList<AdoptionCandidate>> ListAsync(string attempted, string? folder, CancellationToken cancellationToken) =>
        IoFailure.GuardAsync<IReadOnlyList<AdoptionCandidate>>(attempted, async () =>
        {
            if (folder is not null)
                throw new StorageException(StorageError.InvalidArgument, $"{attempted}: it lies in volume group {group.Name}, not in a folder", "leave the folder out");

            var report = await group.RefreshAsync(cancellationToken);
            return
            [
                .. report.LogicalVolumes.Where(volume => !volume.IsHidden && volume.Attributes.Type != LvType.ThinPool && !IsOurs(volume))
                    .Select(volume => Judge(attempted, volume)),
            ];
        });

    public Task AdoptAsync(string attempted, AdoptionRecord adoption, CancellationToken cancellationToken) => IoFailure.GuardAsync(attempted, async () =>
    {
        var name = adoption.Volume.Id.Value;
        await group.RefreshAsync(cancellationToken);
        var there = FindByUuid(adoption.Identity) ?? throw new StorageException(
            StorageError.NotFound, $"{attempted}: the logical volume {adoption.Identity} is gone", $"see who removed it (lvs -a {group.Name})");
        if (there.Name != name)
        {
            if (group.Find(name) is not null)
                throw new StorageException(StorageError.AlreadyExists, $"{attempted}: there is {group.Name}/{name} already", "adopt it under another name");
            group.RequireRoom(attempted);
            await RequireAdoptableAsync(attempted, there, cancellationToken);
        }

        await tags.ReplaceAsync(attempted, there.Name, LvTags.Of(adoption.Volume), cancellationToken);
        await store.RenameAsync(there, name, cancellationToken);
        return true;
    });

    public Task<bool> IsDoneAsync(string attempted, AdoptionRecord adoption, CancellationToken cancellationToken) => IoFailure.GuardAsync(attempted, async () =>
    {
        await group.RefreshAsync(cancellationToken);
        return FindByUuid(adoption.Identity)?.Name == adoption.Volume.Id.Value;
    });

    public Task ReleaseAsync(string attempted, AdoptionRecord adoption, CancellationToken cancellationToken) => IoFailure.GuardAsync(attempted, async () =>
    {
        await group.RefreshAsync(cancellationToken);
        var oldName = ForeignSource.Parse(adoption.Source).Name;

        // Under a third name it is what somebody has made of it since.
        if (FindByUuid(adoption.Identity) is not { } there || (there.Name != oldName && there.Name != adoption.Volume.Id.Value))
            return true;

        await store.RenameAsync(there, oldName, cancellationToken);
        await tags.ReplaceAsync(attempted, oldName, [], cancellationToken);
        return true;
    });

    private AdoptionCandidate Judge(string attempted, LogicalVolume volume)
    {
        try
        {
            RequireKind(attempted, volume);
            devices.RequireClosed(attempted, volume.Name);
            return Describe(volume);
        }
        catch (StorageException e)
        {
            return Describe(volume) with { Problem = e.Describe().Replace($"{attempted}: ", "", StringComparison.Ordinal) };
        }
    }

    private AdoptionCandidate Describe(LogicalVolume volume) => new()
    {
        Source = ForeignSource.OfLogicalVolume(group.Name, volume.Name),
        Identity = volume.Uuid,
        SizeBytes = volume.SizeBytes,
        Tags = volume.Tags,
        DevicePath = group.DeviceOf(volume) is { } device ? group.Devices.NodeOf(device) : null,
        Notes = [.. Notes(volume)],
    };

    private IEnumerable<string> Notes(LogicalVolume volume)
    {
        var snapshots = SnapshotsOf(volume, isThin: true);
        if (snapshots.Length > 0)
            yield return $"thin snapshots of it stay what they are: {snapshots}";
        if (ThinPool is null && volume.SegmentType != Segment(options.Lvm!.Layout))
            yield return $"it is {volume.SegmentType}, and stays so: new volumes of pool '{options.Name}' are {Segment(options.Lvm.Layout)}";
    }

    private async Task RequireAdoptableAsync(string attempted, LogicalVolume volume, CancellationToken cancellationToken)
    {
        if (IsOurs(volume))
            throw Refuse(attempted, "it has the name or the tags of a volume of this driver", $"see what is known of it: csilocal explain {volume.Name}");

        RequireKind(attempted, volume);
        await devices.WaitUntilClosedAsync(attempted, volume.Name, butReadOnly: false, cancellationToken);
    }

    private bool IsOurs(LogicalVolume volume) =>
        VolumeId.TryParse(volume.Name, out _) || SnapshotId.TryParse(volume.Name, out _) || TrashId.TryParse(volume.Name, out _)
        || (LvTags.AreOurs(volume.Tags) && LvTags.AdoptedFrom(volume) != $"{group.Name}/{volume.Name}");

    private void RequireKind(string attempted, LogicalVolume volume)
    {
        if (volume.IsHidden || volume.Attributes.Type == LvType.ThinPool)
            throw Refuse(attempted, "it is a thin pool, or a part of another logical volume", "name the volume itself");
        if (volume.Pool != ThinPool)
        {
            throw volume.Pool is { } other
                ? Refuse(attempted, $"it lies in thin pool {other}, pool '{options.Name}' {(ThinPool is null ? "has no thin volumes" : $"in thin pool {ThinPool}")}", $"adopt it into a pool of backend lvm-thin with thinPool: {other}")
                : Refuse(attempted, $"it lies in no thin pool, pool '{options.Name}' in thin pool {ThinPool}", $"adopt it into a pool of backend lvm with volumeGroup: {group.Name}");
        }

        var snapshots = SnapshotsOf(volume, isThin: false);
        if (snapshots.Length > 0)
            throw Refuse(attempted, $"snapshots of it live on its blocks: {snapshots}", "remove them first (lvremove)");
        if (volume.Attributes.Type is not (LvType.Normal or LvType.Raid or LvType.RaidUnsynced or LvType.Thin))
            throw Refuse(attempted, $"it is of a kind that this driver does not make ({volume.SegmentType}, {volume.Attributes.Type})", "make it linear, striped, RAID or thin (lvconvert), or copy what is on it");
        if (volume.Attributes.Health is LvHealth.Partial or LvHealth.Failed)
            throw Refuse(attempted, "a part of it is missing or has failed", $"mend it first: see lvs -a {group.Name}");
        if (!volume.Attributes.IsWritable)
            throw Refuse(attempted, "it is read-only", $"lvchange --permission rw {group.Name}/{volume.Name}");
        if (volume.Attributes.State != LvState.Active || group.DeviceOf(volume) is null)
            throw Refuse(attempted, "it is not active, so that nobody can see what is on it", $"lvchange --activate y --ignoreactivationskip {group.Name}/{volume.Name}");
    }

    private string SnapshotsOf(LogicalVolume origin, bool isThin) => string.Join(
        ", ",
        (group.Inventory?.LogicalVolumes ?? []).Where(volume => !volume.IsHidden && volume.Origin == origin.Name && volume.Pool is not null == isThin)
            .Select(static volume => volume.Name));

    private LogicalVolume? FindByUuid(string uuid) => group.Inventory?.LogicalVolumes.FirstOrDefault(volume => volume.Uuid == uuid);

    private static string Segment(LvmLayout layout) => layout.ToString().ToLowerInvariant();

    private static StorageException Refuse(string attempted, string fact, string remedy) =>
        new(StorageError.FailedPrecondition, $"{attempted}: {fact}", remedy);
}
