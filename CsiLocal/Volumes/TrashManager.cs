using CsiLocal.Backends;
using CsiLocal.State;

namespace CsiLocal.Volumes;

/// <summary>Deleted volumes within their grace time: how they get into the trash, and back.</summary>
internal sealed class TrashManager(
    StateStore store, PoolRegistry pools, CapacityManager capacity, KeyedLocks locks, OperationRunner operations, TrashEraser eraser,
    History history, TimeProvider clock)
{
    /// <summary>What the deletion of a volume makes of it; null: it goes at once.</summary>
    /// <param name="record">Its row.</param>
    /// <param name="found">What lies in the pool; null where it is gone from there, or moved already.</param>
    public TrashRecord? Plan(VolumeRecord record, VolumeRecord? found, Pool pool)
    {
        // Handed to nobody: there is nothing in it to be missed.
        if (record.State == VolumeState.Creating || found?.State == VolumeState.Creating)
            return null;

        // Begun by an earlier attempt, whose promise holds.
        var id = TrashId.Of(record);
        if ((record.State == VolumeState.Deleting || found is null) && pool.Backend.FindTrash(id) is { } begun)
            return begun;

        var grace = TrashParameters.GraceOf(record.Parameters) ?? pool.Options.Trash.Grace;
        var erase = TrashParameters.EraseOf(record.Parameters) ?? pool.Options.Trash.Erase;
        if (grace == TimeSpan.Zero && erase == EraseMode.Discard)
            return null;

        var now = clock.GetUtcNow();
        return new TrashRecord
        {
            Id = id,
            Volume = record with { State = VolumeState.Ready, PendingSizeBytes = null },
            DeletedAt = now,
            Deadline = now + grace,
            Erase = erase,
        };
    }

    /// <summary>Moves the volume into the trash; its intent is recorded, and the caller holds its lock.</summary>
    /// <returns>False where it is to be removed at once instead: nothing is there to keep, or no room for the note that it is kept.</returns>
    public async Task<bool> PutAsync(TrashRecord item, Pool pool, CancellationToken cancellationToken)
    {
        try
        {
            if (!await pool.Backend.QuarantineAsync(item, cancellationToken))
                return false;
        }
        catch (StorageException e) when (e.Error == StorageError.ResourceExhausted && !Overwriting.IsAsked(item.Erase))
        {
            // A full pool must still let go of what fills it.
            history.NeedsAttention(item.Volume.Id.Value, "is deleted for good", $"the pool has no room for a note that it is in the trash: {e.Describe()}");
            return false;
        }

        store.InTransaction(() =>
        {
            store.PutTrash(item);
            store.RemoveVolume(item.Volume.Id);
        });
        capacity.Invalidate(pool);
        history.Changed(item, "is in the trash", $"'{item.Volume.Name}' as {item.Id} until {item.Deadline:u}; csilocal volume undelete {item.Id}");
        return true;
    }

    /// <summary>The deleted volume that is meant.</summary>
    /// <param name="reference">Its id in the trash; or the id or name that the volume had, if only one has.</param>
    /// <exception cref="StorageException">NotFound. FailedPrecondition: several, with their ids.</exception>
    public TrashRecord Find(string reference)
    {
        if (TrashId.TryParse(reference, out var id) && store.FindTrash(id) is { } named)
            return named;

        var found = store.AllTrash().Where(item => item.Volume.Id.Value == reference || item.Volume.Name == reference).ToList();
        return found switch
        {
            [var only] => only,
            [] => throw new StorageException(
                StorageError.NotFound, "nothing of that name or id is in the trash" + ThereIs(reference), "see what is with 'csilocal trash list'"),
            _ => throw new StorageException(
                StorageError.FailedPrecondition,
                $"{found.Count} deleted volumes had that name: {string.Join(", ", found.Select(static item => $"{item.Id} (deleted {item.DeletedAt:u})"))}",
                "name one by its id in the trash"),
        };
    }

    // Perhaps the very one, by an undelete whose answer was lost.
    private string ThereIs(string reference) =>
        store.FindVolume(VolumeId.TryParse(reference, out var id) ? id : VolumeId.Mint(reference)) is { } volume
            ? $"; there is a volume '{volume.Name}', made at {volume.CreatedAt:u}"
            : "";

    /// <summary>Makes it a volume again, with the data and file system that it had.</summary>
    /// <param name="newName">null: under its old name and id.</param>
    /// <exception cref="StorageException">AlreadyExists: the name is taken. FailedPrecondition: its erasure was begun. Aborted: it is just being begun.</exception>
    public Task<VolumeRecord> UndeleteAsync(TrashId id, string? newName, CancellationToken callerToken) =>
        operations.RunAsync($"undelete {id}", token => UndeleteLockedAsync(id, newName, token), callerToken);

    private async Task<VolumeRecord> UndeleteLockedAsync(TrashId id, string? newName, CancellationToken cancellationToken)
    {
        // Before the lock, too: an erasure holds it for as long as it takes, and to wait for its end would help nobody.
        var attempted = $"undelete {id}";
        RequireWhole(attempted, id);
        using var held = locks.AcquireExclusive(id.Value, attempted);
        var item = RequireWhole(attempted, id);
        var name = newName ?? item.RestoreAs ?? item.Volume.Name;
        if (item.RestoreAs is { } begun && begun != name)
            throw new StorageException(StorageError.FailedPrecondition, $"{attempted}: it is being brought back as '{begun}'", "repeat that, or wait for it");

        var volume = item.Volume with { Name = name, Id = VolumeId.Mint(name) };
        using var target = locks.AcquireExclusive(volume.Id.Value, attempted);
        var pool = pools.Holding(item.Volume.Pool);
        if (item.RestoreAs is null)
        {
            RequireFree(attempted, item, volume);
            var intent = item with { RestoreAs = name };
            var (volumes, snapshots) = (store.VolumesOfPool(pool.Name), store.SnapshotsOfPool(pool.Name));
            var cost = pool.Backend.Features.HardLimit ? volume.SizeBytes - pool.Backend.MeasureTrash(item, volumes, snapshots) : 0;

            // What it was promised and has not taken is promised again.
            if (cost > 0)
                await eraser.ReserveAsync(pool, cost, attempted, () => store.PutTrash(intent), spared: id, cancellationToken);
            else
                store.PutTrash(intent);
            history.Changed(item, "is being undeleted", $"as '{name}'");
        }

        return await RestoreAsync(item, volume, pool, cancellationToken);
    }

    private TrashRecord RequireWhole(string attempted, TrashId id)
    {
        var item = store.FindTrash(id) ?? throw new StorageException(StorageError.NotFound, $"{attempted}: it is not in the trash");
        return item.Erasing
            ? throw new StorageException(StorageError.FailedPrecondition, $"{attempted}: its erasure was begun", "restore it from a backup; nothing else brings it back")
            : item;
    }

    private async Task<VolumeRecord> RestoreAsync(TrashRecord item, VolumeRecord volume, Pool pool, CancellationToken cancellationToken)
    {
        try
        {
            await pool.Backend.RestoreAsync(item, volume, cancellationToken);
        }
        catch (StorageException e) when (e.Error is StorageError.AlreadyExists or StorageError.FailedPrecondition or StorageError.DataLoss)
        {
            // Refused: it stays what it is.
            store.PutTrash(item with { RestoreAs = null });
            history.NeedsAttention(item.Volume.Id.Value, "could not be undeleted", e.Describe());
            throw;
        }

        store.InTransaction(() =>
        {
            store.RemoveTrash(item.Id);
            store.InsertVolume(volume);
        });
        capacity.Invalidate(pool);
        history.Changed(item, "is undeleted", $"as '{volume.Name}' ({volume.Id}), {volume.SizeBytes} bytes at {pool.Backend.Location(volume)}");
        return volume;
    }

    /// <summary>Begins to erase what is named, and waits for a moment, in which most of it is gone.</summary>
    /// <returns>Those that are not gone by then, and why; empty where they are still being erased.</returns>
    public async Task<IReadOnlyDictionary<TrashId, string>> EmptyAsync(IReadOnlyList<TrashRecord> items, CancellationToken cancellationToken)
    {
        var works = items.ToDictionary(static item => item.Id, item => eraser.EraseAsync(item, "csilocal trash empty"));
        await Task.WhenAny(Task.WhenAll(works.Values), Task.Delay(TrashEraser.Patience, clock, cancellationToken));
        var left = new Dictionary<TrashId, string>();
        foreach (var item in items)
        {
            var work = works[item.Id];
            if (!work.IsCompletedSuccessfully)
                left.Add(item.Id, work.Exception?.InnerException is { } failure ? StorageException.Describe(failure) : "");
        }

        return left;
    }

    /// <summary>Makes a row of what lies in the trash of a pool and no row knows: its tags or metadata file say until when it is kept.</summary>
    public async Task TakeOverAsync(FoundObject entry, Pool pool)
    {
        var id = entry.Trash!.Id;
        if (store.FindTrash(id) is not null)
            return;

        // Both names: neither an undelete nor a deletion of it runs meanwhile.
        using var held = locks.AcquireExclusive(id.Value, $"take over {id}");
        using var volume = locks.AcquireExclusive(entry.Trash.Volume.Id.Value, $"take over {id}");
        if (store.FindTrash(id) is not null || pool.Backend.FindTrash(id) is not { } found)
            return;

        var item = found with { Volume = found.Volume with { Pool = pool.Name } };
        if (entry.HasData)
        {
            store.PutTrash(item);
            history.Changed(item, "is known again", $"'{item.Volume.Name}' in the trash of pool {pool.Name} until {item.Deadline:u}");

            // Killed between its tags and its renaming, in either direction: nothing tells any more that it was to come back.
            if (VolumeId.TryParse(entry.EntryName, out _))
                await pool.Backend.QuarantineAsync(item, CancellationToken.None);
        }
        else if (store.FindVolume(item.Volume.Id) is not { State: VolumeState.Deleting })
        {
            // The rest of an erasure, or of an undelete: a note about nothing. The deletion of a volume that is about to move still needs it.
            await pool.Backend.EraseAsync(item, NoProgress, CancellationToken.None);
        }
    }

    /// <summary>Drops the rows of what was undeleted since they were written (a state file from a backup): the pool has it as a volume.</summary>
    /// <remarks>A row of which the pool has nothing at all is kept until its time has come: what it is about may come back with its disk.</remarks>
    public void ForgetRestored(Pool pool, IReadOnlyList<FoundObject> found)
    {
        foreach (var item in store.TrashOfPool(pool.Name).Where(static item => item is { RestoreAs: null, Erasing: false }))
        {
            var restored = found.FirstOrDefault(entry => entry.Volume is { State: VolumeState.Ready } volume && volume.CreatedAt == item.Volume.CreatedAt);
            if (restored is null || pool.Backend.FindTrash(item.Id) is not null)
                continue;

            store.RemoveTrash(item.Id);
            history.Changed(item, "is not in the trash any more", $"pool {pool.Name} has it as volume '{restored.Volume!.Name}' ({restored.Volume.Id})");
        }
    }

    private static IEraseProgress NoProgress { get; } = new Nothing();

    private void RequireFree(string attempted, TrashRecord item, VolumeRecord volume)
    {
        var isTaken = store.FindVolume(volume.Id) is not null
            || pools.All.Any(pool => pool.IsReady && pool.Backend.FindMetadata(volume.Id) is not null);
        if (isTaken)
        {
            throw new StorageException(
                StorageError.AlreadyExists, $"{attempted}: there is a volume '{volume.Name}' ({volume.Id}) again",
                $"bring it back under another name: csilocal volume undelete {item.Id} --name NEW");
        }
    }

    private sealed class Nothing : IEraseProgress
    {
        public long ResumeFrom => 0;

        public Task ReportAsync(long doneBytes, long totalBytes, CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
