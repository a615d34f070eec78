using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Images;

/// <summary>The mounted file system of an image, frozen while its bytes are read.</summary>
internal static class FrozenFilesystem
{
    /// <summary>Runs <paramref name="work"/> under the freeze. The thaw follows whatever happens.</summary>
    /// <param name="attempted">Operation and id, for messages.</param>
    /// <param name="path">Where it is mounted.</param>
    /// <param name="devices">The loop devices of the image: the path must carry one of them, or something else would be frozen.</param>
    /// <param name="progress">Is told before the freeze and after the thaw, so that a restart after a kill knows what to thaw.</param>
    /// <param name="work">Reads the image.</param>
    public static void During(string attempted, string path, IReadOnlyList<LoopStatus> devices, ICopyProgress progress, Action work)
    {
        // Held open, the mount cannot go away between the proof and the freeze.
        using var folder = NativeFile.Open(path, NativeFile.Folder);
        var mounted = FileStatus.Of(folder, path).Device;
        if (!devices.Any(loop => LoopDevices.Measure(loop.Number).DeviceNumber == mounted) && !IsMountedFrom(path, devices))
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"{attempted}: {path} is not where the volume is mounted",
                "stage the volume again, or unmount it before the copy");
        }

        progress.RecordFreeze(path);
        try
        {
            FilesystemFreeze.Freeze(folder, path);
        }
        catch (NativeException e)
        {
            progress.RecordFreeze(null);
            throw e.ErrorNumber == Errno.Busy
                ? new StorageException(
                    StorageError.FailedPrecondition,
                    $"{attempted}: {path} is frozen already",
                    $"thaw it (fsfreeze --unfreeze {path})",
                    e)
                : new StorageException(
                    StorageError.FailedPrecondition,
                    $"{attempted}: {e.Message}",
                    "unmount the volume before the copy",
                    e);
        }

        var held = true;
        try
        {
            work();
        }
        finally
        {
            // A thaw that fails keeps its record: the next start tries again.
            held = FilesystemFreeze.Thaw(folder, path);
            progress.RecordFreeze(null);
        }

        if (!held)
        {
            throw new StorageException(
                StorageError.Aborted,
                $"{attempted}: somebody thawed {path} during the copy, which is therefore not of one moment",
                "try again");
        }
    }

    /// <summary>btrfs shows a device number of its own making: there the mount table says what is mounted.</summary>
    private static bool IsMountedFrom(string path, IReadOnlyList<LoopStatus> devices)
    {
        // proc_pid_mountinfo(5): id parent dev root mountpoint options [tags…] - type source super-options.
        // The last mount on a path is on top.
        var source = File.ReadLines("/proc/self/mountinfo")
            .Select(line => line.Split(' '))
            .Where(fields => fields.Length > 9 && Unescape(fields[4]) == path)
            .Select(fields => Unescape(fields[Array.IndexOf(fields, "-") + 2]))
            .LastOrDefault();
        return devices.Any(loop => loop.Path == source);
    }

    private static string Unescape(string text) =>
        text.Replace("\\040", " ").Replace("\\011", "\t").Replace("\\012", "\n").Replace("\\134", "\\");
}
