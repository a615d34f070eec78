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
    /// <param name="heldByTrash">Bytes that deleted volumes map.</param>
    /// <param name="freedByTrash">Bytes that the pool surely gets back when these are erased.</param>
    /// <remarks>
    /// What a deleted volume maps is taken off what is promised until it is erased; what comes back then is just that, so that all in
    /// all the pool promises what it would had the volume been deleted at once. Chunks that it shares with a snapshot are no exception:
    /// the snapshot's own promise has them. A pool above its limit promises nothing, unless what surely comes back brings it below.
    /// </remarks>
    public static PoolSpace Measure(
        ThinPoolFacts facts, ThinPoolPolicy policy, double overprovision, string pool,
        IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots, long heldByTrash = 0, long freedByTrash = 0)
    {
        // What it can be extended to counts as there: the guardian extends it before it is needed.
        var total = policy.ReachableDataBytes(facts);
        var headroom = (long)decimal.Clamp((decimal)total * (decimal)overprovision, 0, long.MaxValue / 2) - Promised(volumes) - Promised(snapshots);
        var available = policy.Refusal(facts, pool) is null ? headroom - heldByTrash : Math.Min(headroom - heldByTrash, 0);
        var emptied = facts with { UsedDataBytes = facts.UsedDataBytes - freedByTrash };
        var afterwards = policy.Refusal(emptied, pool) is null ? headroom : Math.Min(headroom, 0);
        return new PoolSpace(total, total - facts.UsedDataBytes, available, Math.Max(0, afterwards - available));
    }

    /// <summary>Of what a deleted volume maps, what no other volume or snapshot can share.</summary>
    public static long FreedBy(
        TrashRecord item, long mappedBytes, IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots)
    {
        // A clone shares as much as there is, and keeps no count of it.
        if (item.Volume.Source is not null)
            return 0;
        foreach (var volume in volumes)
        {
            if (volume.Source is ContentSource.FromVolume(var source) && source == item.Volume.Id)
                return 0;
        }

        return Math.Max(0, mappedBytes - SharedBlocks.Of(item, volumes, snapshots));
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
