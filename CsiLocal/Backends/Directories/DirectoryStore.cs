using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Directories;

/// <summary>Makes, copies and removes entries so that each step can be repeated after a crash.</summary>
internal sealed class DirectoryStore(DirectoryPool pool)
{
    /// <summary>The directory is there, complete, and can be one of ours.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.DataLoss"/>: something else has its name.</exception>
    public bool Exists(DirectoryEntry entry, string attempted) => IoFailure.Guard(attempted, () =>
    {
        if (FileStatus.Find(entry.Path) is not { } status)
            return false;

        var objection = status switch
        {
            { IsSymlink: true } => "is a symbolic link",
            { IsDirectory: false } => "is not a directory",
            _ => pool.Tree.Objection(entry.Path, status),
        };
        return objection is null
            ? true
            : throw new StorageException(
                StorageError.DataLoss, $"{attempted}: {entry.Path} {objection}", "nothing was touched: look who put it there, and move it away");
    });

    /// <summary>As <see cref="Exists"/>, for what must be there.</summary>
    public void RequireExists(DirectoryEntry entry, string attempted)
    {
        if (!Exists(entry, attempted))
        {
            throw new StorageException(
                StorageError.DataLoss,
                $"{attempted}: {entry.Path} does not exist",
                "look whether the pool's disk is mounted, and restore the directory from a backup");
        }
    }

    /// <summary>Makes an empty directory with its limit.</summary>
    public Task MakeAsync(DirectoryEntry entry, long sizeBytes, CancellationToken cancellationToken) => CompleteAsync(
        entry,
        async path =>
        {
            await pool.Tree.CreateAsync(path, cancellationToken);
            pool.Quota.Assign(entry, path);
            await pool.Quota.LimitAsync(entry, path, sizeBytes, cancellationToken);
        },
        cancellationToken);

    /// <summary>Makes a copy of another directory. A copy that was interrupted starts over.</summary>
    /// <param name="entry">What is made.</param>
    /// <param name="source">The directory copied.</param>
    /// <param name="limitBytes">Its limit; null: none, for a snapshot, which nobody writes to.</param>
    /// <param name="cancellationToken">Stops the copy.</param>
    public Task CopyAsync(DirectoryEntry entry, DirectoryEntry source, long? limitBytes, CancellationToken cancellationToken) => CompleteAsync(
        entry,
        async path =>
        {
            // Limited after the copy: a full source may take a block more in its copy, whose directories are laid out anew.
            await pool.Tree.CopyAsync(source.Path, path, readOnly: limitBytes is null, made => pool.Quota.Assign(entry, made), cancellationToken);
            if (limitBytes is { } limit)
                await pool.Quota.LimitAsync(entry, path, limit, cancellationToken);
        },
        cancellationToken);

    /// <summary>Removes the directory, and what was left of making or removing it. The caller has refused it if mounted.</summary>
    public async Task RemoveAsync(DirectoryEntry entry, string attempted, CancellationToken cancellationToken)
    {
        await RemoveLeftoversAsync(entry, cancellationToken);
        if (Exists(entry, attempted))
        {
            // Renamed first: what is half removed must not be taken for the volume.
            Directory.Move(entry.Path, entry.RemovedPath);
            DurableFile.SyncFolder(entry.Folder);
            await pool.Tree.RemoveAsync(entry.RemovedPath, cancellationToken);
            DurableFile.SyncFolder(entry.Folder);
        }

        await pool.Quota.ReleaseAsync(entry, cancellationToken);
    }

    private async Task CompleteAsync(DirectoryEntry entry, Func<string, Task> make, CancellationToken cancellationToken)
    {
        await RemoveLeftoversAsync(entry, cancellationToken);
        try
        {
            await make(entry.UnfinishedPath);
        }
        catch (StorageException e) when (e.Error == StorageError.ResourceExhausted)
        {
            // A copy that did not fit must not leave the pool full. Whatever else goes wrong is kept, to be looked at.
            await GiveBackAsync(entry, e);
            throw;
        }

        Directory.Move(entry.UnfinishedPath, entry.Path);
        DurableFile.SyncFolder(entry.Folder);
    }

    private async Task GiveBackAsync(DirectoryEntry entry, StorageException failure)
    {
        try
        {
            await RemoveLeftoversAsync(entry, CancellationToken.None);
        }
        catch (StorageException second)
        {
            throw new StorageException(failure.Error, $"{failure.Message}; and what was copied could not be removed: {second.Message}", failure.Remedy, failure);
        }
    }

    private async Task RemoveLeftoversAsync(DirectoryEntry entry, CancellationToken cancellationToken)
    {
        foreach (var path in (string[])[entry.UnfinishedPath, entry.RemovedPath])
        {
            if (FileStatus.Find(path) is null)
                continue;

            MountUse.Refuse(path, $"remove what an earlier attempt left of {entry.Id}");
            await pool.Tree.RemoveAsync(path, cancellationToken);
        }
    }
}
