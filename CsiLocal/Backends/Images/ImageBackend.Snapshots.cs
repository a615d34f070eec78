using CsiLocal.Volumes;

namespace CsiLocal.Backends.Images;

/// <summary>Snapshots: image files that nobody mounts.</summary>
internal sealed partial class ImageBackend
{
    public long CopyCost(VolumeRecord volume) =>
        IoFailure.Guard($"measure volume {volume.Id}", () => ImageOf(volume.Id).Find()?.AllocatedBytes ?? 0);

    public Task<SnapshotRecord> CreateSnapshotAsync(
        SnapshotRecord snapshot, CopySource source, ICopyProgress progress, CancellationToken cancellationToken)
    {
        var attempted = $"create snapshot {snapshot.Id}";
        var from = ImageOf(source.Volume?.Id ?? throw new ArgumentException("a snapshot is cut from a volume", nameof(source)));
        return Task.Run(
            () => IoFailure.GuardAsync(attempted, () => CutAsync(attempted, snapshot, from, source, progress, cancellationToken)),
            cancellationToken);
    }

    public Task DeleteSnapshotAsync(SnapshotRecord snapshot, CancellationToken cancellationToken)
    {
        var attempted = $"delete snapshot {snapshot.Id}";
        var image = ImageOf(snapshot.Id);
        return Task.Run(
            () => IoFailure.Guard(attempted, () =>
            {
                if (Ownership.Require(attempted, _pool, image, snapshot.Id) is not { } known)
                    return;
                RefuseIfAttached(attempted, image);

                // The order of DeleteAsync, for the same reason.
                if (known.State != SnapshotState.Deleting)
                    IoFailure.UnlessFull(() => MetadataFile.Write(_pool.SnapshotsPath, known with { State = SnapshotState.Deleting }));
                image.Remove();
                MetadataFile.Remove(_pool.SnapshotsPath, image.Id);
            }),
            cancellationToken);
    }

    private async Task<SnapshotRecord> CutAsync(
        string attempted,
        SnapshotRecord snapshot,
        ImageFile from,
        CopySource source,
        ICopyProgress progress,
        CancellationToken cancellationToken)
    {
        var image = ImageOf(snapshot.Id);
        if (Ownership.FindCut(attempted, _pool, image, snapshot) is { } cut)
        {
            // Killed between the mark on the image and the metadata: a rebuilt state file must not take it for an unfinished one.
            MetadataFile.Write(_pool.SnapshotsPath, cut with { State = SnapshotState.Ready });
            return cut;
        }

        var wanted = snapshot with { SizeBytes = from.Require().SizeBytes };
        var job = new CopyJob
        {
            Attempted = attempted,
            From = from,
            To = image,
            SizeBytes = wanted.SizeBytes,
            Allocate = false,
            Source = source,
        };
        _copier.Check(job, Features.InstantCopy);
        Ownership.Claim(_pool, wanted);
        var shared = await UndoIfRefusedAsync(
            image,
            () => _copier.FillAsync(job, Features.InstantCopy, progress, cancellationToken));
        var filled = wanted with { SharedBytes = shared, Format = source.FormatOfCopy };
        MetadataFile.Write(_pool.SnapshotsPath, filled);

        // The last step, and the mark of a finished one: nobody writes to a snapshot any more.
        using var handle = image.Open(readOnly: true);
        File.SetUnixFileMode(handle, Ownership.FinishedSnapshot);
        RandomAccess.FlushToDisk(handle);
        MetadataFile.Write(_pool.SnapshotsPath, filled with { State = SnapshotState.Ready });
        return filled;
    }
}
