using CsiLocal.Backends;
using CsiLocal.State;

namespace CsiLocal.Volumes;

/// <summary>Brings rows to what lies in the pools, as <see cref="RowComparison"/> decides; may run beside calls.</summary>
internal sealed class RowReconciler(StateStore store, KeyedLocks locks, History history)
{
    /// <summary>What <see cref="Reconcile"/> would do and tell. Changes nothing.</summary>
    public IReadOnlyList<RowDecision> Compare(string pool, IStorageBackend backend) => Compare(pool, backend, backend.List());

    private List<RowDecision> Compare(string pool, IStorageBackend backend, IReadOnlyList<FoundObject> found)
    {
        var volumes = new Dictionary<VolumeId, VolumeRecord>();
        foreach (var row in store.AllVolumes())
            volumes.Add(row.Id, row);

        var snapshots = new Dictionary<SnapshotId, SnapshotRecord>();
        foreach (var row in store.AllSnapshots())
            snapshots.Add(row.Id, row);

        // The list of objects is a moment older than the rows: what was made or deleted in between is neither missing nor unknown.
        var decisions = new List<RowDecision>();
        foreach (var decision in new RowComparison(pool, CanShrink(backend), volumes, snapshots).Decide(found))
        {
            var now = decision switch
            {
                { IsMendable: true } => DecideAgain(pool, backend, decision),
                { What: RowComparison.NoData } when !IsStillMissing(decision.Target, backend) => null,
                _ => decision,
            };
            if (now is not null && !IsIntended(now))
                decisions.Add(now);
        }

        foreach (var entry in found)
        {
            if (entry is { Trash: { } item, Problem: null } && store.FindTrash(item.Id) is null && backend.FindTrash(item.Id) is not null)
            {
                decisions.Add(new RowDecision
                {
                    Target = item.Volume.Id.Value,
                    What = "is known again",
                    Why = $"'{item.Volume.Name}', from its metadata in the trash of pool {pool}",
                    IsNew = true,
                    IsMendable = true,
                });
            }
        }

        return decisions;
    }

    /// <summary>Makes the rows of a pool what its objects say, in one commit, and tells of what a person has to decide.</summary>
    /// <param name="found">What lies in the pool. What is in its trash gets its row afterwards (<see cref="TrashManager.TakeOverAsync"/>).</param>
    public void Reconcile(Pool pool, IReadOnlyList<FoundObject> found)
    {
        var held = new List<IDisposable>();
        try
        {
            var due = new List<RowDecision>();
            foreach (var decision in Compare(pool.Name, pool.Backend, found))
            {
                if (!decision.IsMendable)
                    history.NeedsAttention(decision.Target, decision.What, decision.Why);
                else if (TryAcquire(decision.Target) is { } taken)
                {
                    // As it is now that nobody else can act on it.
                    held.Add(taken);
                    if (DecideAgain(pool.Name, pool.Backend, decision) is { IsMendable: true } again)
                        due.Add(again);
                }
            }

            if (due.Count == 0)
                return;

            // The order of creation is the order of lists.
            due.Sort(static (left, right) => CreatedAt(left).CompareTo(CreatedAt(right)));
            store.InTransaction(() => due.ForEach(Apply));
            foreach (var decision in due)
                history.Changed(decision.Target, decision.What, decision.Why);
        }
        finally
        {
            held.ForEach(static taken => taken.Dispose());
        }
    }

    private void Apply(RowDecision decision)
    {
        if (decision.Volume is { } volume)
        {
            // What was being made according to an old state, and is long finished.
            if (volume.State == VolumeState.Ready && store.FindVolume(volume.Id) is { State: VolumeState.Creating })
                store.RemoveTask(volume.Id.Value);
            if (decision.IsGone)
                store.RemoveVolume(volume.Id);
            else if (decision.IsNew)
                store.InsertVolume(volume);
            else
                store.UpdateVolume(volume);
        }
        else if (decision.Snapshot is { } snapshot)
        {
            if (decision.IsNew)
                store.InsertSnapshot(snapshot);
            else
                store.UpdateSnapshot(snapshot);
        }
    }

    /// <summary>What is so now of what a decision was about.</summary>
    private RowDecision? DecideAgain(string pool, IStorageBackend backend, RowDecision decision)
    {
        var (volumes, snapshots) = (new Dictionary<VolumeId, VolumeRecord>(), new Dictionary<SnapshotId, SnapshotRecord>());
        var found = new FoundObject { EntryName = decision.Target, HasData = true };
        if (decision.Volume is { Id: var volume })
        {
            if (store.FindVolume(volume) is { } row)
                volumes.Add(volume, row);
            found = decision.IsGone ? found with { Trash = backend.FindTrash(TrashId.Of(decision.Volume)) } : found with { Volume = backend.FindMetadata(volume) };
        }
        else if (decision.Snapshot is { Id: var snapshot })
        {
            if (store.FindSnapshot(snapshot) is { } row)
                snapshots.Add(snapshot, row);
            found = found with { Snapshot = backend.FindMetadata(snapshot) };
        }

        return new RowComparison(pool, CanShrink(backend), volumes, snapshots).Decide([found]) is [var decided, ..] ? decided : null;
    }

    /// <summary>An intent of this state, which recovery finishes: its row comes with the end of that.</summary>
    private bool IsIntended(RowDecision decision) => decision is { IsNew: true, Volume: { } volume }
        && (store.FindAdoption(volume.Id) is not null
            || store.TrashOfPool(volume.Pool).Any(item => item.RestoreAs is { } name && VolumeId.Mint(name) == volume.Id));

    /// <summary>Null where a call is at work on it, which then knows it better.</summary>
    private IDisposable? TryAcquire(string id)
    {
        try
        {
            return locks.AcquireExclusive(id, $"compare {id} with its pool");
        }
        catch (StorageException e) when (e.Error == StorageError.Aborted)
        {
            return null;
        }
    }

    private bool IsStillMissing(string id, IStorageBackend backend)
    {
        if (VolumeId.TryParse(id, out var volume))
            return store.FindVolume(volume) is { State: VolumeState.Ready } && backend.FindMetadata(volume) is null;

        return SnapshotId.TryParse(id, out var snapshot)
            && store.FindSnapshot(snapshot) is { State: SnapshotState.Ready } && backend.FindMetadata(snapshot) is null;
    }

    // Before a pool was inspected nobody knows: then it is no ground for a smaller row.
    private static bool CanShrink(IStorageBackend backend)
    {
        try
        {
            return backend.Features.Shrink;
        }
        catch (StorageException e) when (e.Error == StorageError.Unavailable)
        {
            return false;
        }
    }

    private static DateTimeOffset CreatedAt(RowDecision decision) => decision.Volume?.CreatedAt ?? decision.Snapshot!.CreatedAt;
}
