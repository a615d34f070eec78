namespace CsiLocal.Backends.Lvm;

/// <summary>What is known of a thin pool and of the space around it at one moment: all that the guardian decides by. Sizes in bytes.</summary>
internal sealed record ThinPoolFacts
{
    public required ThinPoolMode Mode { get; init; }

    /// <summary>How many changes that LVM asked for the thin pool has made.</summary>
    public long TransactionId { get; init; }

    /// <summary>The kernel wants the metadata checked before it is written again.</summary>
    public bool NeedsCheck { get; init; }

    /// <summary>Writes that find no chunk fail at once: by choice (errorwhenfull), or since they have waited for no_space_timeout.</summary>
    public bool ErrorsWhenFull { get; init; }

    /// <summary>A discard of a volume reaches the disks.</summary>
    public bool PassesDiscards { get; init; }

    public required long UsedDataBytes { get; init; }

    public required long DataBytes { get; init; }

    public required long UsedMetadataBytes { get; init; }

    public required long MetadataBytes { get; init; }

    /// <summary>What LVM keeps to repair metadata into: as large as the largest metadata in the volume group; grows with it.</summary>
    public required long SpareBytes { get; init; }

    public required long ExtentBytes { get; init; }

    /// <summary>What LVM may still allocate in the volume group.</summary>
    public required long GroupFreeBytes { get; init; }

    public double DataPercent => Percent(UsedDataBytes, DataBytes);

    public double MetadataPercent => Percent(UsedMetadataBytes, MetadataBytes);

    /// <summary>The kernel's pool is smaller than its logical volume: an lvextend died before the kernel was told.</summary>
    public bool LagsBehind { get; init; }

    /// <param name="status">What the kernel says of it.</param>
    /// <param name="pool">What LVM says of it.</param>
    /// <param name="group">The volume group it is in.</param>
    /// <param name="groupFreeBytes">What LVM may allocate there.</param>
    public static ThinPoolFacts Of(ThinPoolStatus status, LogicalVolume pool, VolumeGroupReport group, long groupFreeBytes)
    {
        var chunk = pool.ChunkBytes ?? (status.TotalDataBlocks > 0 ? pool.SizeBytes / status.TotalDataBlocks : 0);
        var data = Math.Max(pool.SizeBytes, status.TotalDataBlocks * chunk);
        var metadata = Math.Max(pool.MetadataBytes ?? 0, status.TotalMetadataBlocks * ThinPoolStatus.MetadataBlockBytes);
        return new ThinPoolFacts
        {
            Mode = status.Mode,
            TransactionId = status.TransactionId,
            NeedsCheck = status.NeedsCheck,
            ErrorsWhenFull = status.ErrorIfNoSpace,
            PassesDiscards = status.DiscardPassdown,

            // What does not make up a whole chunk is no room: counted as used, so that sizes stay those that LVM can be told.
            UsedDataBytes = data - ((status.TotalDataBlocks - status.UsedDataBlocks) * chunk),
            DataBytes = data,
            UsedMetadataBytes = metadata - ((status.TotalMetadataBlocks - status.UsedMetadataBlocks) * ThinPoolStatus.MetadataBlockBytes),
            MetadataBytes = metadata,
            SpareBytes = Spare(group),
            ExtentBytes = group.ExtentBytes,
            GroupFreeBytes = groupFreeBytes,
            LagsBehind = status.Mode != ThinPoolMode.Failed
                && ((status.TotalDataBlocks + 1) * chunk <= data || (status.TotalMetadataBlocks + 1) * ThinPoolStatus.MetadataBlockBytes <= metadata),
        };
    }

    /// <summary>Size of the volume group's spare for repairs; 0 where there is none. LVM names it so and keeps one (lvmthin(7), Spare metadata LV).</summary>
    public static long Spare(VolumeGroupReport group) =>
        group.LogicalVolumes.FirstOrDefault(static volume => volume.IsHidden && volume.Name.EndsWith("_pmspare", StringComparison.Ordinal))?.SizeBytes ?? 0;

    private static double Percent(long part, long whole) => whole <= 0 ? 0 : 100.0 * part / whole;
}
