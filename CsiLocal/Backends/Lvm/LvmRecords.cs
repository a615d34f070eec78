using CsiLocal.Configuration;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>The records of a pool as its logical volumes have them, by the inventory. Starts no process.</summary>
internal sealed class LvmRecords(PoolOptions options, VolumeGroup group, LvmOwnership ownership, TagLedger tags)
{
    /// <inheritdoc cref="IStorageBackend.FindMetadata(VolumeId)"/>
    public VolumeRecord? Find(VolumeId id)
    {
        var attempted = $"look for volume {id} in pool {options.Name}";
        Require(attempted);
        return group.Find(id.Value) is { } there && ownership.Read(attempted, there, id) is { } known ? Known(there, known) : null;
    }

    /// <inheritdoc cref="IStorageBackend.FindMetadata(SnapshotId)"/>
    public SnapshotRecord? Find(SnapshotId id)
    {
        var attempted = $"look for snapshot {id} in pool {options.Name}";
        Require(attempted);
        return group.Find(id.Value) is { } there ? ownership.Read(attempted, there, id) : null;
    }

    /// <inheritdoc cref="IStorageBackend.List"/>
    public IReadOnlyList<FoundObject> List()
    {
        var found = new List<FoundObject>();
        foreach (var volume in Require($"list pool {options.Name}").LogicalVolumes)
        {
            if (ownership.Describe(volume) is { } ours)
                found.Add(ours.Volume is { } record ? ours with { Volume = Known(volume, record) } : ours);
        }

        return found;
    }

    /// <summary>What the tags say, and what the data says where the tags lag behind it.</summary>
    public VolumeRecord Known(LogicalVolume volume, VolumeRecord tagged)
    {
        var sized = LvmGrowth.UnfinishedFrom(volume) is { } shown ? tagged with { SizeBytes = shown } : tagged;
        return tags.Pending(tagged.Id) is { } pending
            ? sized with { Format = pending.Format, FormattedAt = pending.FormattedAt }
            : FormatEvidence.Apply(group, volume, sized);
    }

    // "Nothing is there" must not be said of a volume group that is away.
    private VolumeGroupReport Require(string attempted) => group.Inventory ?? throw new StorageException(
        StorageError.Unavailable, $"{attempted}: volume group '{group.Name}' is not there", "bring back its devices");
}
