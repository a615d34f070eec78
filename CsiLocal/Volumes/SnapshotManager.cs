using CsiLocal.Filesystems;
using CsiLocal.State;

namespace CsiLocal.Volumes;

/// <summary>Creation and deletion of snapshots; the same rules as for volumes.</summary>
internal sealed class SnapshotManager(
    StateStore store, PoolRegistry pools, CapacityManager capacity, KeyedLocks locks, OperationRunner operations,
    SourceResolver sources, TrashEraser eraser, History history, TimeProvider clock)
{
    /// <summary>Cuts the snapshot, or returns the one that an earlier call cut.</summary>
    public Task<SnapshotRecord> CreateAsync(SnapshotSpec spec, CancellationToken callerToken) =>
        operations.RunAsync($"create {spec.Id}", token => CreateLockedAsync(spec, token), callerToken);

    private async Task<SnapshotRecord> CreateLockedAsync(SnapshotSpec spec, CancellationToken cancellationToken)
    {
        using var held = locks.AcquireExclusive(spec.Id.Value, $"create snapshot {spec.Id}");
        var existing = store.FindSnapshot(spec.Id) ?? TakeOver(spec.Id);
        if (existing is not null)
        {
            if (existing.SourceVolume != spec.Source || existing.Name != spec.Name)
            {
                throw new StorageException(
                    StorageError.AlreadyExists,
                    $"snapshot '{existing.Name}' ({existing.Id}) exists of volume {existing.SourceVolume}, not of {spec.Source}",
                    "use another name");
            }

            if (existing.State == SnapshotState.Ready)
                return existing;

            if (existing.State == SnapshotState.Deleting)
            {
                throw new StorageException(
                    StorageError.Aborted, $"create snapshot {spec.Id}: the snapshot of that name is still being deleted",
                    "repeat DeleteSnapshot, or use another name");
            }
        }

        using var source = sources.AcquireVolume(spec.Source, TaskKind.Snapshot, $"create snapshot {spec.Id}");
        var volume = source.Copy.Volume!;
        var pool = pools.Holding(volume.Pool);
        if (!pool.Backend.Features.Snapshots)
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"create snapshot {spec.Name}: pool '{pool.Name}' cuts no snapshots",
                "clone the volume instead, use an lvm-thin pool, or set snapshotReserve for the pool: copy-on-write snapshots cost space and slow every write down");
        }

        var record = existing ?? Plan(spec, volume, clock.GetUtcNow());
        if (existing is null)
        {
            var cost = pool.Backend.CopyCost(volume);
            await eraser.ReserveAsync(pool, cost, $"create snapshot {spec.Name}", () => store.InTransaction(() =>
            {
                if (pool.Backend.Features.NeedsProjectId)
                    record = record with { ProjectId = ProjectIds.Allot(store, pool) };

                // What it may come to take stays reserved while it is copied; the backend says what it took.
                record = record with { SharedBytes = cost };
                store.InsertSnapshot(record);
                store.PutTask(source.NewTask(record.Id.Value, cost, clock.GetUtcNow()));
            }), spared: null, cancellationToken);
            history.Changed(record.Id.Value, "is being created", $"CreateSnapshot '{record.Name}' of {volume.Id}");
        }

        return await CutAsync(record, pool, source, cancellationToken);
    }

    private async Task<SnapshotRecord> CutAsync(SnapshotRecord record, Pool pool, AcquiredSource source, CancellationToken cancellationToken)
    {
        SnapshotRecord cut;
        try
        {
            var task = store.FindTask(record.Id.Value) ?? source.NewTask(record.Id.Value, record.SizeBytes, clock.GetUtcNow());
            cut = await pool.Backend.CreateSnapshotAsync(record, source.Copy, new CopyProgress(store, task), cancellationToken);
        }
        catch (StorageException e)
        {
            await UndoAsync(record, pool, e);
            throw;
        }

        cut = cut with { State = SnapshotState.Ready };
        store.InTransaction(() =>
        {
            store.UpdateSnapshot(cut);
            store.RemoveTask(cut.Id.Value);
        });
        capacity.Invalidate(pool);
        history.Changed(cut.Id.Value, "is ready", $"snapshot of {cut.SourceVolume}, {cut.SizeBytes} bytes");
        return cut;
    }

    /// <summary>Goes on with a snapshot whose copy was interrupted.</summary>
    /// <remarks>Only while its source was not touched since: the caller has made sure that it is neither staged nor published.</remarks>
    public Task<SnapshotRecord> ResumeAsync(SnapshotRecord record) =>
        CreateAsync(new SnapshotSpec(record.Name, record.SourceVolume), CancellationToken.None);

    /// <summary>Removes what a failed snapshot left. Only ever for one that was handed to nobody.</summary>
    public async Task UndoAsync(SnapshotRecord record, Pool pool, StorageException reason)
    {
        try
        {
            if (store.FindTask(record.Id.Value)?.FrozenPath is { } frozen)
                FilesystemFreezer.Thaw($"undo snapshot {record.Id}", frozen);

            // As for volumes: only what says itself that it is this very creation, unfinished, or half undone.
            var found = pool.Backend.FindMetadata(record.Id);
            if (found is { State: SnapshotState.Creating or SnapshotState.Deleting } && found.CreatedAt == record.CreatedAt)
                await pool.Backend.DeleteSnapshotAsync(record, CancellationToken.None);
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

        store.RemoveSnapshot(record.Id);
        capacity.Invalidate(pool);
        history.Changed(record.Id.Value, "was undone", reason.Describe());
    }

    /// <summary>Deletes the snapshot. Success where it is gone; volumes made from it are not affected.</summary>
    public Task DeleteAsync(SnapshotId id, CancellationToken callerToken) => operations.RunAsync($"delete {id}", async token =>
    {
        using var held = locks.AcquireExclusive(id.Value, $"delete snapshot {id}");
        if ((store.FindSnapshot(id) ?? TakeOver(id)) is not { } record)
        {
            pools.RequireAllKnown($"delete snapshot {id}", backend => backend.FindMetadata(id) is not null);
            return true;
        }

        sources.RequireUnread(id.Value, $"delete snapshot {id}");
        var pool = pools.Holding(record.Pool);
        if (record.State != SnapshotState.Deleting)
        {
            store.UpdateSnapshot(record with { State = SnapshotState.Deleting });
            history.Changed(id.Value, "is being deleted", "DeleteSnapshot");
        }

        await pool.Backend.DeleteSnapshotAsync(record, token);
        store.RemoveSnapshot(id);
        capacity.Invalidate(pool);
        history.Changed(id.Value, "is deleted", $"snapshot '{record.Name}' of {record.SourceVolume}");
        return true;
    }, callerToken);

    /// <summary>Makes a row of what lies in a pool under an id that no row has.</summary>
    private SnapshotRecord? TakeOver(SnapshotId id)
    {
        foreach (var pool in pools.All.Where(static pool => pool.IsReady))
        {
            if (pool.Backend.FindMetadata(id) is not { } found)
                continue;

            var known = found with { Pool = pool.Name };
            store.InsertSnapshot(known);
            history.Changed(id.Value, "is known again", $"'{known.Name}', from its metadata in pool {pool.Name}");
            return known;
        }

        return null;
    }

    private static SnapshotRecord Plan(SnapshotSpec spec, VolumeRecord volume, DateTimeOffset now) => new()
    {
        Id = spec.Id,
        Name = spec.Name,
        SourceVolume = volume.Id,
        Pool = volume.Pool,
        Backend = volume.Backend,
        SizeBytes = volume.SizeBytes,
        Access = volume.Access,
        Filesystem = volume.Filesystem,
        FilesystemUuid = volume.FilesystemUuid,
        Format = volume.Format,
        State = SnapshotState.Creating,
        CreatedAt = now,
    };
}
