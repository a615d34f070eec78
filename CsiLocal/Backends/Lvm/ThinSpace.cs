using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>How much a thin pool can still promise. Pure.</summary>
internal static class ThinSpace
{
    /// <param name="facts">The pool as it is.</param>
    /// <param name="policy">Its limits.</param>
    /// <param name="overprovision">Promised bytes over real ones.</param>
    /// <param name="pool">VG/pool.</param>
    /// <param name="volumes">All of the pool's rows.</param>
    /// <param name="snapshots">All of the pool's rows.</param>
    public static PoolSpace Measure(
        ThinPoolFacts facts, ThinPoolPolicy policy, double overprovision, string pool,
        IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots)
    {
        // What it can be extended to counts as there: the guardian extends it before it is needed.
        var total = policy.ReachableDataBytes(facts);
        var headroom = (long)decimal.Clamp((decimal)total * (decimal)overprovision, 0, long.MaxValue / 2) - Promised(volumes) - Promised(snapshots);
        var available = policy.Refusal(facts, pool) is null ? headroom : Math.Min(headroom, 0);
        return new PoolSpace(total, total - facts.UsedDataBytes, available);
    }

    /// <summary>A volume may come to fill its whole size, shared or not.</summary>
    private static long Promised(IReadOnlyCollection<VolumeRecord> volumes)
    {
        var sum = 0L;
        foreach (var volume in volumes)
        {
            if (volume.State != VolumeState.Deleting)
                sum = checked(sum + Math.Max(volume.SizeBytes, volume.PendingSizeBytes ?? 0));
        }

        return sum;
    }

    /// <summary>Nobody writes to a snapshot: it keeps what its volume held when it was cut, once the volume has overwritten all of that.</summary>
    private static long Promised(IReadOnlyCollection<SnapshotRecord> snapshots)
    {
        var sum = 0L;
        foreach (var snapshot in snapshots)
        {
            if (snapshot.State != SnapshotState.Deleting)
                sum = checked(sum + snapshot.SharedBytes);
        }

        return sum;
    }
}
