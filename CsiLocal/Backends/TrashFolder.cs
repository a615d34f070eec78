using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends;

/// <summary>The trash of a pool of files: <c>trash/&lt;id&gt;</c> with its metadata beside it. A volume gets there and back by one rename.</summary>
/// <remarks>
/// Whichever step a crash falls after, the metadata tell what to do: the volume's say "deleting" for as long as the data are on
/// their way, in either direction, so that what is found half-way with no row to explain it goes back into the trash.
/// </remarks>
/// <param name="pool">Whose folders these are.</param>
/// <param name="extension">What follows the id in the name of the data: ".img", or "" for folders.</param>
internal sealed class TrashFolder(PoolFolder pool, string extension)
{
    public string DataOf(TrashId id) => Path.Combine(pool.TrashPath, id.Value + extension);

    private string DataOf(VolumeId id) => Path.Combine(pool.VolumesPath, id.Value + extension);

    /// <inheritdoc cref="IStorageBackend.FindTrash"/>
    public TrashRecord? Find(TrashId id) => MetadataFile.ReadTrash(pool.TrashPath, id);

    /// <summary>Moves a volume into the trash.</summary>
    /// <param name="attempted">Operation and id, for messages.</param>
    /// <param name="item">What it is to be there.</param>
    /// <param name="refuseIfUsed">Throws while somebody uses the volume's data.</param>
    /// <returns>False where there is no data.</returns>
    public bool Put(string attempted, TrashRecord item, Action refuseIfUsed)
    {
        var volume = item.Volume;
        var known = MetadataFile.ReadVolume(pool.VolumesPath, volume.Id);
        if (Exists(DataOf(item.Id)))
        {
            Prove(attempted, item);
            if (known?.CreatedAt == volume.CreatedAt)
                MetadataFile.Remove(pool.VolumesPath, volume.Id.Value);
            return true;
        }

        if (!Exists(DataOf(volume.Id)))
        {
            MetadataFile.Remove(pool.TrashPath, item.Id.Value);
            return false;
        }

        if (known is null || known.CreatedAt != volume.CreatedAt)
            throw Unproved(attempted, DataOf(volume.Id));
        refuseIfUsed();
        if (known.State != VolumeState.Deleting)
            MetadataFile.Write(pool.VolumesPath, known with { State = VolumeState.Deleting });
        MetadataFile.Write(pool.TrashPath, item);
        DurableFile.Move(DataOf(volume.Id), DataOf(item.Id));
        MetadataFile.Remove(pool.VolumesPath, volume.Id.Value);
        return true;
    }

    /// <summary>Makes it a volume again.</summary>
    public void Restore(string attempted, TrashRecord item, VolumeRecord volume)
    {
        var target = DataOf(volume.Id);
        var known = MetadataFile.ReadVolume(pool.VolumesPath, volume.Id);
        if (Exists(target) || known is not null)
        {
            // Of an earlier attempt: with the data it is done, without them it is to go on.
            if (known is null || known.CreatedAt != volume.CreatedAt || (Exists(target) && Exists(DataOf(item.Id))))
            {
                throw new StorageException(
                    StorageError.AlreadyExists, $"{attempted}: there is a volume {volume.Id} in the pool", "bring it back under another name");
            }
        }

        if (!Exists(target))
        {
            if (Prove(attempted, item).Erasing)
                throw Begun(attempted);
            if (!Exists(DataOf(item.Id)))
                throw Missing(attempted, DataOf(item.Id));
            MetadataFile.Write(pool.VolumesPath, volume with { State = VolumeState.Deleting });
            DurableFile.Move(DataOf(item.Id), target);
        }

        MetadataFile.Write(pool.VolumesPath, volume with { State = VolumeState.Ready });
        MetadataFile.Remove(pool.TrashPath, item.Id.Value);
    }

    /// <summary>Proves that the item may be erased, and writes beside it that this was begun.</summary>
    /// <returns>False where there is nothing left to erase: its metadata are gone then, too.</returns>
    public bool BeginErase(string attempted, TrashRecord item, bool hasRest)
    {
        if (!Exists(DataOf(item.Id)) && !hasRest)
        {
            MetadataFile.Remove(pool.TrashPath, item.Id.Value);
            return false;
        }

        var known = Prove(attempted, item);
        if (!known.Erasing)
            IoFailure.UnlessFull(() => MetadataFile.Write(pool.TrashPath, known with { Erasing = true }));
        return true;
    }

    public void EndErase(TrashRecord item) => MetadataFile.Remove(pool.TrashPath, item.Id.Value);

    private TrashRecord Prove(string attempted, TrashRecord item) =>
        Find(item.Id) is { } known && known.Volume.Id == item.Volume.Id && known.Volume.CreatedAt == item.Volume.CreatedAt
            ? known
            : throw Unproved(attempted, DataOf(item.Id));

    private static bool Exists(string path) => FileStatus.Find(path) is not null;

    private static StorageException Begun(string attempted) => new(
        StorageError.FailedPrecondition, $"{attempted}: its erasure was begun", "restore it from a backup; nothing else brings it back");

    private static StorageException Unproved(string attempted, string path) => new(
        StorageError.DataLoss, $"{attempted}: {path} exists without the metadata that would prove whose it is",
        "nothing was touched: restore its .json file, or move it away after a look at it");

    private static StorageException Missing(string attempted, string path) => new(
        StorageError.DataLoss, $"{attempted}: {path} is missing", "see who removed it; else restore it from a backup");
}
