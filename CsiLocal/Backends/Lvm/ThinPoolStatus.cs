namespace CsiLocal.Backends.Lvm;

/// <summary>What a thin pool still does.</summary>
internal enum ThinPoolMode
{
    Writable,

    /// <summary>Its metadata is full or could not be written: reads only.</summary>
    ReadOnly,

    /// <summary>Writes to blocks that are not mapped yet wait (queue_if_no_space) or fail (error_if_no_space).</summary>
    OutOfDataSpace,

    /// <summary>All I/O fails, or its metadata cannot be read.</summary>
    Failed,
}

/// <summary>Status of a thin-pool target; blocks of metadata are 4 KiB, blocks of data are the pool's chunks.</summary>
/// <param name="Mode">Where <see cref="ThinPoolMode.Failed"/>, the kernel says nothing else.</param>
/// <param name="ErrorIfNoSpace">Writes fail at once when the pool is full, instead of waiting for it to be grown.</param>
/// <param name="NeedsCheck">Its metadata is marked to be checked (thin_check, lvconvert --repair) before it can be written again.</param>
/// <param name="MetadataLowBlocks">Free metadata blocks below which the kernel raises an event; 0 where it does not say (before Linux 4.20).</param>
/// <seealso href="https://docs.kernel.org/admin-guide/device-mapper/thin-provisioning.html"/>
internal sealed record ThinPoolStatus(
    ThinPoolMode Mode,
    long TransactionId,
    long UsedMetadataBlocks,
    long TotalMetadataBlocks,
    long UsedDataBlocks,
    long TotalDataBlocks,
    bool DiscardPassdown,
    bool ErrorIfNoSpace,
    bool NeedsCheck,
    long MetadataLowBlocks)
{
    /// <summary>THIN_METADATA_BLOCK_SIZE of drivers/md/dm-thin-metadata.h.</summary>
    public const int MetadataBlockBytes = 4096;

    public double DataPercent => TargetStatus.Percent(UsedDataBlocks, TotalDataBlocks);

    public double MetadataPercent => TargetStatus.Percent(UsedMetadataBlocks, TotalMetadataBlocks);

    /// <exception cref="FormatException">Not the status of a thin pool.</exception>
    public static ThinPoolStatus Parse(string parameters)
    {
        // dm-thin.c, pool_status. "Error": the metadata could not be read for this very answer.
        var words = new TargetStatus("thin-pool", parameters);
        if (words[0] is "Fail" or "Error")
            return new ThinPoolStatus(ThinPoolMode.Failed, 0, 0, 0, 0, 0, false, false, false, 0);

        var metadata = words.Ratio(1);
        var data = words.Ratio(2);

        // Word 3 is the held metadata root: a block, or a dash.
        var mode = words[4] switch
        {
            "rw" => ThinPoolMode.Writable,
            "ro" => ThinPoolMode.ReadOnly,
            "out_of_data_space" => ThinPoolMode.OutOfDataSpace,
            _ => throw words.Unreadable(),
        };
        return new ThinPoolStatus(
            mode,
            words.Number(0),
            metadata.Used,
            metadata.Total,
            data.Used,
            data.Total,
            DiscardPassdown: words[5] == "discard_passdown",
            ErrorIfNoSpace: words.Count > 6 && words[6] == "error_if_no_space",
            NeedsCheck: words.Count > 7 && words[7] == "needs_check",
            MetadataLowBlocks: words.Count > 8 ? words.Number(8) : 0);
    }
}
