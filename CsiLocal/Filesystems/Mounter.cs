using CsiLocal.Native;
using CsiLocal.Tools;
using CsiLocal.Volumes;

namespace CsiLocal.Filesystems;

/// <summary>Mounts and unmounts, and proves by the mount table that it is so. Never lazily, never by force.</summary>
internal sealed class Mounter(ICommandRunner commands)
{
    // Replaying a journal, and writing back on the last unmount, take as long as the disk does.
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(10);

    private const int BusyTries = 5;
    private static readonly TimeSpan BusyPause = TimeSpan.FromMilliseconds(40);

    /// <summary>Mounts the file system of a device. One process. Not idempotent: it stacks on what is mounted there.</summary>
    /// <param name="operation">Operation and id, for messages: "stage volume v…".</param>
    /// <param name="device">The attached device.</param>
    /// <param name="target">Where to.</param>
    /// <param name="type">Its file system: nothing is guessed.</param>
    /// <param name="flags">As <see cref="MountFlags.Parse"/> gave them, and <c>ro</c> where it is to be read-only.</param>
    /// <param name="cancellationToken">Ends it; whether it is mounted then has to be looked up.</param>
    /// <exception cref="StorageException">
    /// <see cref="StorageError.Internal"/>: mount failed. <see cref="StorageError.DataLoss"/>: something else appeared there; it was unmounted again.
    /// </exception>
    public async Task MountDeviceAsync(
        string operation,
        Attachment device,
        SafePath target,
        FilesystemType type,
        IReadOnlyList<string> flags,
        CancellationToken cancellationToken)
    {
        // --no-canonicalize: the target is a descriptor's path, so that nobody can put something else in its place meanwhile.
        // --internal-only: no mount.TYPE helper from anywhere.
        List<string> arguments = ["--no-canonicalize", "--internal-only", "-t", type.ToString().ToLowerInvariant()];
        if (flags.Count > 0)
            arguments.AddRange(["-o", string.Join(',', flags)]);
        arguments.AddRange(["--", device.Path, target.PathForOthers]);

        var output = await commands.RunAsync(new ToolCommand("mount", arguments) { Timeout = Timeout }, cancellationToken);
        if (!output.Succeeded)
            throw MountFailed(operation, device.Path, target, output);

        var mount = MountTable.Read().FindAt(target.RealPath);
        if (mount is null || !mount.IsOn(device.DeviceNumber) || mount.Root != "/")
            await UndoAsync(operation, target, $"{device.Path} was mounted, but the mount table shows {Shown(mount)}", cancellationToken);
    }

    /// <summary>Shows a folder, a file or a device node at a second path. No process. Not idempotent: it stacks.</summary>
    /// <param name="operation">Operation and id, for messages: "publish volume v…".</param>
    /// <param name="source">What to show: the staging path, a volume's folder, or its device node.</param>
    /// <param name="target">Where: a folder for a folder, a file for anything else.</param>
    /// <param name="flags">As <see cref="MountFlags.Parse"/> gave them, and <c>ro</c> where it is to be read-only; those of the file system say nothing here.</param>
    /// <param name="cancellationToken">For undoing.</param>
    /// <exception cref="StorageException">As <see cref="MountDeviceAsync"/>.</exception>
    public async Task BindAsync(
        string operation, string source, SafePath target, IReadOnlyList<string> flags, CancellationToken cancellationToken)
    {
        var before = FileStatus.Find(source)
            ?? throw new StorageException(StorageError.FailedPrecondition, $"{operation}: {source} does not exist", "stage the volume first");
        var attributes = AttributesOf(flags);
        try
        {
            BindMount.Make(source, target.Handle, attributes);
        }
        catch (NativeException e)
        {
            throw Vanished(operation, target) ?? new StorageException(
                StorageError.Internal, $"{operation}: {source} could not be bound to {target.Path}: {e.Message}", RemedyForBind(e), e);
        }

        // A device and inode name one thing on this host; a btrfs subvolume has a device number of its own in them.
        var mount = MountTable.Read().FindAt(target.RealPath);
        var after = FileStatus.Find(target.RealPath);
        var same = after is { } now && (now.Device, now.Inode, now.DeviceNumber) == (before.Device, before.Inode, before.DeviceNumber);
        if (mount is null || !same || (attributes.HasFlag(MountAttributes.ReadOnly) && !mount.HasOption("ro")))
            await UndoAsync(operation, target, $"{source} was bound, but the mount table shows {Shown(mount)}", cancellationToken);
    }

    /// <summary>Shows a block device's node at a second path: the node itself, where the attached path is udev's symlink to it.</summary>
    /// <inheritdoc cref="BindAsync"/>
    public Task BindDeviceAsync(
        string operation, Attachment device, SafePath target, IReadOnlyList<string> flags, CancellationToken cancellationToken)
    {
        var node = File.ResolveLinkTarget(device.Path, returnFinalTarget: true)?.FullName ?? device.Path;
        return FileStatus.Find(node) is { IsBlockDevice: true } status && status.DeviceNumber == device.DeviceNumber
            ? BindAsync(operation, node, target, flags, cancellationToken)
            : throw new StorageException(
                StorageError.FailedPrecondition,
                $"{operation}: {node} is not the device {FileStatus.NameOf(device.DeviceNumber)} any more",
                "try again; if it stays so, see whether udev runs");
    }

