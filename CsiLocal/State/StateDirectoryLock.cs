using System.Globalization;
using System.Text;
using CsiLocal.Native;
using CsiLocal.Volumes;
using Microsoft.Win32.SafeHandles;

namespace CsiLocal.State;

/// <summary>Holds a state directory for one process. The kernel releases it when the process ends, however it ends.</summary>
/// <remarks>The file stays when the lock goes: removing it would let two processes lock two files of the same name.</remarks>
internal sealed class StateDirectoryLock : IDisposable
{
    public const string FileName = "lock";

    private readonly SafeFileHandle _file;

    private StateDirectoryLock(SafeFileHandle file) => _file = file;

    /// <summary>As <see cref="Acquire"/>, within half a second: the lock of a daemon that just ended may live on for a moment in a child that was about to run a command.</summary>
    public static async Task<StateDirectoryLock> AcquireAsync(string stateDirectory, TimeProvider clock, CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return Acquire(stateDirectory);
            }
            catch (StorageException e) when (e.Error == StorageError.FailedPrecondition && tries < 10)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), clock, cancellationToken);
            }
        }
    }

    /// <summary>Takes the lock, at once or not at all. Makes the folder where it is missing.</summary>
    /// <exception cref="StorageException">
    /// <see cref="StorageError.FailedPrecondition"/>: another process has it, named by its pid.
    /// <see cref="StorageError.Unavailable"/>: the folder or the file cannot be made.
    /// </exception>
    public static StateDirectoryLock Acquire(string stateDirectory)
    {
        StateFile.EnsureFolder(stateDirectory);
        var path = Path.Combine(stateDirectory, FileName);
        SafeFileHandle? file = null;
        try
        {
            file = FileLock.Open(path);
            if (!FileLock.TryLock(file))
            {
                throw new StorageException(
                    StorageError.FailedPrecondition, $"lock state directory {stateDirectory}: {ReadHolder(file)} is using it",
                    "stop that instance first, or give this one a directory of its own with --state-dir");
            }

            RandomAccess.SetLength(file, 0);
            RandomAccess.Write(file, Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}\n")), 0);
            return new StateDirectoryLock(file);
        }
        catch (IOException e)
        {
            file?.Dispose();
            throw new StorageException(
                StorageError.Unavailable, $"lock state directory {stateDirectory}: {e.Message}",
                "check that it is mounted read-write, has free space and belongs to the user that runs csilocal", e);
        }
        catch
        {
            file?.Dispose();
            throw;
        }
    }

    public void Dispose() => _file.Dispose();

    private static string ReadHolder(SafeFileHandle file)
    {
        Span<byte> text = stackalloc byte[16];
        var length = RandomAccess.Read(file, text, 0);
        return int.TryParse(Encoding.ASCII.GetString(text[..length]).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var pid)
            ? $"another csilocal (process {pid})"
            : "another csilocal that is just starting";
    }
}
