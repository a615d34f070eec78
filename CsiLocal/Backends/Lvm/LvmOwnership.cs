using CsiLocal.Configuration;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Proves by its tags that a logical volume is what a record means. What cannot be proved is neither used nor removed.</summary>
/// <param name="options">The pool: several may lie in one volume group.</param>
internal sealed class LvmOwnership(PoolOptions options)
{
    /// <summary>Whether a logical volume lies where this pool's volumes lie: in its thin pool, or in none.</summary>
    public bool MayHold(LogicalVolume volume) =>
        volume is { IsPart: false, Attributes.Type: not LvType.ThinPool } && volume.Pool == options.Lvm!.ThinPool;

    /// <summary>The volume that the tags describe, where they say that it is this pool's; null where they do not.</summary>
    /// <exception cref="StorageException">DataLoss: they are ours and cannot be read.</exception>
    public VolumeRecord? Read(string attempted, LogicalVolume volume, VolumeId id)
    {
        if (!MayHold(volume))
            return null;

        try
        {
            return LvTags.ReadVolume(volume) is { } found && IsOfPool(found.Pool) && found.Id == id ? found with { Pool = options.Name } : null;
        }
        catch (FormatException e)
        {
            throw Unreadable(attempted, volume, e);
        }
    }

    /// <inheritdoc cref="Read(string, LogicalVolume, VolumeId)"/>
    public SnapshotRecord? Read(string attempted, LogicalVolume volume, SnapshotId id)
    {
        if (!MayHold(volume))
            return null;

        try
        {
            return LvTags.ReadSnapshot(volume) is { } found && IsOfPool(found.Pool) && found.Id == id ? found with { Pool = options.Name } : null;
        }
        catch (FormatException e)
        {
            throw Unreadable(attempted, volume, e);
        }
    }

    /// <summary>The deleted volume that the tags describe, where they say that it is this pool's; null where they do not.</summary>
    /// <inheritdoc cref="Read(string, LogicalVolume, VolumeId)" path="/exception"/>
    public TrashRecord? ReadTrash(string attempted, LogicalVolume volume)
    {
        if (!MayHold(volume) || !LvTags.IsTrash(volume))
            return null;

        try
        {
            return LvTags.ReadTrash(volume) is { } found && IsOfPool(found.Volume.Pool)
                ? found with { Volume = found.Volume with { Pool = options.Name } }
                : null;
        }
        catch (FormatException e)
        {
            throw Unreadable(attempted, volume, e);
        }
    }

    /// <summary>The record of the tags, which must be those of this very creation.</summary>
    /// <exception cref="StorageException">DataLoss: they are not.</exception>
    public VolumeRecord Prove(string attempted, LogicalVolume volume, VolumeRecord meant)
    {
        var known = Read(attempted, volume, meant.Id) ?? throw Stranger(attempted, volume);
        return known.CreatedAt == meant.CreatedAt ? known : throw Mismatch(attempted, volume, $"made at {known.CreatedAt:O}, not {meant.CreatedAt:O}");
    }

    /// <inheritdoc cref="Prove(string, LogicalVolume, VolumeRecord)"/>
    public SnapshotRecord Prove(string attempted, LogicalVolume volume, SnapshotRecord meant)
    {
        var known = Read(attempted, volume, meant.Id) ?? throw Stranger(attempted, volume);
        return known.CreatedAt == meant.CreatedAt ? known : throw Mismatch(attempted, volume, $"made at {known.CreatedAt:O}, not {meant.CreatedAt:O}");
    }

    /// <summary>The record of a volume that an earlier attempt of the same creation made, finished or not.</summary>
    /// <exception cref="StorageException">DataLoss: it is something else. FailedPrecondition: it is being deleted.</exception>
    public VolumeRecord ProveMade(string attempted, LogicalVolume volume, VolumeRecord wanted)
    {
        var known = Prove(attempted, volume, wanted);
        if (known.State == VolumeState.Deleting)
            throw BeingDeleted(attempted);
        if (known.Name != wanted.Name || known.Access != wanted.Access || !Equals(known.Source, wanted.Source))
            throw Mismatch(attempted, volume, $"it is a {known.Access.ToString().ToLowerInvariant()} volume '{known.Name}' filled from {known.Source?.ToString() ?? "nothing"}");
        return known.State == VolumeState.Creating || volume.SizeBytes >= wanted.SizeBytes
            ? known
            : throw Mismatch(attempted, volume, $"it has {volume.SizeBytes} bytes, {wanted.SizeBytes} were to be made");
    }

