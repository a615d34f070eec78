using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends;

/// <summary>The one translation of a failed system call into a <see cref="StorageException"/> with its remedy.</summary>
internal static class IoFailure
{
    /// <summary>Runs <paramref name="work"/>; what the system refuses comes out as a <see cref="StorageException"/>.</summary>
    /// <param name="attempted">Operation and id: "create volume v…".</param>
    /// <param name="work">What is attempted.</param>
    public static T Guard<T>(string attempted, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Translate(attempted, e);
        }
    }

    public static void Guard(string attempted, Action work) => Guard(attempted, () =>
    {
        work();
        return true;
    });

    /// <inheritdoc cref="Guard{T}(string, Func{T})"/>
    public static async Task<T> GuardAsync<T>(string attempted, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Translate(attempted, e);
        }
    }

    /// <summary>Runs <paramref name="write"/> unless there is no room for it: a full pool must still let go of what fills it.</summary>
    public static void UnlessFull(Action write)
    {
        try
        {
            write();
        }
        catch (IOException e) when (e.HResult is Errno.NoSpace or Errno.QuotaExceeded)
        {
            // The intent is in the state file; the note beside the data only helps where that is lost.
        }
    }

    public static StorageException Translate(string attempted, Exception failure)
    {
        // The runtime's IOExceptions carry the errno as HResult; its special kinds (not found, no access) do not.
        var (error, remedy) = failure switch
        {
            UnauthorizedAccessException => (
                StorageError.Internal,
                "run the driver as root, or look for an immutable flag or a security module"),
            { HResult: Errno.NoSpace } => (StorageError.ResourceExhausted, "free space in the pool's file system or ask for less"),
            { HResult: Errno.QuotaExceeded } => (
                StorageError.ResourceExhausted,
                "the quota of the pool's file system is used up: raise it or ask for less"),
            { HResult: Errno.ReadOnlyFilesystem } => (
                StorageError.Unavailable,
                "the pool's file system is read-only (often after a disk error): see dmesg, repair it and mount it again"),
            { HResult: Errno.Io } => (StorageError.Internal, "the disk below the pool reports errors: see dmesg and the disk's SMART data"),
            { HResult: Errno.Busy } => (StorageError.FailedPrecondition, "something still uses it: look for it with lsof or fuser"),
            { HResult: Errno.SymlinkLoop } => (
                StorageError.FailedPrecondition,
                "a symbolic link lies where the driver keeps its own file: remove it"),
            _ => (StorageError.Internal, (string?)null),
        };
        return new StorageException(error, $"{attempted}: {failure.Message}", remedy, failure);
    }
}
