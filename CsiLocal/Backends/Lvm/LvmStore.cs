using CsiLocal.Configuration;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Makes, finds and removes the logical volumes of a pool. Neither the inventory alone nor a command's answer is taken for the last word.</summary>
internal sealed class LvmStore(PoolOptions options, VolumeGroup group, ILvmProvisioner provisioner, LvmDevices devices)
{
    /// <summary>The logical volume of that name as a report of this moment has it.</summary>
    public Task<LogicalVolume?> FindFreshAsync(string name, CancellationToken cancellationToken) => FindFreshAsync(group, name, cancellationToken);

    /// <summary>The one that is there, or that <paramref name="make"/> makes. Whose it is, is for the caller to prove.</summary>
    public async Task<LogicalVolume> FindOrMakeAsync(string attempted, string name, Func<Task> make, CancellationToken cancellationToken)
    {
        if (group.Find(name) is { } there)
            return there;

        group.RequireRoom(attempted);
        try
        {
            await make();
        }
        catch (StorageException)
        {
            // It may have been made all the same, or have been there without our knowing; if not, the first failure is what counts.
            if (await TryFindFreshAsync(name) is not { } made)
                throw;
            return made;
        }

        return await RequireMadeAsync(group, attempted, name, cancellationToken);
    }

    /// <summary>The one that a command has just made.</summary>
    public static async Task<LogicalVolume> RequireMadeAsync(VolumeGroup group, string attempted, string name, CancellationToken cancellationToken) =>
        group.Find(name) ?? await FindFreshAsync(group, name, cancellationToken) ?? throw new StorageException(
            StorageError.Internal, $"{attempted}: lvcreate reported success, and {group.Name} has no {name}", "see who else changes the volume group");

    /// <exception cref="StorageException">DataLoss: it is not there.</exception>
    public async Task<LogicalVolume> RequireAsync(string attempted, string name, CancellationToken cancellationToken) =>
        group.Find(name) ?? await FindFreshAsync(name, cancellationToken) ?? throw new StorageException(
            StorageError.DataLoss, $"{attempted}: {group.Name}/{name} is missing",
            $"see who removed or renamed it (lvs -a {group.Name}, vgcfgrestore --list {group.Name}); else restore it from a backup, or delete the volume");

    /// <summary>Removes it. Success where it is gone.</summary>
    /// <param name="prove">Throws unless it is the one that is meant.</param>
    public Task RemoveAsync(string attempted, string name, Action<LogicalVolume> prove, CancellationToken cancellationToken) =>
        RemoveAsync(attempted, name, prove, options.Lvm!.Discard, cancellationToken);

    /// <inheritdoc cref="RemoveAsync(string, string, Action{LogicalVolume}, CancellationToken)"/>
    /// <param name="discard">Tell the disks which blocks it had.</param>
    public async Task RemoveAsync(
        string attempted, string name, Action<LogicalVolume> prove, bool discard, CancellationToken cancellationToken)
    {
        if ((group.Find(name) ?? await FindFreshAsync(name, cancellationToken)) is not { } there)
            return;

        prove(there);
        provisioner.RequireRemovable(there, attempted);
        await devices.WaitUntilClosedAsync(attempted, name, butReadOnly: false, cancellationToken);
        await provisioner.BeforeRemoveAsync(there, discard, cancellationToken);

        // What had it open for writing closes it, and udev looks at it again.
        await devices.WaitUntilClosedAsync(attempted, name, butReadOnly: false, cancellationToken);
        try
        {
            await group.ChangeAsync(
                (found, token) => group.Tool.RemoveAsync(found, name, discard, token), report => InventoryChange.Remove(report, there),
                cancellationToken);
        }
        catch (StorageException)
        {
            if (await TryFindFreshAsync(name) is not null || group.Inventory is null)
                throw;
        }
    }

    /// <summary>lvrename, unless it has that name.</summary>
    public Task RenameAsync(LogicalVolume volume, string newName, CancellationToken cancellationToken) => volume.Name == newName
        ? Task.CompletedTask
        : group.ChangeAsync(
            (found, token) => group.Tool.RenameAsync(found, volume.Name, newName, token),
            report => InventoryChange.Rename(report, volume, newName),
            cancellationToken);

    private static async Task<LogicalVolume?> FindFreshAsync(VolumeGroup group, string name, CancellationToken cancellationToken)
    {
        await group.RefreshAsync(cancellationToken);
        return group.Find(name);
    }

    private async Task<LogicalVolume?> TryFindFreshAsync(string name)
    {
        try
        {
            return await FindFreshAsync(name, CancellationToken.None);
        }
        catch (StorageException)
        {
            // Nothing is known, then; the caller goes by what it knew before.
            return group.Find(name);
        }
    }
}