    /// <inheritdoc cref="ProveMade(string, LogicalVolume, VolumeRecord)"/>
    public SnapshotRecord ProveMade(string attempted, LogicalVolume volume, SnapshotRecord wanted)
    {
        var known = Prove(attempted, volume, wanted);
        if (known.State == SnapshotState.Deleting)
            throw BeingDeleted(attempted);
        return known.Name == wanted.Name && known.SourceVolume == wanted.SourceVolume
            ? known
            : throw Mismatch(attempted, volume, $"it is a snapshot '{known.Name}' of {known.SourceVolume}");
    }

    /// <summary>What one logical volume is to the pool; null where it is somebody else's business.</summary>
    public FoundObject? Describe(LogicalVolume volume)
    {
        if (!MayHold(volume))
            return null;

        var found = new FoundObject { EntryName = volume.Name, HasData = true };
        var hasOurName = VolumeId.TryParse(volume.Name, out var volumeId);
        var isSnapshot = SnapshotId.TryParse(volume.Name, out var snapshotId);
        var isTrash = TrashId.TryParse(volume.Name, out _);
        if (!LvTags.AreOurs(volume.Tags))
        {
            // The volume group may be full of other people's logical volumes: only a name of our shape concerns us.
            return hasOurName || isSnapshot || isTrash ? found with { Problem = "it has the name of a volume of this driver and none of its tags" } : null;
        }

        try
        {
            if (LvTags.IsTrash(volume))
                return LvTags.ReadTrash(volume) is { } item && IsOfPool(item.Volume.Pool) ? found with { Trash = item } : null;
            if (LvTags.ReadVolume(volume) is { } record)
                return !IsOfPool(record.Pool) ? null : record.Id == volumeId ? found with { Volume = record } : found with { Problem = OtherName(record.Id.Value) };
            if (LvTags.ReadSnapshot(volume) is { } snapshot)
                return !IsOfPool(snapshot.Pool) ? null : snapshot.Id == snapshotId ? found with { Snapshot = snapshot } : found with { Problem = OtherName(snapshot.Id.Value) };
            return null;
        }
        catch (FormatException e)
        {
            return found with { Problem = $"its tags cannot be read: {e.Message}" };
        }
    }

    /// <summary>A thin pool is one pool whatever it is called; thick pools of one volume group are told apart by name.</summary>
    private bool IsOfPool(string pool) => options.Lvm!.ThinPool is not null || pool == options.Name;

    private static string OtherName(string id) => $"its tags describe {id}: was it renamed, or copied with vgimportclone?";

    private string Place(LogicalVolume volume) => $"{options.Lvm!.VolumeGroup}/{volume.Name}";

    private StorageException Stranger(string attempted, LogicalVolume volume) => new(
        StorageError.DataLoss,
        $"{attempted}: {Place(volume)} exists without the tags that would prove that it is this pool's volume",
        $"nothing was touched: look at it (lvs -o +tags {Place(volume)}), then restore its tags or rename it");

    private StorageException Unreadable(string attempted, LogicalVolume volume, FormatException e) => new(
        StorageError.DataLoss,
        $"{attempted}: the tags of {Place(volume)} cannot be read: {e.Message}",
        $"nothing was touched: look at them (lvs -o +tags {Place(volume)})",
        e);

    private StorageException Mismatch(string attempted, LogicalVolume volume, string fact) => new(
        StorageError.DataLoss, $"{attempted}: the tags of {Place(volume)} say otherwise: {fact}", "nothing was touched: find out where that one comes from");

    private static StorageException BeingDeleted(string attempted) => new(
        StorageError.FailedPrecondition, $"{attempted}: its deletion was begun and not finished", "delete it again first");
}
