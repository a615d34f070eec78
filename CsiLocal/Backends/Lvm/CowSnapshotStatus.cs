namespace CsiLocal.Backends.Lvm;

/// <summary>What became of a copy-on-write snapshot.</summary>
internal enum CowState
{
    Valid,

    /// <summary>Its exception store is full or unreadable: its content is lost for good.</summary>
    Invalid,

    /// <summary>It ran full while it was merged into its origin, or without persistent metadata.</summary>
    Overflow,

    MergeFailed,

    /// <summary>Its exception store does not say how full it is.</summary>
    Unknown,
}

/// <summary>Status of a snapshot target: how much of its reserve is used up.</summary>
/// <param name="MetadataBytes">Of the used bytes, those that only say where the copies are.</param>
/// <seealso href="https://docs.kernel.org/admin-guide/device-mapper/snapshot.html"/>
internal sealed record CowSnapshotStatus(CowState State, long UsedBytes, long TotalBytes, long MetadataBytes)
{
    public double Percent => State == CowState.Valid ? TargetStatus.Percent(UsedBytes, TotalBytes) : 100;

    /// <exception cref="FormatException">Not the status of a snapshot.</exception>
    public static CowSnapshotStatus Parse(string parameters)
    {
        // dm-snap.c, snapshot_status; in sectors.
        var words = new TargetStatus("snapshot", parameters);
        switch (words[0])
        {
            case "Invalid":
                return new CowSnapshotStatus(CowState.Invalid, 0, 0, 0);
            case "Overflow":
                return new CowSnapshotStatus(CowState.Overflow, 0, 0, 0);
            case "Merge":
                return new CowSnapshotStatus(CowState.MergeFailed, 0, 0, 0);
            case "Unknown":
                return new CowSnapshotStatus(CowState.Unknown, 0, 0, 0);
            default:
                var (used, total) = words.Ratio(0);
                return new CowSnapshotStatus(CowState.Valid, used * 512, total * 512, words.Number(1) * 512);
        }
    }
}
