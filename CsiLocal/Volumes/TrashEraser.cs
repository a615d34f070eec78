using CsiLocal.State;
using CsiLocal.Tools;

namespace CsiLocal.Volumes;

/// <summary>Erases what is past its grace time, and before that what stands in the way of those who need the room.</summary>
internal sealed class TrashEraser(
    StateStore store, PoolRegistry pools, CapacityManager capacity, KeyedLocks locks, History history, TimeProvider clock) : IDisposable
{
    /// <summary>How long a creation waits for erasures before it is told to come back.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>How long the room of what was erased may take to show before the next one has to go.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();
    private readonly Dictionary<TrashId, Running> running = [];
    private readonly Dictionary<TrashId, long> failed = [];
    private readonly CancellationTokenSource stop = new();
    private long? looked;

    /// <summary>Erases the item, or joins the erasure that runs.</summary>
    /// <param name="item">What goes.</param>
    /// <param name="why">For the history.</param>
    /// <exception cref="StorageException">Why it cannot be erased now; it is tried again later.</exception>
    public Task EraseAsync(TrashRecord item, string why)
    {
        lock (gate)
        {
            if (running.TryGetValue(item.Id, out var known))
                return known.Work;
            if (stop.IsCancellationRequested)
                throw new StorageException(StorageError.Unavailable, $"erase {item.Id}: the daemon is stopping", "try again when it is back");

            var work = Task.Run(() => RunAsync(item.Id, why), CancellationToken.None);
            running.Add(item.Id, new Running(item.Volume.Pool, work));
            _ = work.ContinueWith(ended => Forget(item.Id, ended), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            return work;
        }
    }

    /// <summary>Reserves space as <see cref="CapacityManager.TryReserve"/> does; the trash yields, the oldest first, as far as it has to.</summary>
    /// <param name="purpose">Operation and id, for messages.</param>
    /// <param name="spared">What must not go; null: nothing is spared.</param>
    /// <exception cref="StorageException">ResourceExhausted: not even without the trash. Aborted: an erasure takes its time.</exception>
    public async Task ReserveAsync(Pool pool, long bytes, string purpose, Action commit, TrashId? spared, CancellationToken cancellationToken)
    {
        var began = clock.GetTimestamp();
        for (var yielded = false; !capacity.TryReserve(pool, bytes, commit); yielded = true)
        {
            if (!capacity.FitsWithoutTrash(pool, bytes) || Oldest(pool, spared) is not { } item)
            {
                // File systems free the blocks of removed files in the background (xfs: inodegc).
                if (!yielded || clock.GetElapsedTime(began) > Patience)
                    throw capacity.Exhausted(pool, bytes, purpose);
                await Task.Delay(Pause, clock, cancellationToken);
                continue;
            }

            // What it gives back is in there already.
            var expected = capacity.Available(pool) - (Measure(pool, item) / 2);
            var work = EraseAsync(item, $"{purpose} needs the room");
            var left = Patience - clock.GetElapsedTime(began);
            if (left > TimeSpan.Zero)
                await Task.WhenAny(work, Task.Delay(left, clock, cancellationToken));
            if (!work.IsCompleted)
            {
                throw new StorageException(
                    StorageError.Aborted, $"{purpose}: the room it needs is that of {item.Id} in the trash, which is being erased",
                    "try again; see how far it is with 'csilocal task list'");
            }

            await SettleAsync(pool, expected, cancellationToken);
        }
    }

    /// <summary>The blocks of a removed file come free when the last who has it open closes it, and in the background: no other one has to go for that.</summary>
    private async Task SettleAsync(Pool pool, long expected, CancellationToken cancellationToken)
    {
        var from = clock.GetTimestamp();
        for (capacity.Invalidate(pool); capacity.Available(pool) < expected && clock.GetElapsedTime(from) < Settling; capacity.Invalidate(pool))
            await Task.Delay(Pause, clock, cancellationToken);
    }

    /// <summary>One look of the janitor: begins what is due, one at a time in each pool. Starts no process itself.</summary>
    public void Look()
    {
        var now = clock.GetUtcNow();
        var lookForSpace = looked is not { } at || clock.GetElapsedTime(at) >= LookInterval;
        if (lookForSpace)
            looked = clock.GetTimestamp();
        foreach (var pool in pools.All)
        {
            if (!pool.IsReady || IsBusy(pool.Name))
                continue;

            var trash = store.TrashOfPool(pool.Name);
            if (trash.FirstOrDefault(item => (item.Erasing || item.Deadline <= now) && CanBegin(item)) is { } due)
                _ = EraseAsync(due, due.Erasing ? "it was begun" : "its grace time is over");
            else if (lookForSpace && trash.Any(CanBegin) && capacity.IsNearlyFull(pool) && Oldest(pool, spared: null) is { } oldest)
                _ = EraseAsync(oldest, $"pool {pool.Name} is nearly full");
        }
    }

    /// <summary>Ends what runs, to go on at the next start.</summary>
    public async Task StopAsync()
    {
        Task[] works;
        lock (gate)
        {
            stop.Cancel();
            works = [.. running.Values.Select(static one => one.Work)];
        }

        await Task.WhenAll(works).ContinueWith(static _ => { }, TaskScheduler.Default);
    }

    public void Dispose() => stop.Dispose();

    /// <summary>The one that was deleted first of those whose erasure gives something back.</summary>
    private TrashRecord? Oldest(Pool pool, TrashId? spared) =>
        store.TrashOfPool(pool.Name).FirstOrDefault(item => item.Id != spared && CanBegin(item) && Measure(pool, item) > 0);

    private long Measure(Pool pool, TrashRecord item) =>
        pool.Backend.MeasureTrash(item, store.VolumesOfPool(pool.Name), store.SnapshotsOfPool(pool.Name));

    private bool CanBegin(TrashRecord item)
    {
        lock (gate)
            return item.RestoreAs is null && !(failed.TryGetValue(item.Id, out var at) && clock.GetElapsedTime(at) < RetryAfter);
    }

    private bool IsBusy(string pool)
    {
        lock (gate)
            return stop.IsCancellationRequested || running.Values.Any(one => one.Pool == pool);
    }

    private async Task RunAsync(TrashId id, string why)
    {
        using var held = locks.AcquireExclusive(id.Value, $"erase {id}");
        if (store.FindTrash(id) is not { } item)
            return;

        try
        {
            if (item.RestoreAs is not null)
                throw new StorageException(StorageError.FailedPrecondition, $"erase {id}: it is being brought back");

            var pool = pools.Holding(item.Volume.Pool);
            var task = (store.FindTask(id.Value) ?? NewTask(item)) with { Error = null };
            store.InTransaction(() =>
            {
                store.PutTrash(item with { Erasing = true });
                store.PutTask(task);
            });
            history.Changed(item, "is being erased", why);
            await pool.Backend.EraseAsync(item, new EraseProgress(store, task, pool.Options.Trash.EraseRateBytes, clock), stop.Token);
            store.RemoveTrash(id);
            capacity.Invalidate(pool);
            history.Changed(item, "is erased", $"'{item.Volume.Name}', {item.Volume.SizeBytes} bytes of pool {pool.Name}, {Words(item.Erase)}");
        }
        catch (Exception e) when (e is StorageException or ToolException or IOException)
        {
            var problem = StorageException.Describe(e);
            if (store.FindTask(id.Value) is { } begun)
                store.PutTask(begun with { Error = problem });
            history.NeedsAttention(item.Volume.Id.Value, "could not be erased", $"{id}: {problem}; it is tried again");
            throw;
        }
    }

    private TaskRecord NewTask(TrashRecord item) => new()
    {
        TargetId = item.Id.Value,
        Kind = TaskKind.Erase,
        SourceId = item.Id.Value,
        TotalBytes = item.Volume.SizeBytes,
        StartedAt = clock.GetUtcNow(),
    };

    private void Forget(TrashId id, Task ended)
    {
        lock (gate)
        {
            running.Remove(id);

            // Reading the exception also marks it observed.
            if (ended.Exception is not null)
                failed[id] = clock.GetTimestamp();
            else
                failed.Remove(id);
        }
    }

    private static string Words(EraseMode mode) => mode switch
    {
        EraseMode.Discard => "discarded",
        EraseMode.Zero => "overwritten with zeros",
        EraseMode.Random => "overwritten with random bytes",
        EraseMode.None => "left as they were",
        _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, null),
    };

    private sealed record Running(string Pool, Task Work);
}
