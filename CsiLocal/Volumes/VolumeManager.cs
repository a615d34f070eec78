using CsiLocal.Backends;
using CsiLocal.State;

namespace CsiLocal.Volumes;

/// <summary>Creation, expansion and deletion of volumes: intent first, idempotent by name and specification (design §2.3, §2.4).</summary>
internal sealed class VolumeManager(
    StateStore store, PoolRegistry pools, CapacityManager capacity, KeyedLocks locks, OperationRunner operations,
    SourceResolver sources, NodeIdentity node, History history, TimeProvider clock)
{
    /// <summary>Makes the volume, or returns the one that an earlier call made.</summary>
    /// <exception cref="StorageException">As CSI CreateVolume errors; nothing is left behind.</exception>
    public Task<VolumeRecord> CreateAsync(VolumeSpec spec, CancellationToken callerToken) =>
        operations.RunAsync($"create {spec.Id}", token => CreateLockedAsync(spec, token), callerToken);

    private async Task<VolumeRecord> CreateLockedAsync(VolumeSpec spec, CancellationToken cancellationToken)
    {
        using var held = locks.AcquireExclusive(spec.Id.Value, $"create volume {spec.Id}");
        var existing = store.FindVolume(spec.Id);
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
        capacity.Reserve(pool, record.SizeBytes, $"create volume {record.Name}", () => store.InTransaction(() =>
        {
            if (pool.Backend.Features.NeedsProjectId)
                record = record with { ProjectId = store.AllocateProjectId(pool.Name) };

            store.InsertVolume(record);
            if (source is not null)
                store.PutTask(source.NewTask(record.Id.Value, record.SizeBytes, clock.GetUtcNow()));
        }));
        history.Changed(record.Id.Value, "is being created", $"CreateVolume '{record.Name}', {record.SizeBytes} bytes in pool {pool.Name}");
        return await FillAsync(record, pool, source?.Copy, cancellationToken);
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
        return await FillAsync(record, pool, source?.Copy, cancellationToken);
    }

    private async Task<VolumeRecord> FillAsync(VolumeRecord record, Pool pool, CopySource? source, CancellationToken cancellationToken)
    {
        VolumeRecord made;
        try
        {
            if (source is null)
            {
                made = await pool.Backend.CreateAsync(record, cancellationToken);
            }
            else
            {
                var task = store.FindTask(record.Id.Value)
                    ?? throw new InvalidOperationException($"volume {record.Id} has a source and no task");
                made = await pool.Backend.CreateFromAsync(record, source, new CopyProgress(store, task), cancellationToken);
            }
        }
        catch (StorageException e)
        {
            await UndoAsync(record, pool, e);
            throw;
        }

        made = made with { State = VolumeState.Ready };
        pool.Backend.WriteMetadata(made);
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
    public async Task UndoAsync(VolumeRecord record, Pool pool, StorageException reason)
    {
        try
        {
            await pool.Backend.DeleteAsync(record, CancellationToken.None);
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

    /// <summary>Deletes the volume. Success where it is gone.</summary>
    /// <exception cref="StorageException">FailedPrecondition: in use; Unavailable: its pool cannot be reached.</exception>
    public Task DeleteAsync(VolumeId id, CancellationToken callerToken) => operations.RunAsync($"delete {id}", async token =>
    {
        using var held = locks.AcquireExclusive(id.Value, $"delete volume {id}");
        if (store.FindVolume(id) is { } record)
            await DeleteLockedAsync(record, token);

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
        if (record.State != VolumeState.Deleting)
        {
            store.UpdateVolume(record with { State = VolumeState.Deleting });
            history.Changed(record.Id.Value, "is being deleted", "DeleteVolume");
        }

        await pool.Backend.DeleteAsync(record, cancellationToken);
        store.RemoveVolume(record.Id);
        capacity.Invalidate(pool);
        history.Changed(record.Id.Value, "is deleted", $"'{record.Name}', {record.SizeBytes} bytes of pool {record.Pool} are free");
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
            record = await ResizeAsync(record, pool, record.PendingSizeBytes.Value, cancellationToken);

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
        capacity.Reserve(pool, Math.Max(0, wanted - record.SizeBytes), $"expand volume {id}", () => store.UpdateVolume(pending));
        try
        {
            return await ResizeAsync(pending, pool, wanted, cancellationToken);
        }
        catch (StorageException e) when (e.Error is StorageError.OutOfRange or StorageError.ResourceExhausted)
        {
            // Refused by the backend before anything changed: the intent goes with it.
            store.UpdateVolume(record);
            capacity.Invalidate(pool);
            throw;
        }
    }

    /// <summary>Finishes an expansion whose intent is recorded. Idempotent.</summary>
    public async Task<VolumeRecord> ResizeAsync(VolumeRecord record, Pool pool, long sizeBytes, CancellationToken cancellationToken)
    {
        var real = await pool.Backend.ResizeAsync(record, sizeBytes, cancellationToken);
        var resized = record with { SizeBytes = real, PendingSizeBytes = null };
        pool.Backend.WriteMetadata(resized);
        store.UpdateVolume(resized);
        capacity.Invalidate(pool);
        history.Changed(record.Id.Value, "was resized", $"from {record.SizeBytes} to {real} bytes");
        return resized;
    }

    /// <summary>A volume that exists for its users.</summary>
    /// <exception cref="StorageException">NotFound.</exception>
    public VolumeRecord Require(VolumeId id) => store.FindVolume(id) is { State: VolumeState.Ready } record
        ? record
        : throw new StorageException(StorageError.NotFound, $"volume {id} does not exist");
}
