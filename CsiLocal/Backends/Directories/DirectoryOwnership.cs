using CsiLocal.Volumes;

namespace CsiLocal.Backends.Directories;

/// <summary>Proves by the metadata beside it that a directory is what a record means, before anything is made or removed.</summary>
internal sealed class DirectoryOwnership(DirectoryStore store)
{
    private const string LookFirst = "nothing was touched: find out where it comes from, and move it away or restore its .json file";

    /// <summary>The volume's record where an earlier call finished it; null where it is to be made, or its making to be finished.</summary>
    /// <exception cref="StorageException">
    /// <see cref="StorageError.DataLoss"/>: there is something under this id that is not the same volume, or a finished one lost its data.
    /// <see cref="StorageError.FailedPrecondition"/>: it is being deleted.
    /// </exception>
    public VolumeRecord? FindMade(string attempted, DirectoryEntry entry, VolumeRecord wanted)
    {
        if (Require(attempted, entry, MetadataFile.ReadVolume(entry.Folder, wanted.Id)) is not { } known)
            return null;
        if (known.State == VolumeState.Deleting)
            throw BeingDeleted(attempted);
        if (known.Name != wanted.Name || known.SizeBytes != wanted.SizeBytes || known.Source != wanted.Source || known.Access != wanted.Access)
            throw Mismatch(attempted, entry, $"a volume '{known.Name}' of {known.SizeBytes} bytes");
        if (known.State == VolumeState.Creating)
            return null;

        // Finished, but the caller was killed before it knew. An empty one in its place would hide a loss.
        store.RequireExists(entry, attempted);
        return known with { State = wanted.State };
    }

    /// <summary>The snapshot's record where it was finished; null where it is to be made.</summary>
    /// <inheritdoc cref="FindMade" path="/exception"/>
    public SnapshotRecord? FindCut(string attempted, DirectoryEntry entry, SnapshotRecord wanted)
    {
        if (Require(attempted, entry, MetadataFile.ReadSnapshot(entry.Folder, wanted.Id)) is not { } known)
            return null;
        if (known.State == SnapshotState.Deleting)
            throw BeingDeleted(attempted);
        if (known.Name != wanted.Name || known.SourceVolume != wanted.SourceVolume)
            throw Mismatch(attempted, entry, $"a snapshot '{known.Name}' of {known.SourceVolume}");
        if (known.State == SnapshotState.Creating)
            return null;

        store.RequireExists(entry, attempted);
        return known with { State = wanted.State };
    }

    /// <summary>The metadata as it was read; null where there is neither metadata nor a directory.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.DataLoss"/>: a directory that nothing proves to be ours.</exception>
    public T? Require<T>(string attempted, DirectoryEntry entry, T? known)
        where T : class =>
        store.Exists(entry, attempted) && known is null
            ? throw new StorageException(
                StorageError.DataLoss, $"{attempted}: {entry.Path} exists without the metadata that would prove whose it is", LookFirst)
            : known;

    private static StorageException Mismatch(string attempted, DirectoryEntry entry, string fact) =>
        new(StorageError.DataLoss, $"{attempted}: the metadata beside {entry.Path} says {fact}", LookFirst);

    private static StorageException BeingDeleted(string attempted) =>
        new(StorageError.FailedPrecondition, $"{attempted}: its deletion was begun and not finished", "delete it again first");
}
