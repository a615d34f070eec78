using CsiLocal.Volumes;

namespace CsiLocal.Backends;

/// <summary>What a deleted volume may share with others, where the file system or thin pool shares blocks and does not say which.</summary>
internal static class SharedBlocks
{
    /// <summary>Bytes of it that its erasure may not give back, at the most: its source, its snapshots and its clones may hold them, too.</summary>
    public static long Of(TrashRecord item, IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots)
    {
        var shared = item.Volume.SharedBytes;
        foreach (var snapshot in snapshots)
        {
            if (snapshot.SourceVolume == item.Volume.Id)
                shared += snapshot.SharedBytes;
        }

        foreach (var volume in volumes)
        {
            if (volume.Source is ContentSource.FromVolume(var source) && source == item.Volume.Id)
                shared += volume.SharedBytes;
        }

        return shared;
    }
}
