using CsiLocal.Filesystems;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Brings a mounted btrfs to rest while LVM cuts a snapshot below it.</summary>
/// <remarks>
/// For ext4 and xfs the kernel does so itself when LVM suspends the device (dm.c, lock_fs). btrfs does not hear of that: until
/// Linux 6.17 it does not name itself as the holder of its devices. Its snapshot would lack what was written in the last
/// half minute, and have a log to replay, which before Linux 6.7 cannot be done while the source is mounted.
/// </remarks>
internal sealed class BtrfsRest(VolumeGroup group, TimeProvider time)
{
    // A workload notices. What takes longer gets a snapshot like that of a power cut, which btrfs recovers from.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly FrozenFilesystem _frozen = new(Limit, time);

    /// <summary>Runs <paramref name="cut"/>, with the source's btrfs frozen where it is mounted and lets itself be frozen.</summary>
    /// <param name="attempted">Operation and id, for messages.</param>
    /// <param name="source">What is cut.</param>
    /// <param name="progress">Remembers the freeze, so that a restart thaws it.</param>
    /// <param name="cut">Awaits what it is given when lvm's turn has come, and then runs lvm: nothing is frozen in a queue.</param>
    /// <param name="cancellationToken">Ends the wait for the freeze.</param>
    public async Task DuringAsync(
        string attempted, LogicalVolume source, ICopyProgress progress, Func<Func<Task>, Task> cut, CancellationToken cancellationToken)
    {
        if (group.DeviceOf(source) is not { OpenCount: > 0 } device || FindMount(device.DeviceNumber) is not { } path)
        {
            await cut(static () => Task.CompletedTask);
            return;
        }

        var turn = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        var settled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var freezing = FreezeAsync();
        try
        {
            await cut(HasTurnAsync);
        }
        finally
        {
            turn.TrySetResult(false);
            done.SetResult();
            await freezing;
        }

        // Only so long: a file system on a full thin pool cannot be written back, and what would grow the pool waits for its turn, too.
        Task HasTurnAsync()
        {
            turn.SetResult(true);
            return Task.WhenAny(settled.Task, Task.Delay(Limit, time, cancellationToken));
        }

        async Task FreezeAsync()
        {
            try
            {
                if (await turn.Task)
                    await _frozen.DuringAsync(attempted, path, [device.DeviceNumber], progress, UntilDoneAsync, CancellationToken.None);
            }
            catch (StorageException e) when (e.Error == StorageError.FailedPrecondition)
            {
                // It cannot be written back in time, or somebody else has frozen it: the snapshot is one of a moment all the same.
            }
            finally
            {
                settled.TrySetResult();
            }
        }

        Task UntilDoneAsync()
        {
            settled.SetResult();
            return Task.WhenAny(done.Task, Task.Delay(Limit, time, CancellationToken.None));
        }
    }

    private static string? FindMount(ulong deviceNumber)
    {
        foreach (var mount in MountTable.Read().OfDevice(deviceNumber))
        {
            if (mount is { Filesystem: "btrfs", IsReadOnly: false })
                return mount.Path;
        }

        return null;
    }
}
