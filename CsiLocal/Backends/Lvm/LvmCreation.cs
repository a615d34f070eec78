using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Makes volumes and snapshots, or goes on with what an interrupted creation left.</summary>
internal sealed class LvmCreation(
    VolumeGroup group, ILvmProvisioner provisioner, LvmOwnership ownership, LvmDevices devices, LvmStore store, TagLedger tags, LvmRecords records)
{
    /// <inheritdoc cref="IStorageBackend.CreateAsync"/>
    public async Task<VolumeRecord> CreateAsync(string attempted, VolumeRecord volume, ICopyProgress progress, CancellationToken cancellationToken)
    {
        // What needs no work after lvcreate says ready from its first moment, which saves it a second process.
        var mustBeErased = provisioner.MustBeErased(volume);
        var wanted = volume with
        {
            SizeBytes = provisioner.RoundUp(volume.SizeBytes),
            State = mustBeErased ? VolumeState.Creating : VolumeState.Ready,
        };
        var there = await store.FindOrMakeAsync(
            attempted, wanted.Id.Value, () => provisioner.CreateAsync(wanted, LvTags.Of(wanted), cancellationToken), cancellationToken);
        var known = records.Known(there, ownership.ProveMade(attempted, there, wanted));
        var device = await devices.ActivateAsync(attempted, there, wanted.SizeBytes, cancellationToken);
        var isErased = mustBeErased && known.State == VolumeState.Ready;
        if (known.Format == FormatState.Never && !isErased)
            await EraseAsync(attempted, there, known, progress, cancellationToken);
        return known with { SizeBytes = device.SizeBytes, State = volume.State };
    }

    /// <inheritdoc cref="IStorageBackend.CreateFromAsync"/>
    public async Task<VolumeRecord> CreateFromAsync(
        string attempted, VolumeRecord volume, CopySource source, ICopyProgress progress, CancellationToken cancellationToken)
    {
        var wanted = volume with { SizeBytes = provisioner.RoundUp(volume.SizeBytes), Format = source.FormatOfCopy };
        var origin = await RequireSourceAsync(attempted, source, wanted.SizeBytes, cancellationToken);
        var there = group.Find(wanted.Id.Value);
        if (there is null)
            group.RequireRoom(attempted);
        var known = there is null ? null : ownership.ProveMade(attempted, there, wanted);
        if (known is not { State: VolumeState.Ready })
            (there, known) = await FillAsync(attempted, wanted, origin, progress, cancellationToken);

        var device = await devices.ActivateAsync(attempted, there!, wanted.SizeBytes, cancellationToken);
        return known with { SizeBytes = device.SizeBytes, State = volume.State };
    }

    /// <inheritdoc cref="IStorageBackend.CreateSnapshotAsync"/>
    public async Task<SnapshotRecord> CutAsync(
        string attempted, SnapshotRecord snapshot, CopySource source, ICopyProgress progress, CancellationToken cancellationToken)
    {
        var origin = await RequireSourceAsync(attempted, source, long.MaxValue, cancellationToken);
        var wanted = snapshot with { SizeBytes = origin.SizeBytes, Format = source.FormatOfCopy, State = SnapshotState.Ready };
        var there = await store.FindOrMakeAsync(
            attempted, wanted.Id.Value, () => provisioner.CreateSnapshotAsync(wanted, origin, LvTags.Of(wanted), progress, cancellationToken), cancellationToken);
        return ownership.ProveMade(attempted, there, wanted) with { State = snapshot.State };
    }

    /// <summary>Fills a volume, or finds that it was filled by what then reported a failure.</summary>
    private async Task<(LogicalVolume There, VolumeRecord Known)> FillAsync(
        string attempted, VolumeRecord wanted, LogicalVolume from, ICopyProgress progress, CancellationToken cancellationToken)
    {
        bool isReady;
        try
        {
            isReady = await provisioner.CreateFromAsync(wanted, from, progress, cancellationToken);
        }
        catch (StorageException e) when (!cancellationToken.IsCancellationRequested)
        {
            // Whoever undoes it, too, has to know whether it is there.
            if (await store.FindFreshAsync(wanted.Id.Value, CancellationToken.None) is not { } seen)
                throw;
            var found = ownership.ProveMade(attempted, seen, wanted);
            if (found.State == VolumeState.Ready)
                return (seen, found);
            if (e.Error != StorageError.AlreadyExists)
                throw;

            // Made by an lvcreate that was killed: the inventory did not know of it. Now it does, and goes on with it.
            isReady = await provisioner.CreateFromAsync(wanted, from, progress, cancellationToken);
        }

        var there = await LvmStore.RequireMadeAsync(group, attempted, wanted.Id.Value, cancellationToken);
        var known = ownership.ProveMade(attempted, there, wanted);
        if (!isReady)
            await tags.WriteAsync(there, known, wanted with { State = VolumeState.Ready }, CancellationToken.None);
        return (there, known);
    }

    /// <summary>Sees to it that nothing old can be read of an empty volume, and that its tags say ready only then.</summary>
    private async Task EraseAsync(
        string attempted, LogicalVolume there, VolumeRecord known, ICopyProgress progress, CancellationToken cancellationToken)
    {
        await devices.WaitUntilClosedAsync(attempted, there.Name, butReadOnly: false, cancellationToken);
        try
        {
            await provisioner.EraseAsync(known, there, progress, cancellationToken);
        }
        catch (Exception e) when (e is StorageException or IOException && known.State == VolumeState.Ready)
        {
            // Its tags say ready, which saves every other volume a process: left behind, the next call would take it for finished.
            await store.RemoveAsync(attempted, there.Name, found => ownership.Prove(attempted, found, known), CancellationToken.None);
            throw;
        }

        if (known.State == VolumeState.Creating)
            await tags.WriteAsync(there, known, known with { State = VolumeState.Ready }, CancellationToken.None);
    }

    /// <summary>The source of a copy. Its IsOpen says whether it may be written to while it is read.</summary>
    private async Task<LogicalVolume> RequireSourceAsync(string attempted, CopySource source, long limitBytes, CancellationToken cancellationToken)
    {
        var there = await store.RequireAsync(attempted, source.Volume?.Id.Value ?? source.Snapshot!.Id.Value, cancellationToken);
        var sizeBytes = source.Volume is { } volume
            ? ownership.Prove(attempted, there, volume).SizeBytes
            : ownership.Prove(attempted, there, source.Snapshot!).SizeBytes;
        if (sizeBytes > limitBytes)
        {
            throw new StorageException(
                StorageError.OutOfRange, $"{attempted}: {limitBytes} bytes asked for, the source {there.Name} has {sizeBytes}", "ask for at least the source's size");
        }

        // A published device node is not open until its user opens it, which may be any moment. Whoever copies in an instant need not care.
        var isOpen = !provisioner.Features.InstantCopy && source.Volume is { } used
            && ((used.Access == AccessType.Block && source.InUse) || await devices.IsInUseAsync(there.Name, cancellationToken));
        return there with { Attributes = there.Attributes with { IsOpen = isOpen } };
    }
}
