using CsiLocal.Tools;
using CsiLocal.Volumes;

namespace CsiLocal.Filesystems;

/// <summary>Gives the file system of a copied volume a UUID of its own, so that it can be mounted beside its source.</summary>
/// <param name="commands">Runs the tools.</param>
/// <param name="mounter">Mounts an xfs once, to replay its log.</param>
/// <param name="workFolder">A private folder of the driver, for that mount.</param>
internal sealed class UuidChanger(ICommandRunner commands, Mounter mounter, string workFolder)
{
    // btrfstune rewrites every metadata block; e2fsck reads them all.
    private static readonly TimeSpan Timeout = TimeSpan.FromHours(1);

    private readonly FilesystemCheck _check = new(commands);

    /// <summary>Changes the UUID of the file system on an attached device that is not mounted. Idempotent, and finishes what was interrupted.</summary>
    /// <exception cref="StorageException">
    /// <see cref="StorageError.DataLoss"/>: the device does not carry a file system of this type, or it is damaged.
    /// <see cref="StorageError.FailedPrecondition"/>: it is mounted. <see cref="StorageError.Internal"/>: the tool failed.
    /// </exception>
    public async Task ChangeAsync(
        string operation, Attachment attachment, FilesystemType type, Guid uuid, CancellationToken cancellationToken)
    {
        var found = Find(operation, attachment, type);
        if (found.Uuid == uuid && !found.IsChangingUuid)
            return;

        if (MountTable.Read().OfDevice(attachment.DeviceNumber) is [var mount, ..])
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"{operation}: {attachment.Path} is mounted at {mount.Path}, so the UUID of its file system cannot be changed",
                "unmount it first");
        }

        switch (type)
        {
            case FilesystemType.Ext4:
                // A copy of a mounted file system has its journal to replay, and tune2fs asks for a check newer than the last mount.
                await _check.CheckExt4Async(operation, attachment, cancellationToken);
                await RunAsync(operation, new ToolCommand("tune2fs", "-U", uuid.ToString(), attachment.Path), cancellationToken);
                break;
            case FilesystemType.Xfs:
                await ReplayLogAsync(operation, attachment, cancellationToken);
                await RunAsync(operation, new ToolCommand("xfs_admin", "-U", uuid.ToString(), attachment.Path), cancellationToken);
                break;
            case FilesystemType.Btrfs:
                // -U and not -M: the quick way keeps the source's UUID inside (metadata_uuid), by which kernels before 6.7 can take the copy
                // for a device of the mounted source. -f only answers its question.
                await RunAsync(operation, new ToolCommand("btrfstune", "-f", "-U", uuid.ToString(), attachment.Path), cancellationToken);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, null);
        }

        // The tools' exit codes are not enough: xfs_admin has returned 0 without having changed anything.
        var after = Find(operation, attachment, type);
        if (after.Uuid != uuid || after.IsChangingUuid)
        {
            throw new StorageException(
                StorageError.Internal, $"{operation}: the file system on {attachment.Path} still has UUID {after.Uuid} instead of {uuid}");
        }
    }

    private static Superblock Find(string operation, Attachment attachment, FilesystemType type) =>
        Superblock.Read(attachment.Path) is { } found && found.Type == type
            ? found
            : throw new StorageException(
                StorageError.DataLoss,
                $"{operation}: {attachment.Path} does not carry the {type.ToString().ToLowerInvariant()} that it was copied from",
                "delete the copy and make it again");

    /// <summary>xfs_admin refuses a log that is not empty, as every copy of a mounted or frozen file system has; a mount empties it.</summary>
    private async Task ReplayLogAsync(string operation, Attachment attachment, CancellationToken cancellationToken)
    {
        var folder = Path.Combine(workFolder, $"uuid-{Path.GetFileName(attachment.Path)}");
        Directory.CreateDirectory(folder);
        using (var target = new SafePaths([workFolder]).OpenOrMake("work folder", folder, TargetKind.Folder))
        {
            // nouuid: its source, with the same UUID, may be mounted.
            await mounter.MountDeviceAsync(operation, attachment, target, FilesystemType.Xfs, ["nouuid", "nosuid", "nodev", "noexec"], cancellationToken);
            await mounter.UnmountAsync(operation, target.RealPath, cancellationToken);
        }

        Directory.Delete(folder);
    }

    private async Task RunAsync(string operation, ToolCommand command, CancellationToken cancellationToken)
    {
        var output = await commands.RunAsync(command with { Timeout = Timeout }, cancellationToken);
        if (!output.Succeeded)
            throw new StorageException(StorageError.Internal, $"{operation}: {command} failed: {output.Summary}");
    }
}
