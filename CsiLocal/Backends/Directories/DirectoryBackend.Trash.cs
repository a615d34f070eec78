using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Directories;

/// <summary>Deleted volumes: folders that were moved into the trash.</summary>
internal sealed partial class DirectoryBackend
{
    /// <inheritdoc/>
    public Task<bool> QuarantineAsync(TrashRecord item, CancellationToken cancellationToken)
    {
        var attempted = $"delete volume {item.Volume.Id}";
        var entry = Entry(item.Volume);
        return Task.FromResult(IoFailure.Guard(attempted, () => _trash.Put(attempted, item, () =>
        {
            Store.RequireExists(entry, attempted);
            MountUse.Refuse(entry, attempted);
        })));
    }

    /// <inheritdoc/>
    public Task RestoreAsync(TrashRecord item, VolumeRecord volume, CancellationToken cancellationToken)
    {
        var attempted = $"undelete {item.Id}";
        IoFailure.Guard(attempted, () => _trash.Restore(attempted, item, volume));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task EraseAsync(TrashRecord item, IEraseProgress progress, CancellationToken cancellationToken)
    {
        var attempted = $"erase {item.Id}";
        var entry = Entry(item);
        var hasRest = FileStatus.Find(entry.RemovedPath) is not null;
        if (!IoFailure.Guard(attempted, () => _trash.BeginErase(attempted, item, hasRest)))
            return;
        IoFailure.Guard(attempted, () => MountUse.Refuse(entry, attempted));
        await GuardedAsync(attempted, () => Store.RemoveAsync(entry, attempted, cancellationToken));
        IoFailure.Guard(attempted, () => _trash.EndErase(item));
    }

    /// <inheritdoc/>
    public TrashRecord? FindTrash(TrashId id) =>
        IoFailure.Guard($"look for {id} in the trash of pool {options.Name}", () => _trash.Find(id));

    /// <inheritdoc/>
    public long MeasureTrash(TrashRecord item, IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots) =>
        // Without a count nobody knows, and nothing is promised.
        Pool.Quota.IsHard && Measure(Entry(item)) is { } usage
            ? usage.ExclusiveBytes ?? Math.Max(0, usage.UsedBytes - SharedBlocks.Of(item, volumes, snapshots))
            : 0;
}
