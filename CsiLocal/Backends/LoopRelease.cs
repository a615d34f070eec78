using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends;

/// <summary>Takes loop devices away from what they stand before.</summary>
internal static class LoopRelease
{
    // Somebody (udev's blkid, a scan of the same kind as ours) may hold a device open for an instant when it is detached.
    public static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);
    public const int Steps = 100;

    /// <summary>Frees the device, and waits until it is free.</summary>
    /// <param name="id">Of the volume or snapshot, for messages.</param>
    /// <exception cref="StorageException"><see cref="StorageError.FailedPrecondition"/>: somebody uses it.</exception>
    public static async Task DetachAsync(string id, LoopStatus loop, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!LoopDevices.TryClear(loop.Number))
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"detach {id}: {loop.Path} is mounted or claimed by another driver",
                $"unmount it first (findmnt --source {loop.Path}; ls /sys/block/loop{loop.Number}/holders)");
        }

        for (var step = 0; IsStillBefore(loop); step++)
        {
            if (step == Steps)
            {
                throw new StorageException(
                    StorageError.FailedPrecondition,
                    $"detach {id}: a process holds {loop.Path} open; the device lets go of its file when it is closed",
                    $"end that process (fuser -v {loop.Path}) and try again");
            }

            await Task.Delay(Step, time, cancellationToken);
        }
    }

    private static bool IsStillBefore(LoopStatus loop) =>
        LoopDevices.Find(loop.Number) is { } now && (now.BackingDevice, now.BackingInode) == (loop.BackingDevice, loop.BackingInode);
}
