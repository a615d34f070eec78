using CsiLocal.Volumes;

namespace CsiLocal.Backends.Images;

/// <summary>Proves by the metadata beside it that an image is what a record means, before anything is made, continued or removed.</summary>
internal static class Ownership
{
    /// <summary>Mode of a snapshot's image once it is complete.</summary>
    public const UnixFileMode FinishedSnapshot = UnixFileMode.UserRead;

    /// <summary>The volume's record where an earlier call finished it; null where it is to be made, or made to the end.</summary>
    /// <exception cref="StorageException">
    /// <see cref="StorageError.DataLoss"/>: there is something under this id that is not the same volume.
    /// <see cref="StorageError.FailedPrecondition"/>: it is being deleted.
    /// </exception>
    public static VolumeRecord? FindMade(string attempted, PoolFolder pool, ImageFile image, VolumeRecord wanted)
    {
        if (Require(attempted, pool, image, wanted.Id) is not { } known)
            return null;
        if (known.State == VolumeState.Deleting)
            throw BeingDeleted(attempted);
        if ((known.Name, known.SizeBytes, known.Source, known.Access) != (wanted.Name, wanted.SizeBytes, wanted.Source, wanted.Access))
            throw Mismatch(attempted, image, $"a volume '{known.Name}' of {known.SizeBytes} bytes");

        if (known.State == VolumeState.Creating)
        {
            // Not handed out yet, so its length may be anything up to the whole.
            if (image.Find() is { } half && half.SizeBytes > wanted.SizeBytes)
                throw Mismatch(attempted, image, $"{wanted.SizeBytes} bytes, the image has {half.SizeBytes}");
            return null;
        }

        // Finished, but the caller was killed before it knew. A blank one in its place would hide a loss.
        if (image.Require().SizeBytes != known.SizeBytes)
            throw Mismatch(attempted, image, $"{known.SizeBytes} bytes, the image has another length");
        return known with { State = wanted.State };
    }

    /// <summary>The snapshot's record where it was finished; null where it is to be cut, or cut anew.</summary>
    /// <inheritdoc cref="FindMade" path="/exception"/>
    public static SnapshotRecord? FindCut(string attempted, PoolFolder pool, ImageFile image, SnapshotRecord wanted)
    {
        if (Require(attempted, pool, image, wanted.Id) is not { } known)
            return null;
        if (known.State == SnapshotState.Deleting)
            throw BeingDeleted(attempted);
        if (known.Name != wanted.Name || known.SourceVolume != wanted.SourceVolume)
            throw Mismatch(attempted, image, $"a snapshot '{known.Name}' of {known.SourceVolume}");

        var isFinished = known.State == SnapshotState.Ready || image.Find()?.Permissions == FinishedSnapshot;
        if (!isFinished)
            return null;
        if (image.Require().SizeBytes != known.SizeBytes)
            throw Mismatch(attempted, image, $"{known.SizeBytes} bytes, the image has another length");
        return known with { State = wanted.State };
    }

    /// <summary>The metadata of the volume; null where there is neither metadata nor image.</summary>
    public static VolumeRecord? Require(string attempted, PoolFolder pool, ImageFile image, VolumeId id)
    {
        var known = MetadataFile.ReadVolume(pool.VolumesPath, id);
        return known is null && image.Find() is not null ? throw Orphan(attempted, image) : known;
    }

    /// <summary>The metadata of the snapshot; null where there is neither metadata nor image.</summary>
    public static SnapshotRecord? Require(string attempted, PoolFolder pool, ImageFile image, SnapshotId id)
    {
        var known = MetadataFile.ReadSnapshot(pool.SnapshotsPath, id);
        return known is null && image.Find() is not null ? throw Orphan(attempted, image) : known;
    }

    /// <summary>Writes the claim that makes whatever image follows ours.</summary>
    public static void Claim(PoolFolder pool, VolumeRecord volume) => MetadataFile.Write(
        pool.VolumesPath,
        volume with { State = VolumeState.Creating });

    /// <inheritdoc cref="Claim(PoolFolder, VolumeRecord)"/>
    public static void Claim(PoolFolder pool, SnapshotRecord snapshot) =>
        MetadataFile.Write(pool.SnapshotsPath, snapshot with { State = SnapshotState.Creating });

    private static StorageException Orphan(string attempted, ImageFile image) => new(
        StorageError.DataLoss,
        $"{attempted}: {image.Path} exists without the metadata that would prove whose it is",
        "nothing was touched: restore its .json file, or move the image away after a look at it");

    private static StorageException Mismatch(string attempted, ImageFile image, string fact) => new(
        StorageError.DataLoss,
        $"{attempted}: the metadata beside {image.Path} says {fact}",
        "nothing was touched: find out where that one comes from");

    private static StorageException BeingDeleted(string attempted) => new(
        StorageError.FailedPrecondition, $"{attempted}: its deletion was begun and not finished", "delete it again first");
}
