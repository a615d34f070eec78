using CsiLocal.Native;
using CsiLocal.Volumes;
using Microsoft.Win32.SafeHandles;

namespace CsiLocal.Backends.Images;

/// <summary>One image: its path, and the id it stands for in messages.</summary>
internal readonly record struct ImageFile(string Path, string Id)
{
    public const string Extension = ".img";

    public string Name => Id + Extension;

    private string Folder => System.IO.Path.GetDirectoryName(Path)!;

    /// <summary>The image's status, or null where there is none.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.DataLoss"/>: something else bears its name.</exception>
    public FileStatus? Find()
    {
        var status = FileStatus.Find(Path);
        return status is null or { IsRegular: true }
            ? status
            : throw new StorageException(
                StorageError.DataLoss,
                $"image {Id}: {Path} is not a regular file",
                "nothing was touched: find out who put it there");
    }

    /// <exception cref="StorageException"><see cref="StorageError.DataLoss"/>: it is not there.</exception>
    public FileStatus Require() => Find() ?? throw Missing();

    public SafeFileHandle Open(bool readOnly)
    {
        _ = Require();
        return NativeFile.Open(Path, readOnly ? NativeFile.ReadOnly : NativeFile.ReadWrite);
    }

    /// <summary>Makes the file, which must be new, with mode 0600. Its name is durable only after <see cref="MakeDurable"/>.</summary>
    public SafeFileHandle Create() => NativeFile.Open(Path, NativeFile.ReadWrite | NativeFile.Create | NativeFile.Exclusive);

    /// <summary>Content, length and name survive a power cut after this.</summary>
    public void MakeDurable(SafeFileHandle handle)
    {
        RandomAccess.FlushToDisk(handle);
        DurableFile.SyncFolder(Folder);
    }

    /// <summary>Removes the file, durably. Success where there is none.</summary>
    public void Remove()
    {
        if (Find() is null)
            return;
        File.Delete(Path);
        DurableFile.SyncFolder(Folder);
    }

    /// <summary>Gives the open image its length: sparse, or with all blocks allotted.</summary>
    /// <remarks>When blocks run out, what was allotted beyond the old length is given back.</remarks>
    public void Extend(SafeFileHandle handle, long sizeBytes, bool allocate)
    {
        var before = RandomAccess.GetLength(handle);
        if (allocate)
        {
            try
            {
                FileCopy.AllocateBeyondEnd(handle, 0, sizeBytes, Path);
            }
            catch (NativeException)
            {
                // To its own length: frees the blocks beyond the end, and no byte before it.
                RandomAccess.SetLength(handle, before);
                throw;
            }
        }

        if (before < sizeBytes)
            RandomAccess.SetLength(handle, sizeBytes);
    }

    private StorageException Missing() => new(
        StorageError.DataLoss,
        $"image {Id}: {Path} is missing",
        "see whether the pool's disk is mounted; else restore the file from a backup, or delete the volume");
}
