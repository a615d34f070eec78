using System.Collections.Concurrent;
using CsiLocal.Backends;
using CsiLocal.Configuration;
using CsiLocal.State;

namespace CsiLocal.Volumes;

/// <summary>Space of the pools, and its reservation: what is promised is never promised twice.</summary>
/// <remarks>
/// A measurement is kept for <see cref="Freshness"/> and reservations are deducted from it at once. That stays exact while
/// volumes fill up, since what a volume takes from the free space it takes from its own promise; only foreign files in the
/// pool's file system are seen late.
/// </remarks>
internal sealed class CapacityManager(StateStore store, TimeProvider clock)
{
    public static readonly TimeSpan Freshness = TimeSpan.FromSeconds(2);

    /// <summary>A pool with less than this part of its space free is nearly full, and its trash yields.</summary>
    private const int NearlyFullPart = 20;

    private readonly ConcurrentDictionary<string, PoolAccount> accounts = new();

    /// <summary>Bytes that a new volume of the pool may take, what is in the trash counted as gone; not negative.</summary>
    public long Available(Pool pool)
    {
        var account = Account(pool);
        lock (account)
            return WithTrash(Fresh(pool, account));
    }

    /// <summary>Reserves <paramref name="bytes"/> and commits the intent in one step.</summary>
    /// <param name="commit">Writes the row that stands for the reservation; no await inside.</param>
    /// <returns>False where less is available now: it may be more once the trash has yielded, see <see cref="FitsWithoutTrash"/>.</returns>
    public bool TryReserve(Pool pool, long bytes, Action commit)
    {
        var account = Account(pool);
        lock (account)
        {
            if (Fresh(pool, account).AvailableBytes < bytes && Measure(pool, account).AvailableBytes < bytes)
                return false;

            commit();
            account.Space = account.Space with { AvailableBytes = account.Space.AvailableBytes - bytes };
            return true;
        }
    }

    /// <summary>Whether there is room once the trash is empty.</summary>
    public bool FitsWithoutTrash(Pool pool, long bytes) => Available(pool) >= bytes;

    /// <summary>Whether those who write to their volumes may soon find no space: for pools that give space as it is written.</summary>
    public bool IsNearlyFull(Pool pool)
    {
        if (pool.Options.Backend == BackendKind.Lvm)
            return false;

        var account = Account(pool);
        lock (account)
            return Fresh(pool, account) is var space && space.FreeBytes < space.TotalBytes / NearlyFullPart;
    }

    /// <param name="purpose">Operation and id, for the message.</param>
    public StorageException Exhausted(Pool pool, long bytes, string purpose)
    {
        var account = Account(pool);
        lock (account)
        {
            var space = Fresh(pool, account);
            var constraint = space.Constraint is { } clause ? $" ({clause})" : "";
            return new StorageException(
                StorageError.ResourceExhausted,
                $"{purpose}: pool '{pool.Name}' has {WithTrash(space)} bytes available, {bytes} needed{constraint}",
                "free space in the pool, or ask for less");
        }
    }

    /// <summary>Something was removed, resized or finished: measure again before the next answer.</summary>
    public void Invalidate(Pool pool)
    {
        var account = Account(pool);
        lock (account)
            account.MeasuredAt = null;
    }

    private static long WithTrash(PoolSpace space) => Math.Max(0, space.AvailableBytes + space.ReclaimableBytes);

    private PoolAccount Account(Pool pool) => accounts.GetOrAdd(pool.Name, static _ => new PoolAccount());

    private PoolSpace Fresh(Pool pool, PoolAccount account) =>
        account.MeasuredAt is { } at && account.Options == pool.Options && clock.GetElapsedTime(at) < Freshness ? account.Space : Measure(pool, account);

    private PoolSpace Measure(Pool pool, PoolAccount account)
    {
        account.Space = pool.Backend.MeasureSpace(
            store.VolumesOfPool(pool.Name), store.SnapshotsOfPool(pool.Name), store.TrashOfPool(pool.Name));
        account.MeasuredAt = clock.GetTimestamp();
        account.Options = pool.Options;
        return account.Space;
    }

    private sealed class PoolAccount
    {
        public PoolSpace Space { get; set; } = new(0, 0, 0);

        public long? MeasuredAt { get; set; }

        /// <summary>What it was measured with: a reload may have changed the limits since.</summary>
        public PoolOptions? Options { get; set; }
    }
}
