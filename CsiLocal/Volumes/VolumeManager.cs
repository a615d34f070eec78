using CsiLocal.Filesystems;
using CsiLocal.State;

namespace CsiLocal.Volumes;

/// <summary>Creation, expansion and deletion of volumes: intent first, idempotent by name and specification (design §2.3, §2.4).</summary>
internal sealed class VolumeManager(
    StateStore store, PoolRegistry pools, CapacityManager capacity, KeyedLocks locks, OperationRunner operations,
    SourceResolver sources, TrashManager trash, TrashEraser eraser, NodeIdentity node, History history, TimeProvider clock)
{
    /// <summary>Makes the volume, or returns the one that an earlier call made.</summary>
    /// <exception cref="StorageException">As CSI CreateVolume errors; nothing is left behind.</exception>
    public Task<VolumeRecord> CreateAsync(VolumeSpec spec, CancellationToken callerToken) =>
        operations.RunAsync($"create {spec.Id}", token => CreateLockedAsync(spec, token), callerToken);

    private async Task<VolumeRecord> CreateLockedAsync(VolumeSpec spec, CancellationToken cancellationToken)
    {
        using var held = locks.AcquireExclusive(spec.Id.Value, $"create volume {spec.Id}");
        if (spec.Source is ContentSource.FromVolume(var self) && self == spec.Id)
            throw new StorageException(StorageError.NotFound, $"create volume {spec.Id}: it cannot be its own source");

        var existing = store.FindVolume(spec.Id) ?? TakeOver(spec.Id);
        if (existing is not null)
        {
            VolumePlanner.RequireSame(existing, spec);
            return existing.State switch
            {
                VolumeState.Ready => existing,
                VolumeState.Creating => await FillAsync(existing, cancellationToken),
                VolumeState.Deleting => throw new StorageException(
                    StorageError.Aborted, $"create volume {spec.Id}: the volume of that name is still being deleted",
                    "repeat DeleteVolume, or use another name"),
                _ => throw new ArgumentOutOfRangeException(nameof(spec), existing.State, null),
            };
        }

        node.RequireReachable(spec.RequisiteTopology);
        using var source = sources.Acquire(spec);
        var pool = pools.ForNewVolume(source?.RequirePool(spec.Pool) ?? spec.Pool);
        var record = VolumePlanner.Plan(spec, pool, source?.Copy, clock.GetUtcNow());
        await eraser.ReserveAsync(pool, record.SizeBytes, $"create volume {record.Name}", () => store.InTransaction(() =>
        {
            if (pool.Backend.Features.NeedsProjectId)
                record = record with { ProjectId = ProjectIds.Allot(store, pool) };

            store.InsertVolume(record);
            if (source is not null)
                store.PutTask(source.NewTask(record.Id.Value, record.SizeBytes, clock.GetUtcNow()));
        }), spared: null, cancellationToken);
        history.Changed(record.Id.Value, "is being created", $"CreateVolume '{record.Name}', {record.SizeBytes} bytes in pool {pool.Name}");
        return await FillAsync(record, pool, source, cancellationToken);
    }

    /// <summary>Goes on with a volume whose creation was interrupted; for start-up and for the retry of a call.</summary>
    public Task<VolumeRecord> ResumeAsync(VolumeId id) => operations.RunAsync($"create {id}", async token =>
    {
        using var held = locks.AcquireExclusive(id.Value, $"resume volume {id}");
        var record = store.FindVolume(id);
        return record is { State: VolumeState.Creating } ? await FillAsync(record, token) : record!;
    }, CancellationToken.None);

    private async Task<VolumeRecord> FillAsync(VolumeRecord record, CancellationToken cancellationToken)
    {
        var pool = pools.Holding(record.Pool);
        using var source = sources.Acquire(record);
        return await FillAsync(record, pool, source, cancellationToken);
    }

    /// <summary>Makes the volume whose intent is recorded; the caller holds its lock.</summary>
    public async Task<VolumeRecord> FillAsync(VolumeRecord record, Pool pool, AcquiredSource? source, CancellationToken cancellationToken)
    {
        VolumeRecord made;
        try
        {
            var task = store.FindTask(record.Id.Value) ?? source?.NewTask(record.Id.Value, record.SizeBytes, clock.GetUtcNow()) ?? EraseTask(record);
            var progress = new CopyProgress(store, task);
            made = source is null
                ? await pool.Backend.CreateAsync(record, progress, cancellationToken)
                : await pool.Backend.CreateFromAsync(record, source.Copy, progress, cancellationToken);
        }
        catch (StorageException e)
        {
            await UndoAsync(record, pool, e);
            throw;
        }

        made = made with { State = VolumeState.Ready };
        await pool.Backend.WriteMetadataAsync(made, CancellationToken.None);
        store.InTransaction(() =>
        {
            store.UpdateVolume(made);
            store.RemoveTask(made.Id.Value);
        });
        if (source is not null)
            capacity.Invalidate(pool);

        history.Changed(made.Id.Value, "is ready", $"{made.SizeBytes} bytes at {pool.Backend.Location(made)}");
        return made;
    }

    /// <summary>Removes what a failed creation left. Only ever for a volume that was handed to nobody.</summary>
    /// <remarks>
    /// What lies in the pool is removed only if it says itself that it is this very creation, unfinished. A row is no proof: it may be
    /// older than the data (a state file from a backup), and the creation may have failed because something else is there. One that says
    /// that it is being deleted is an undo that was interrupted, and is undone to the end.
    /// </remarks>
    public async Task UndoAsync(VolumeRecord record, Pool pool, StorageException reason)
    {
        try
        {
            if (store.FindTask(record.Id.Value)?.FrozenPath is { } frozen)
                FilesystemFreezer.Thaw($"undo volume {record.Id}", frozen);

            var found = pool.Backend.FindMetadata(record.Id);
            if (found is { State: VolumeState.Creating or VolumeState.Deleting } && found.CreatedAt == record.CreatedAt)
                await pool.Backend.DeleteAsync(record, CancellationToken.None);
            else if (found?.CreatedAt == record.CreatedAt)
            {
                // By its own word it is finished, and then something failed. Without its row it would be an orphan.
                history.NeedsAttention(record.Id.Value, "could not be undone", $"pool {pool.Name} says that it is {found.State} (after: {reason.Describe()})");
                return;
            }
            else if (found is not null)
                history.NeedsAttention(record.Id.Value, "is not what was to be made", $"pool {pool.Name} holds '{found.Name}' of {found.CreatedAt:O}; it is left alone");
        }
        catch (StorageException second)
        {
            // The row stays: start-up recovery or the retry finishes what could not be undone now.
            history.NeedsAttention(record.Id.Value, "could not be undone", $"{second.Describe()} (after: {reason.Describe()})");
            return;
        }

        store.RemoveVolume(record.Id);
        capacity.Invalidate(pool);
        history.Changed(record.Id.Value, "was undone", reason.Describe());
    }

    /// <summary>Deletes the volume: into the trash, where it has a grace time. Success where it is gone.</summary>
    /// <exception cref="StorageException">FailedPrecondition: in use; Unavailable: its pool cannot be reached.</exception>
    public Task DeleteAsync(VolumeId id, CancellationToken callerToken) => operations.RunAsync($"delete {id}", async token =>
    {
        using var held = locks.AcquireExclusive(id.Value, $"delete volume {id}");
        if ((store.FindVolume(id) ?? TakeOver(id)) is { } record)
            await DeleteLockedAsync(record, token);
        else
            pools.RequireAllKnown($"delete volume {id}", backend => backend.FindMetadata(id) is not null);

        return true;
    }, callerToken);

    private async Task DeleteLockedAsync(VolumeRecord record, CancellationToken cancellationToken)
    {
        var uses = store.PublicationsOf(record.Id);
        if (uses.Count > 0)
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"delete volume {record.Id}: it is in use at {string.Join(", ", uses.Select(static use => use.Path))}",
                "unpublish and unstage it first");
        }

        sources.RequireUnread(record.Id.Value, $"delete volume {record.Id}");
        var pool = pools.Holding(record.Pool);
        var found = pool.Backend.FindMetadata(record.Id);
        if (found is not null && found.CreatedAt != record.CreatedAt)
        {
            throw new StorageException(
                StorageError.DataLoss,
                $"delete volume {record.Id}: the one in pool {pool.Name} was made at {found.CreatedAt:O}, the one that is meant at {record.CreatedAt:O}",
                "nothing was touched; a person has to look (is the state file older than the pool?)");
        }

        await DetachLeftoversAsync(record, pool, cancellationToken);
        pool.Backend.RequireUnused(record);
        var item = trash.Plan(record, found, pool);
        if (record.State != VolumeState.Deleting)
        {
            store.UpdateVolume(record with { State = VolumeState.Deleting });
            history.Changed(record.Id.Value, "is being deleted", "DeleteVolume");
        }

        if (item is not null && await trash.PutAsync(item, pool, cancellationToken))
            return;

        await pool.Backend.DeleteAsync(record, cancellationToken);
        store.RemoveVolume(record.Id);
        capacity.Invalidate(pool);
        history.Changed(record.Id.Value, "is deleted", $"'{record.Name}', {record.SizeBytes} bytes of pool {record.Pool} are free");
    }

    /// <summary>Detaches devices that an interrupted stage or unstage left and nobody uses: they would keep the volume from ever being deleted.</summary>
    public static async Task DetachLeftoversAsync(VolumeRecord record, Pool pool, CancellationToken cancellationToken)
    {
        foreach (var readOnly in new[] { false, true })
        {
            if (pool.Backend.FindAttachment(record, readOnly) is { IsBlockDevice: true } leftover && !MountFacts.IsInUse(leftover))
                await pool.Backend.DetachAsync(record, readOnly, cancellationToken);
        }
    }

    /// <summary>Makes a row of what lies in a pool under an id that no row has: the state file may be younger, or older, than the pool.</summary>
    private VolumeRecord? TakeOver(VolumeId id)
    {
        if (store.FindAdoption(id) is { } adoption)
        {
            throw new StorageException(
                StorageError.Aborted, $"volume {id}: the adoption of {adoption.Source} under that name was interrupted",
                "repeat 'csilocal volume adopt', or 'csilocal doctor --repair'");
        }

        foreach (var pool in pools.All.Where(static pool => pool.IsReady))
        {
            if (pool.Backend.FindMetadata(id) is not { } found)
                continue;

            var known = found with { Pool = pool.Name };
            store.InsertVolume(known);
            history.Changed(id.Value, "is known again", $"'{known.Name}', from its metadata in pool {pool.Name}");
            return known;
        }

        return null;
    }

    /// <summary>Makes the volume at least <paramref name="requiredBytes"/> big; where its pool can shrink, at most <paramref name="limitBytes"/>.</summary>
    /// <returns>The volume with its real size.</returns>
    public Task<VolumeRecord> ExpandAsync(VolumeId id, long requiredBytes, long limitBytes, CancellationToken callerToken) =>
        operations.RunAsync($"expand {id}", token => ExpandLockedAsync(id, requiredBytes, limitBytes, token), callerToken);

    private async Task<VolumeRecord> ExpandLockedAsync(VolumeId id, long requiredBytes, long limitBytes, CancellationToken cancellationToken)
    {
        using var held = locks.AcquireExclusive(id.Value, $"expand volume {id}");
        var record = Require(id);
        var pool = pools.Holding(record.Pool);
        if (record.PendingSizeBytes is not null)
            record = await ResizeAsync(record, pool, cancellationToken);

        var grow = requiredBytes > record.SizeBytes;
        if (!grow && (limitBytes == 0 || record.SizeBytes <= limitBytes))
            return record;

        if (!grow && !pool.Backend.Features.Shrink)
        {
            throw new StorageException(
                StorageError.OutOfRange,
                $"expand volume {id}: it has {record.SizeBytes} bytes, above capacity_range.limit_bytes {limitBytes}, and cannot shrink");
        }

        var wanted = VolumePlanner.SizeWithin(
            pool, grow ? requiredBytes : Math.Max(requiredBytes, VolumePlanner.MinimumBytes(record.Filesystem)), limitBytes, $"expand volume {id}");
        var pending = record with { PendingSizeBytes = wanted };
        await eraser.ReserveAsync(
            pool, Math.Max(0, wanted - record.SizeBytes), $"expand volume {id}", () => store.UpdateVolume(pending), spared: null, cancellationToken);
        return await ResizeAsync(pending, pool, cancellationToken);
    }

    /// <summary>Finishes a change of size whose intent is recorded. Idempotent; one that the backend refuses is given up.</summary>
    public async Task<VolumeRecord> ResizeAsync(VolumeRecord record, Pool pool, CancellationToken cancellationToken)
    {
        long real;
        try
        {
            real = await pool.Backend.ResizeAsync(record, record.PendingSizeBytes!.Value, cancellationToken);
        }
        catch (StorageException e) when (e.Error is StorageError.OutOfRange or StorageError.ResourceExhausted or StorageError.FailedPrecondition)
        {
            // Refused before anything changed: the intent goes, or it would stand in the way of every other size.
            store.UpdateVolume(record with { PendingSizeBytes = null });
            capacity.Invalidate(pool);
            throw;
        }

        var resized = record with { SizeBytes = real, PendingSizeBytes = null };
        await pool.Backend.WriteMetadataAsync(resized, CancellationToken.None);
        store.UpdateVolume(resized);
        capacity.Invalidate(pool);
        history.Changed(record.Id.Value, "was resized", $"from {record.SizeBytes} to {real} bytes");
        return resized;
    }

    /// <summary>Written only by a backend that has something to overwrite: most volumes are made in no time and need no task.</summary>
    private TaskRecord EraseTask(VolumeRecord record) => new()
    {
        TargetId = record.Id.Value,
        Kind = TaskKind.Erase,
        SourceId = record.Id.Value,
        TotalBytes = record.SizeBytes,
        StartedAt = clock.GetUtcNow(),
    };

    /// <summary>A volume that exists for its users.</summary>
    /// <exception cref="StorageException">NotFound.</exception>
    public VolumeRecord Require(VolumeId id) => store.FindVolume(id) is { State: VolumeState.Ready } record
        ? record
        : throw new StorageException(StorageError.NotFound, $"volume {id} does not exist");
}
