using CsiLocal.Configuration;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>The guardian's decisions about a thin pool. Pure: facts in, decisions out.</summary>
/// <remarks>
/// Data that runs full is forgiven: writes wait for a minute. Metadata that runs full is not: the open transaction is rolled back,
/// flushes fail, and the pool has to be repaired off line. So metadata is extended early and first, and may take what data may not.
/// </remarks>
/// <param name="options">Thresholds.</param>
/// <param name="reserveBytes">Bytes of the volume group that volumes may not use.</param>
internal sealed class ThinPoolPolicy(LvmPoolOptions options, long reserveBytes)
{
    /// <summary>What the kernel can address, as LVM rounds it (lvmthin(7): 15.81 GiB; lvm2, DEFAULT_THIN_POOL_MAX_METADATA_SIZE).</summary>
    public const long LargestMetadataBytes = 16_978_542_592;

    /// <summary>Metadata is extended from here on at the latest: LVM makes no volume from 75 % on in metadata up to 16 MiB (lvm2, thin_pool_metadata_min_threshold).</summary>
    public const int MetadataExtendAtPercent = 70;

    // lvm2, thin_pool_metadata_min_threshold: a quarter, or 4 MiB, must be free.
    private const int LvmMetadataFreePart = 4;
    private const long LvmMetadataFreeBytes = 4 << 20;

    // Ever shorter than this from full means: now. A turn, the wait for LVM's lock and an lvextend lie within it.
    private static readonly TimeSpan ShortestHorizon = TimeSpan.FromSeconds(10);

    /// <summary>Whether the pool is extended at all.</summary>
    public bool Extends => options.ExtendAtPercent < 100;

    private int MetadataThreshold => Math.Min(options.ExtendAtPercent, MetadataExtendAtPercent);

    /// <summary>What has to be done now.</summary>
    /// <param name="facts">The pool as it is.</param>
    /// <param name="dataRate">How fast its data fills.</param>
    /// <param name="metadataRate">How fast its metadata fills.</param>
    /// <param name="lastExtension">How long the last extension took, queue and all.</param>
    public ThinPoolPlan Plan(ThinPoolFacts facts, GrowthRate dataRate, GrowthRate metadataRate, TimeSpan lastExtension)
    {
        // The kernel grows nothing before the metadata was checked (dm-thin.c, maybe_resize_data_dev).
        if (!Extends || facts.NeedsCheck || facts.Mode == ThinPoolMode.Failed)
            return ThinPoolPlan.Nothing;

        // lvextend to what LVM has noted already does nothing: the kernel has to be told first.
        if (facts.LagsBehind)
            return ThinPoolPlan.Nothing with { Refresh = true };

        var horizon = Math.Max(ShortestHorizon.TotalSeconds, 3 * lastExtension.TotalSeconds);
        var metadata = PlanMetadata(facts, metadataRate.BytesPerSecond * horizon);
        var left = facts with
        {
            GroupFreeBytes = facts.GroupFreeBytes - CostOfMetadata(facts, metadata),
            MetadataBytes = metadata,
            SpareBytes = Math.Max(metadata, facts.SpareBytes),
        };
        var data = PlanData(left, dataRate.BytesPerSecond * horizon);
        return new ThinPoolPlan
        {
            MetadataBytes = metadata > facts.MetadataBytes ? metadata : null,
            DataBytes = data > facts.DataBytes ? data : null,
            IsMetadataStarved = IsFull(facts.UsedMetadataBytes, metadata, MetadataThreshold),
            IsDataStarved = IsFull(facts.UsedDataBytes, data, options.ExtendAtPercent),
        };
    }

    /// <summary>What the data can become, as the volume group is now.</summary>
    public long ReachableDataBytes(ThinPoolFacts facts) => facts.DataBytes + (Extends && !facts.NeedsCheck ? ForData(facts) : 0);

    /// <summary>Why no volume or snapshot may be made in the pool now; null where one may.</summary>
    /// <param name="facts">The pool as it is.</param>
    /// <param name="pool">VG/pool, for messages.</param>
    public (StorageError Error, string Fact, string Remedy)? Refusal(ThinPoolFacts facts, string pool)
    {
        if (ThinPoolHealth.Broken(facts, pool) is { } broken)
            return (StorageError.Unavailable, broken.Fact, broken.Remedy);

        var reachable = ReachableDataBytes(facts);
        if (facts.UsedDataBytes >= Part(reachable, options.StopAtPercent))
        {
            return (StorageError.ResourceExhausted,
                $"{facts.UsedDataBytes} of {reachable} bytes that thin pool {pool} has or can be extended to are in use, new volumes stop at {options.StopAtPercent} %",
                ThinPoolHealth.MakeRoom(pool));
        }

        var metadata = ReachableMetadataBytes(facts);
        if (facts.UsedMetadataBytes >= Math.Min(Part(metadata, options.StopAtPercent), LvmMetadataLimit(metadata)))
        {
            return (StorageError.ResourceExhausted,
                $"{facts.UsedMetadataBytes} of {metadata} bytes of metadata that thin pool {pool} has or can be extended to are in use",
                ThinPoolHealth.MakeMetadataRoom(pool));
        }

        return null;
    }

