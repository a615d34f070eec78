using CsiLocal.Configuration;
using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>The trash of a pool of logical volumes: a deleted one is named by its id there, and its tags say what it was and until when it is kept.</summary>
/// <remarks>
/// Into the trash the tags go first, on the way back last: whoever finds tags of the trash on a volume, whatever its name, finds a
/// deleted volume. It stays active, so that it can be erased, and measured, without an lvm process.
/// </remarks>
internal sealed class LvmTrash(
    PoolOptions options, VolumeGroup group, ILvmProvisioner provisioner, LvmOwnership ownership, LvmDevices devices, LvmStore store, TagLedger tags)
{
    /// <inheritdoc cref="IStorageBackend.FindTrash"/>
    public TrashRecord? Find(TrashId id)
    {
        var attempted = $"look for {id} in the trash of pool {options.Name}";
        return FindVolume(attempted, id) is { } there ? ownership.ReadTrash(attempted, there) : null;
    }

    public long Measure(TrashRecord item) =>
        group.Find(item.Id.Value) is { } there ? provisioner.MeasureTrash(there) : 0;

    /// <inheritdoc cref="IStorageBackend.QuarantineAsync"/>
    public async Task<bool> PutAsync(string attempted, TrashRecord item, CancellationToken cancellationToken)
    {
        try
        {
            return await TryPutAsync(attempted, item, cancellationToken);
        }
        catch (StorageException e) when (e.Error is not (StorageError.FailedPrecondition or StorageError.DataLoss))
        {
            // A command may have done what it then reported as failed, and the inventory lag behind one that was killed.
            await group.RefreshAsync(CancellationToken.None);
            if (group.Find(item.Id.Value) is { } there && ownership.ReadTrash(attempted, there)?.Id == item.Id)
                return true;
            if (e.Error != StorageError.NotFound)
                throw;
            return await TryPutAsync(attempted, item, cancellationToken);
        }
    }

    /// <inheritdoc cref="IStorageBackend.RestoreAsync"/>
    public async Task RestoreAsync(string attempted, TrashRecord item, VolumeRecord volume, CancellationToken cancellationToken)
    {
        try
        {
            await TryRestoreAsync(attempted, item, volume, cancellationToken);
        }
        catch (StorageException e) when (e.Error is StorageError.NotFound or StorageError.Internal)
        {
            // As above.
            await group.RefreshAsync(CancellationToken.None);
            await TryRestoreAsync(attempted, item, volume, cancellationToken);
        }
    }

    /// <inheritdoc cref="IStorageBackend.EraseAsync"/>
    public async Task EraseAsync(string attempted, TrashRecord item, IEraseProgress progress, CancellationToken cancellationToken)
    {
        if ((FindVolume(attempted, item.Id) ?? await FindFreshAsync(attempted, item.Id, cancellationToken)) is not { } there)
            return;

        var known = Prove(attempted, there, item);
        var overwrite = Overwriting.IsAsked(item.Erase);
        var discard = item.Erase != EraseMode.None && options.Lvm!.Discard;
        if (overwrite && !provisioner.Features.Overwrite)
        {
            throw new StorageException(
                StorageError.FailedPrecondition, $"{attempted}: thin pools overwrite nothing where it lies",
                "empty the trash of what was deleted under other options by hand: lvremove");
        }

        await devices.WaitUntilClosedAsync(attempted, there.Name, butReadOnly: false, cancellationToken);

        // What lvremove alone does is done at once or not at all; before anything else a note has to lie with the data.
        if (!known.Erasing && (overwrite || (discard && there.Pool is not null)))
            await tags.ReplaceAsync(attempted, there.Name, LvTags.Of(known with { Erasing = true }), cancellationToken);
        if (overwrite)
            await OverwriteAsync(attempted, there, item.Erase, progress, cancellationToken);
        await store.RemoveAsync(attempted, there.Name, found => Prove(attempted, found, item), discard, cancellationToken);
    }

    private async Task<bool> TryPutAsync(string attempted, TrashRecord item, CancellationToken cancellationToken)
    {
        var name = item.Volume.Id.Value;
        if (FindVolume(attempted, item.Id) is not { } there)
        {
            if ((group.Find(name) ?? await store.FindFreshAsync(name, cancellationToken)) is not { } found)
                return FindVolume(attempted, item.Id) is not null;

            // What a fresh report showed may be further than what was known before.
            if (ownership.ReadTrash(attempted, found)?.Id != item.Id)
            {
                ownership.Prove(attempted, found, item.Volume);
                provisioner.RequireRemovable(found, attempted);
                await devices.WaitUntilClosedAsync(attempted, name, butReadOnly: false, cancellationToken);
                await tags.ReplaceAsync(attempted, name, LvTags.Of(item), cancellationToken);
            }

            there = found;
        }

        await store.RenameAsync(there, item.Id.Value, cancellationToken);
        return true;
    }

    private async Task TryRestoreAsync(string attempted, TrashRecord item, VolumeRecord volume, CancellationToken cancellationToken)
    {
        var name = volume.Id.Value;
        if (FindVolume(attempted, item.Id) is not { } there)
        {
            // Done by an earlier attempt, or gone.
            if (group.Find(name) is { } back && ownership.Read(attempted, back, volume.Id)?.CreatedAt == volume.CreatedAt)
                return;
            throw new StorageException(StorageError.DataLoss, $"{attempted}: {group.Name}/{item.Id} is missing", $"see who removed it (lvs -a {group.Name})");
        }

        if (Prove(attempted, there, item).Erasing)
            throw new StorageException(StorageError.FailedPrecondition, $"{attempted}: its erasure was begun", "restore it from a backup; nothing else brings it back");
        if (there.Name != name && group.Find(name) is not null)
            throw new StorageException(StorageError.AlreadyExists, $"{attempted}: there is {group.Name}/{name} already", "bring it back under another name");

        await store.RenameAsync(there, name, cancellationToken);
        await tags.ReplaceAsync(attempted, name, LvTags.Of(volume with { State = VolumeState.Ready }), cancellationToken);
    }

    private TrashRecord Prove(string attempted, LogicalVolume there, TrashRecord item) =>
        ownership.ReadTrash(attempted, there) is { } known && known.Id == item.Id
            ? known
            : throw new StorageException(
                StorageError.DataLoss, $"{attempted}: {group.Name}/{there.Name} exists without the tags that would prove that it is this deleted volume",
                $"nothing was touched: look at it (lvs -o +tags {group.Name}/{there.Name})");

    /// <summary>By its name, or by its tags where the renaming is still to be done.</summary>
    private LogicalVolume? FindVolume(string attempted, TrashId id)
    {
        if (group.Find(id.Value) is { } named)
            return named;

        foreach (var volume in group.Inventory?.LogicalVolumes ?? [])
        {
            if (VolumeId.TryParse(volume.Name, out _) && ownership.ReadTrash(attempted, volume)?.Id == id)
                return volume;
        }

        return null;
    }

    private async Task<LogicalVolume?> FindFreshAsync(string attempted, TrashId id, CancellationToken cancellationToken)
    {
        await group.RefreshAsync(cancellationToken);
        return FindVolume(attempted, id);
    }

    private async Task OverwriteAsync(
        string attempted, LogicalVolume there, EraseMode mode, IEraseProgress progress, CancellationToken cancellationToken)
    {
        var device = devices.Describe(await devices.ActivateAsync(attempted, there, there.SizeBytes, cancellationToken));
        var pattern = Overwriting.Pattern(mode);

        // Held all the while: nobody mounts what is being erased.
        using var target = BlockTarget.OpenExclusive(attempted, device, BlockOpen.Write);
        await Overwriting.RunAsync(target.SizeBytes, Step, progress, cancellationToken);

        long Step(long from)
        {
            var length = Math.Min(Overwriting.StepBytes, target.SizeBytes - from);
            if (mode == EraseMode.Zero)
                target.ZeroOut(from, length);
            else
                target.Write(from, pattern().AsSpan(0, (int)length));
            target.Flush();
            return from + length;
        }
    }
}
