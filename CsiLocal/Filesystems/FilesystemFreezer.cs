using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Filesystems;

/// <summary>Holds a mounted file system still, with everything on its device.</summary>
/// <remarks>
/// The ioctl and not fsfreeze(8): a freeze has to end within its time whatever happens, and a process more to start is a process
/// more that may not start. Neither can be interrupted while it writes back; here a late freeze is thawed as soon as it succeeds.
/// </remarks>
internal static class FilesystemFreezer
{
    /// <summary>Freezes; false where it was frozen already (by somebody else, who will thaw it).</summary>
    /// <param name="operation">Operation and id, for messages.</param>
    /// <param name="path">A path on the file system.</param>
    /// <param name="limit">How long writing back may take.</param>
    /// <param name="time">The clock of the limit.</param>
    /// <param name="cancellationToken">Ends the wait, like the limit.</param>
    /// <exception cref="StorageException"><see cref="StorageError.FailedPrecondition"/>: not within the limit, or not at all; it is, or will be, running.</exception>
    public static async Task<bool> FreezeAsync(
        string operation, string path, TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        // A thread of its own: it may wait long for the disk.
        var freezing = Task.Factory.StartNew(
            () => Freeze(path), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            return await freezing.WaitAsync(limit, time, cancellationToken);
        }
        catch (NativeException e)
        {
            throw new StorageException(StorageError.FailedPrecondition, $"{operation}: {path} cannot be frozen: {e.Message}", inner: e);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            // Waited for, however long: a freeze that succeeds after its record is gone would hold the file system for good.
            await ThawLaterAsync(freezing, path);
            if (e is OperationCanceledException)
                throw;
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"{operation}: {path} could not be written back within {limit.TotalSeconds:0.#} s",
                "try again when less is being written to it, or raise freezeLimit",
                e);
        }
    }

    /// <summary>Thaws. Success where it is not frozen or not there.</summary>
    public static void Thaw(string operation, string path)
    {
        try
        {
            Thaw(path);
        }
        catch (NativeException e) when (e.ErrorNumber == Errno.NoEntry)
        {
            // Unmounted and gone: a file system cannot be unmounted for good and stay frozen.
        }
        catch (NativeException e)
        {
            throw new StorageException(StorageError.Internal, $"{operation}: {path} could not be thawed: {e.Message}", $"run: fsfreeze -u {path}", e);
        }
    }

    private static bool Freeze(string path)
    {
        using var folder = NativeFile.Open(path, NativeFile.Folder);
        try
        {
            FilesystemFreeze.Freeze(folder, path);
            return true;
        }
        catch (NativeException e) when (e.ErrorNumber == Errno.Busy)
        {
            return false;
        }
    }

    private static void Thaw(string path)
    {
        using var folder = NativeFile.Open(path, NativeFile.Folder);
        FilesystemFreeze.Thaw(folder, path);
    }

    private static async Task ThawLaterAsync(Task<bool> freezing, string path)
    {
        try
        {
            if (await freezing)
                Thaw(path);
        }
        catch (NativeException)
        {
            // The freeze failed after all: there is nothing to thaw.
        }
    }
}
