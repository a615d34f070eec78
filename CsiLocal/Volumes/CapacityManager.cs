using System.Collections.Concurrent;
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

    private readonly ConcurrentDictionary<string, PoolAccount> accounts = new();

    /// <summary>Bytes that a new volume of the pool may take; not negative.</summary>
    public long Available(Pool pool)
    {
        var account = Account(pool);
        lock (account)
            return Math.Max(0, Fresh(pool, account));
    }

    /// <summary>Reserves <paramref name="bytes"/> and commits the intent in one step.</summary>
    /// <param name="commit">Writes the row that stands for the reservation; no await inside.</param>
    /// <param name="purpose">Operation and id, for the message.</param>
    /// <exception cref="StorageException">ResourceExhausted: less is available.</exception>
    public void Reserve(Pool pool, long bytes, string purpose, Action commit)
    {
        var account = Account(pool);
        lock (account)
        {
            if (Fresh(pool, account) < bytes && Measure(pool, account) < bytes)
            {
                var constraint = account.Constraint is { } clause ? $" ({clause})" : "";
                throw new StorageException(
                    StorageError.ResourceExhausted,
                    $"{purpose}: pool '{pool.Name}' has {Math.Max(0, account.AvailableBytes)} bytes available, {bytes} needed{constraint}",
                    "free space in the pool, or ask for less");
            }

            commit();
            account.AvailableBytes -= bytes;
        }
    }

    /// <summary>Something was removed, resized or finished: measure again before the next answer.</summary>
    public void Invalidate(Pool pool)
    {
        var account = Account(pool);
        lock (account)
            account.MeasuredAt = null;
    }

    private PoolAccount Account(Pool pool) => accounts.GetOrAdd(pool.Name, static _ => new PoolAccount());

    private long Fresh(Pool pool, PoolAccount account) =>
        account.MeasuredAt is { } at && account.Options == pool.Options && clock.GetElapsedTime(at) < Freshness ? account.AvailableBytes : Measure(pool, account);

    private long Measure(Pool pool, PoolAccount account)
    {
        var space = pool.Backend.MeasureSpace(store.VolumesOfPool(pool.Name), store.SnapshotsOfPool(pool.Name));
        account.AvailableBytes = space.AvailableBytes;
        account.Constraint = space.Constraint;
        account.MeasuredAt = clock.GetTimestamp();
        account.Options = pool.Options;
        return account.AvailableBytes;
    }

    private sealed class PoolAccount
    {
        public long AvailableBytes { get; set; }

        public string? Constraint { get; set; }

        public long? MeasuredAt { get; set; }

        /// <summary>What it was measured with: a reload may have changed the limits since.</summary>
        public PoolOptions? Options { get; set; }
    }
}
