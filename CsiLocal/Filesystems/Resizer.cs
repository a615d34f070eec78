using CsiLocal.Native;
using CsiLocal.Tools;
using CsiLocal.Volumes;

namespace CsiLocal.Filesystems;

/// <summary>Lets a mounted file system fill its device.</summary>
internal sealed class Resizer(ICommandRunner commands)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(10);

    /// <summary>Grows the file system on <paramref name="attachment"/>, mounted read-write at <paramref name="mountPath"/>, where it does not fill the device. Idempotent; starts no process where nothing is to do.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.Internal"/>: the tool failed; the file system keeps its size.</exception>
    public async Task GrowAsync(
        string operation, Attachment attachment, FilesystemType type, string mountPath, CancellationToken cancellationToken)
    {
        if (FillsDevice(attachment.Path))
            return;

        var command = type switch
        {
            FilesystemType.Ext4 => new ToolCommand("resize2fs", attachment.Path),
            FilesystemType.Xfs => new ToolCommand("xfs_growfs", mountPath),
            FilesystemType.Btrfs => new ToolCommand("btrfs", "filesystem", "resize", "max", mountPath),
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
        };
        if (type == FilesystemType.Ext4 && !ProcessCapabilities.Has(ProcessCapabilities.SysResource))
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"{operation}: the kernel lets only a process with CAP_SYS_RESOURCE grow a mounted ext4, and the driver has it not",
                "give the driver that capability, or unpublish and unstage the volume: the next stage grows it");
        }

        var output = await commands.RunAsync(command with { Timeout = Timeout }, cancellationToken);
        if (!output.Succeeded)
        {
            throw new StorageException(
                StorageError.Internal,
                $"{operation}: {command.Program} could not grow the file system at {mountPath}: {output.Summary}",
                "the device has its new size and the data is untouched: mend the cause and expand again");
        }
    }

    /// <summary>Grows an ext4 before it is mounted, where the driver may not do so afterwards; nothing otherwise. Idempotent.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.Internal"/>: the tool failed.</exception>
    public async Task GrowUnmountedAsync(string operation, Attachment attachment, FilesystemType type, CancellationToken cancellationToken)
    {
        if (type != FilesystemType.Ext4 || ProcessCapabilities.Has(ProcessCapabilities.SysResource) || FillsDevice(attachment.Path))
            return;

        // resize2fs asks for a full check of an unmounted file system.
        await new FilesystemCheck(commands).CheckExt4Async(operation, attachment, cancellationToken);
        var output = await commands.RunAsync(new ToolCommand("resize2fs", attachment.Path) { Timeout = Timeout }, cancellationToken);
        if (!output.Succeeded)
            throw new StorageException(StorageError.Internal, $"{operation}: resize2fs could not grow {attachment.Path}: {output.Summary}");
    }

    /// <summary>True where the file system could not use more of the device than it does. A few reads.</summary>
    /// <remarks>
    /// ext4 keeps its superblock in the page cache that is read here. xfs, and btrfs on newer kernels, write theirs past it: then an old, smaller size may
    /// be seen, the tool is run once more, and finds nothing to do. Sizes only grow, so that it is never the other way round.
    /// </remarks>
    public static bool FillsDevice(string path)
    {
        using var device = BlockDevice.Open(path);
        return Superblock.Read(device) is not { } found || found.Fills(device.SizeBytes);
    }
}