    /// <summary>Whether LVM itself would refuse a new volume before the metadata is extended (lvm2, thin_pool_below_threshold).</summary>
    public static bool IsAboveLvmLimit(ThinPoolFacts facts) => facts.UsedMetadataBytes >= LvmMetadataLimit(facts.MetadataBytes);

    /// <summary>What stays free in the volume group for growing metadata, and its spare, by half.</summary>
    public static long MetadataReserve(long metadataBytes, long extentBytes) =>
        2 * Math.Min(RoundUp(Math.Max(metadataBytes / 2, 1), extentBytes), Math.Max(0, LargestMetadataBytes - metadataBytes) / extentBytes * extentBytes);

    public static long RoundUp(long bytes, long unit) => (bytes + unit - 1) / unit * unit;

    private long ReachableMetadataBytes(ThinPoolFacts facts) =>
        Extends && !facts.NeedsCheck ? AffordableMetadata(facts, LargestMetadataBytes / facts.ExtentBytes * facts.ExtentBytes) : facts.MetadataBytes;

    // Free, less what is kept for volumes of others, less what the metadata may come to need.
    private long ForData(ThinPoolFacts facts) => Math.Max(
        0,
        (facts.GroupFreeBytes - reserveBytes - MetadataReserve(facts.MetadataBytes, facts.ExtentBytes)) / facts.ExtentBytes * facts.ExtentBytes);

    private long PlanMetadata(ThinPoolFacts facts, double expected)
    {
        // Read-only without needs_check is out of metadata: growing it is all that it needs (dm-thin.c, maybe_resize_metadata_dev).
        if (facts.Mode != ThinPoolMode.ReadOnly && !IsDue(facts.UsedMetadataBytes, facts.MetadataBytes, MetadataThreshold, expected))
            return facts.MetadataBytes;

        var wanted = Grown(facts.UsedMetadataBytes, facts.MetadataBytes, MetadataThreshold, expected, facts.ExtentBytes);
        return AffordableMetadata(facts, Math.Min(wanted, LargestMetadataBytes / facts.ExtentBytes * facts.ExtentBytes));
    }

    private long PlanData(ThinPoolFacts facts, double expected)
    {
        if (facts.Mode != ThinPoolMode.OutOfDataSpace && !IsDue(facts.UsedDataBytes, facts.DataBytes, options.ExtendAtPercent, expected))
            return facts.DataBytes;

        var wanted = Grown(facts.UsedDataBytes, facts.DataBytes, options.ExtendAtPercent, expected, facts.ExtentBytes);
        return Math.Min(wanted, facts.DataBytes + ForData(facts));
    }

    /// <summary>The largest metadata up to <paramref name="wanted"/> for which there is room; the spare may have to stay behind.</summary>
    /// <remarks>LVM extends the spare with the metadata where it can, and goes on where it cannot: a repair then needs space, a full metadata needs a repair.</remarks>
    private static long AffordableMetadata(ThinPoolFacts facts, long wanted) =>
        Math.Max(facts.MetadataBytes, Math.Min(wanted, facts.MetadataBytes + (facts.GroupFreeBytes / facts.ExtentBytes * facts.ExtentBytes)));

    /// <summary>What the volume group gives for it: the metadata, and its spare where that has to grow with it and can.</summary>
    public static long CostOfMetadata(ThinPoolFacts facts, long metadataBytes) => metadataBytes <= facts.MetadataBytes
        ? 0
        : Math.Min(facts.GroupFreeBytes, metadataBytes - facts.MetadataBytes + Math.Max(0, metadataBytes - facts.SpareBytes));

    private static bool IsDue(long used, long size, int percent, double expected) => IsFull(used, size, percent) || used + expected >= size;

    private static bool IsFull(long used, long size, int percent) => used >= Part(size, percent);

    /// <summary>As many steps of ExtendByPercent as it takes to be below the threshold with what is expected to come.</summary>
    private long Grown(long used, long size, int percent, double expected, long extent)
    {
        var needed = (used + expected) / percent * 100;
        var grown = size;
        do
            grown += RoundUp(Math.Max(1, Part(grown, options.ExtendByPercent)), extent);
        while (grown <= needed && grown < long.MaxValue / 4);
        return grown;
    }

    private static long LvmMetadataLimit(long metadataBytes) =>
        metadataBytes - Math.Min(metadataBytes / LvmMetadataFreePart, LvmMetadataFreeBytes);

    private static long Part(long bytes, int percent) => (long)((Int128)bytes * percent / 100);
}
