using CsiLocal.Backends;
using CsiLocal.Diagnostics;
using CsiLocal.Filesystems;
using CsiLocal.State;
using CsiLocal.Tools;

namespace CsiLocal.Volumes;

/// <summary>Compares rows with facts, at start-up and on demand, and finishes or undoes what an earlier run left (design §2.3).</summary>
/// <remarks>First the rows are brought to what the pools say (<see cref="RowReconciler"/>), then what is under way is finished or undone.</remarks>
internal sealed class Recovery(
    StateStore store, PoolRegistry pools, KeyedLocks locks, VolumeManager volumes, SnapshotManager snapshots, TrashManager trash,
    AdoptionManager adoptions, MountManager mounts, MountFacts facts, RowReconciler rows, History history)
{
    /// <summary>First of all, before anything may touch a mount: thaw what a copy had frozen, and forget mounts of an earlier boot.</summary>
    public void BeginRun(string bootId)
    {
        foreach (var task in store.AllTasks().Where(static task => task.FrozenPath is not null))
        {
            try
            {
                FilesystemFreezer.Thaw($"recover {task.TargetId}", task.FrozenPath!);
                store.PutTask(task with { FrozenPath = null });
                history.Changed(task.TargetId, "no longer freezes its source", $"{task.FrozenPath} was frozen when the daemon stopped");
            }
            catch (StorageException e)
            {
                // The record stays, so that the next start tries again; the other volumes must not wait for it.
                history.NeedsAttention(task.TargetId, "may still freeze its source", e.Describe());
            }
        }

        if (store.LastBootId == bootId)
            return;

        foreach (var gone in store.AllPublications())
        {
            store.RemovePublication(gone.Volume, gone.Kind, gone.Path);
            history.Changed(gone.Volume.Value, "is no longer mounted", $"the machine was started anew ({gone.Path})");
        }

        store.SetBootId(bootId);
    }

    /// <summary>Brings the rows and the objects of one pool together.</summary>
    public async Task RecoverPoolAsync(Pool pool, CancellationToken cancellationToken)
    {
        foreach (var adoption in store.AdoptionsOfPool(pool.Name))
            await GuardAsync(adoption.Volume.Id.Value, () => adoptions.ResumeAsync(adoption));

        var found = pool.Backend.List();
        rows.Reconcile(pool, found);
        await TakeOverTrashAsync(pool, found);
        trash.ForgetRestored(pool, found);
        pools.MarkKnown(pool);

        // Most volumes are at rest: nothing is asked of the kernel for those.
        var mountTable = MountTable.Read();
        var (names, devices) = (mountTable.BoundNames(), MountFacts.BoundDevices(mountTable));
        var (attached, published) = (pool.Backend.ListAttached(), store.PublishedVolumes());
        foreach (var record in store.VolumesOfPool(pool.Name))
        {
            var atRest = record is { State: VolumeState.Ready, PendingSizeBytes: null } && !attached.Contains(record.Id) && !published.Contains(record.Id)
                && !names.Contains(record.Id.Value) && !IsBound(record, pool, devices);
            if (!atRest)
                await GuardAsync(record.Id.Value, () => RecoverVolumeAsync(record.Id, pool, cancellationToken));
        }

        // An erasure that was begun is gone on with by the janitor.
        foreach (var item in store.TrashOfPool(pool.Name).Where(static item => item.RestoreAs is not null))
            await GuardAsync(item.Volume.Id.Value, () => trash.UndeleteAsync(item.Id, newName: null, cancellationToken));

        foreach (var record in store.SnapshotsOfPool(pool.Name).Where(static snapshot => snapshot.State != SnapshotState.Ready))
            await GuardAsync(record.Id.Value, () => RecoverSnapshotAsync(record, pool, cancellationToken));
    }

    private async Task TakeOverTrashAsync(Pool pool, IReadOnlyList<FoundObject> found)
    {
        foreach (var entry in found.Where(entry => entry is { Trash: { } item, Problem: null } && store.FindTrash(item.Id) is null))
            await GuardAsync(entry.Trash!.Volume.Id.Value, () => trash.TakeOverAsync(entry, pool));
    }

    private async Task RecoverVolumeAsync(VolumeId id, Pool pool, CancellationToken cancellationToken)
    {
        VolumeRecord? record;
        using (locks.AcquireExclusive(id.Value, $"recover volume {id}"))
        {
            // As it is now: a pool that comes back is recovered beside calls, and the list was read before the lock was held.
            record = store.FindVolume(id);
            if (record is null)
                return;

            if (record.State == VolumeState.Creating && store.FindTask(id.Value) is null)
            {
                await FinishCreationAsync(record, pool);
                return;
            }

            if (record.State == VolumeState.Ready)
            {
                await RecoverPublicationsAsync(record, pool, cancellationToken);
                if (record.PendingSizeBytes is not null)
                    await volumes.ResizeAsync(record, pool, cancellationToken);
            }
        }

        // These two take the lock themselves, and go on in the background: a copy or the removal of a large folder takes its time.
        if (record.State == VolumeState.Creating)
            _ = GuardAsync(id.Value, () => volumes.ResumeAsync(id));
        else if (record.State == VolumeState.Deleting)
            _ = GuardAsync(id.Value, () => volumes.DeleteAsync(id, CancellationToken.None));
    }

    /// <summary>A creation that was interrupted: finished after all if the pool says so, else undone.</summary>
    private async Task FinishCreationAsync(VolumeRecord record, Pool pool)
    {
        if (pool.Backend.FindMetadata(record.Id) is { State: VolumeState.Ready } made && made.CreatedAt == record.CreatedAt)
        {
            // An empty one is handed to its backend once more: it may have been killed before it had blanked what is to be blank.
            if (record.Source is null)
            {
                await volumes.FillAsync(record, pool, source: null, CancellationToken.None);
                return;
            }

            store.UpdateVolume(made with { Pool = pool.Name });
            history.Changed(record.Id.Value, "is ready", "its creation had finished when the daemon stopped");
            return;
        }

        await volumes.UndoAsync(record, pool, new StorageException(
            StorageError.Aborted, "its creation was interrupted and it was handed to nobody"));
    }

    private async Task RecoverPublicationsAsync(VolumeRecord record, Pool pool, CancellationToken cancellationToken)
    {
        foreach (var use in store.PublicationsOf(record.Id).OrderByDescending(static use => (int)use.Kind))
        {
            var present = use.Kind == PublicationKind.Stage ? mounts.IsStaged(record, pool, use) : facts.At(use.Path) is not null;
            if (present && !use.Done)
            {
                store.PutPublication(use with { Done = true });
                history.Changed(record.Id.Value, $"is found at {use.Path}", $"{use.Kind} had finished when the daemon stopped");
            }
            else if (!present && use.IsAssumed)
            {
                // Who mounted it there is not known: the path is not the driver's to remove.
                store.RemovePublication(record.Id, use.Kind, use.Path);
                history.Changed(record.Id.Value, $"is not at {use.Path}", "it was found mounted there, and is not any more");
            }
            else if (!present)
            {
                if (use.Kind == PublicationKind.Stage)
                    await mounts.UnmountStageAsync(record, pool, use, cancellationToken);
                else
                    await mounts.UnbindAsync(record, pool, use.Path, cancellationToken);

                history.Changed(record.Id.Value, $"is not at {use.Path}", $"{use.Kind} was recorded, nothing is mounted there");
            }
        }

        mounts.RecordFound(record, pool);
        if (store.PublicationsOf(record.Id).Count > 0)
            return;

        var wasInUse = pool.HasDeviceInUse(record);
        await VolumeManager.DetachLeftoversAsync(record, pool, cancellationToken);
        if (wasInUse && !pool.HasDeviceInUse(record))
            history.Changed(record.Id.Value, "is let go", "its device was in use, and it is staged nowhere");
    }

    /// <summary>A raw block volume whose device node is bound somewhere: a logical volume has its device all the time.</summary>
    private static bool IsBound(VolumeRecord record, Pool pool, IReadOnlySet<ulong> devices)
    {
        if (devices.Count == 0 || record.Access != AccessType.Block)
            return false;

        foreach (var readOnly in new[] { false, true })
        {
            if (pool.Backend.FindAttachment(record, readOnly) is { } attachment && devices.Contains(attachment.DeviceNumber))
                return true;
        }

        return false;
    }

    private async Task RecoverSnapshotAsync(SnapshotRecord record, Pool pool, CancellationToken cancellationToken)
    {
        if (record.State == SnapshotState.Deleting)
        {
            _ = GuardAsync(record.Id.Value, () => snapshots.DeleteAsync(record.Id, CancellationToken.None));
            return;
        }

        // A half-made copy can go on only if its source is what it was: unmounted since.
        if (store.FindTask(record.Id.Value) is { DoneBytes: > 0 } && store.PublicationsOf(record.SourceVolume).Count == 0)
        {
            _ = GuardAsync(record.Id.Value, () => snapshots.ResumeAsync(record));
            return;
        }

        using (locks.AcquireExclusive(record.Id.Value, $"recover snapshot {record.Id}"))
        {
            // As above: what was being made when the list was read may be ready by now.
            if (store.FindSnapshot(record.Id) is not { State: SnapshotState.Creating })
                return;

            if (pool.Backend.FindMetadata(record.Id) is { State: SnapshotState.Ready } cut && cut.CreatedAt == record.CreatedAt)
            {
                // With its task, which would keep its source from ever being removed.
                store.InTransaction(() =>
                {
                    store.UpdateSnapshot(cut with { Pool = pool.Name });
                    store.RemoveTask(record.Id.Value);
                });
                history.Changed(record.Id.Value, "is ready", "its creation had finished when the daemon stopped");
                return;
            }

            await snapshots.UndoAsync(record, pool, new StorageException(
                StorageError.Aborted, "its creation was interrupted and it was handed to nobody"));
        }
    }

    private async Task GuardAsync(string id, Func<Task> recover)
    {
        // Of this flow alone: it ends with this method.
        OperationScope.Target = id;
        try
        {
            await recover();
        }
        catch (StorageException e) when (e.Error == StorageError.Aborted)
        {
            // A call is at work on it, and leaves it resolved, or uncertain for the next one.
        }
        catch (Exception e) when (e is StorageException or ToolException or IOException)
        {
            // One volume that cannot be recovered must not keep the others from their users.
            history.NeedsAttention(id, "could not be recovered", StorageException.Describe(e));
        }
    }
}
