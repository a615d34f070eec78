using CsiLocal.Volumes;

namespace CsiLocal.Backends.Directories;

/// <summary>What volumes and snapshots may still come to take of a pool whose limits are hard.</summary>
internal static class DirectorySpace
{
    /// <summary>Bytes promised to a volume beyond what it has to itself.</summary>
    /// <param name="volume">The volume's record.</param>
    /// <param name="usage">What it holds; null while it does not exist.</param>
    public static long Outstanding(VolumeRecord volume, QuotaUsage? usage)
    {
        if (volume.State == VolumeState.Deleting)
            return 0;

        var size = Math.Max(volume.SizeBytes, volume.PendingSizeBytes ?? 0);
        return usage switch
        {
            null => size,
            // Counted by the file system (btrfs): all but the exclusive bytes may have to be written anew. What two volumes share
            // without a snapshot is so promised once too often: on the safe side, and gone as soon as either changes it.
            { ExclusiveBytes: { } exclusive } => Math.Max(0, size - exclusive),
            { UsedBytes: var used } => Math.Max(0, size - used) + volume.SharedBytes,
        };
    }

    /// <summary>Bytes that volumes take once more when they change what they share with a snapshot.</summary>
    public static long Outstanding(SnapshotRecord snapshot, QuotaUsage? usage) =>
        // With exclusive bytes counted, the volumes' own promises contain it.
        snapshot.State == SnapshotState.Deleting || usage is { ExclusiveBytes: not null } ? 0 : snapshot.SharedBytes;
}