    /// <summary>Unmounts what is topmost at a path. Success where nothing is mounted. One process, none where nothing is mounted.</summary>
    /// <param name="operation">Operation and id, for messages.</param>
    /// <param name="path">As in the mount table (<see cref="SafePath.RealPath"/>).</param>
    /// <param name="cancellationToken">Ends it; whether it is mounted then has to be looked up.</param>
    /// <exception cref="StorageException"><see cref="StorageError.FailedPrecondition"/>: it is in use, by whom is said; it stays mounted.</exception>
    public async Task UnmountAsync(string operation, string path, CancellationToken cancellationToken)
    {
        var stacked = MountTable.Read().CountAt(path);
        if (stacked == 0)
            return;

        var command = new ToolCommand("umount", "--no-canonicalize", "--internal-only", "--", path) { Timeout = Timeout };
        for (var tries = 1; ; tries++)
        {
            var output = await commands.RunAsync(command, cancellationToken);

            // The table decides: somebody else may have unmounted it in between.
            if (MountTable.Read().CountAt(path) < stacked)
                return;

            if (!output.StandardError.Contains("busy", StringComparison.Ordinal))
                throw new StorageException(StorageError.Internal, $"{operation}: {path} could not be unmounted: {output.Summary}");

            var holders = MountHolders.Describe(path);
            if (holders.Length > 0 || tries == BusyTries)
            {
                throw new StorageException(
                    StorageError.FailedPrecondition,
                    $"{operation}: {path} is in use{(holders.Length == 0 ? "" : $" by {holders}")}",
                    "end what uses it; it will not be unmounted by force");
            }

            // Held for an instant only: by a reading of the volume's size, or by a child that has yet to run its program.
            await Task.Delay(BusyPause, cancellationToken);
        }
    }

    /// <summary>What of the flags each mount has by itself (<see cref="MountFlags.PerMount"/>).</summary>
    private static MountAttributes AttributesOf(IEnumerable<string> flags) =>
        flags.Aggregate(MountAttributes.None, static (all, flag) => all | flag switch
        {
            "ro" => MountAttributes.ReadOnly,
            "nosuid" => MountAttributes.NoSuid,
            "nodev" => MountAttributes.NoDevices,
            "noexec" => MountAttributes.NoExec,
            "noatime" => MountAttributes.NoAccessTime,
            "strictatime" => MountAttributes.StrictAccessTime,
            "nodiratime" => MountAttributes.NoFolderAccessTime,
            "nosymfollow" => MountAttributes.NoSymlinkFollow,

            // relatime is what a mount has anyway; all else belongs to the file system, which is mounted already.
            _ => MountAttributes.None,
        });

    private async Task UndoAsync(string operation, SafePath target, string fact, CancellationToken cancellationToken)
    {
        var message = $"{operation}: {fact} at {target.Path}";
        try
        {
            await UnmountAsync(operation, target.RealPath, cancellationToken);
        }
        catch (StorageException e)
        {
            throw new StorageException(
                StorageError.DataLoss, $"{message}, and that could not be undone: {e.Message}", "find out who else mounts there, and unmount by hand", e);
        }

        throw new StorageException(StorageError.DataLoss, $"{message}; it was unmounted again", "find out who else mounts there");
    }

    private static string Shown(MountEntry? mount) => mount is null ? "nothing" : $"{mount.Source}{(mount.Root == "/" ? "" : $"[{mount.Root}]")} ({mount.Filesystem})";

    private static StorageException MountFailed(string operation, string device, SafePath target, ToolOutput output) =>
        Vanished(operation, target) ?? new StorageException(
            StorageError.Internal,
            $"{operation}: {device} could not be mounted at {target.Path}: {output.Summary.Replace(target.PathForOthers, target.Path, StringComparison.Ordinal)}",
            "see dmesg for what the kernel says of it");

    /// <summary>Why it failed where the target was taken away while it was mounted on, as an unmount of the same path does; null where it is there.</summary>
    private static StorageException? Vanished(string operation, SafePath target) =>
        FileStatus.Find(target.Path) is { } now && (now.Device, now.Inode) == (target.Status.Device, target.Status.Inode)
            ? null
            : new StorageException(StorageError.Aborted, $"{operation}: somebody removed {target.Path} meanwhile", "repeat the call");

    private static string? RemedyForBind(NativeException e) => e.ErrorNumber switch
    {
        Errno.NoSystemCall => "the kernel is older than Linux 5.12: update it",
        Errno.NotPermitted => "run the driver as root with CAP_SYS_ADMIN in the host's mount namespace",
        _ => null,
    };
}
