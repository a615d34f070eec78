using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Volumes;
using Microsoft.Win32.SafeHandles;

namespace CsiLocal.Backends;

/// <summary>The mounted file system of a device, frozen while its bytes are read.</summary>
internal sealed class FrozenFilesystem(TimeSpan limit, TimeProvider time)
{
    /// <summary>Runs <paramref name="work"/> under the freeze. The thaw follows whatever happens.</summary>
    /// <param name="attempted">Operation and id, for messages.</param>
    /// <param name="path">Where it is mounted.</param>
    /// <param name="devices">Numbers of the devices that it may be on: the path must carry one of them, or something else would be frozen.</param>
    /// <param name="progress">Is told before the freeze and after the thaw, so that a restart after a kill knows what to thaw.</param>
    /// <param name="work">Reads the device.</param>
    /// <param name="cancellationToken">Ends the wait for the freeze.</param>
    /// <returns>False where somebody thawed it meanwhile.</returns>
    /// <exception cref="StorageException">FailedPrecondition: it could not be frozen, and <paramref name="work"/> was not run.</exception>
    public async Task<bool> DuringAsync(
        string attempted,
        string path,
        IReadOnlyList<ulong> devices,
        ICopyProgress progress,
        Func<Task> work,
        CancellationToken cancellationToken)
    {
        // Held open, the mount cannot go away between the proof and the freeze.
        using var folder = NativeFile.Open(path, NativeFile.Folder);
        if (!IsOn(folder, path, devices))
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"{attempted}: {path} is not where the volume is mounted",
                "stage the volume again, or unmount it before the copy");
        }

        await FreezeAsync(attempted, path, progress, cancellationToken);
        try
        {
            await work();
        }
        catch
        {
            Thaw(folder, path, progress);
            throw;
        }

        return Thaw(folder, path, progress);
    }

    private static bool Thaw(SafeFileHandle folder, string path, ICopyProgress progress)
    {
        // A thaw that fails throws before its record is cleared: undoing the copy, and the next start, try again.
        var held = FilesystemFreeze.Thaw(folder, path);
        progress.RecordFreeze(null);
        return held;
    }

    private async Task FreezeAsync(string attempted, string path, ICopyProgress progress, CancellationToken cancellationToken)
    {
        var isFrozen = false;
        progress.RecordFreeze(path);
        try
        {
            isFrozen = await FilesystemFreezer.FreezeAsync(attempted, path, limit, time, cancellationToken);
        }
        finally
        {
            if (!isFrozen)
                progress.RecordFreeze(null);
        }

        if (!isFrozen)
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"{attempted}: {path} is frozen already, by somebody else",
                $"thaw it (fsfreeze --unfreeze {path}) when that is done");
        }
    }

    private static bool IsOn(SafeFileHandle folder, string path, IReadOnlyList<ulong> devices)
    {
        var mounted = FileStatus.Of(folder, path).Device;
        var entry = MountTable.Read().FindAt(path);
        foreach (var number in devices)
        {
            if (number == mounted || entry?.IsOn(number) == true)
                return true;
        }

        return false;
    }
}
