using CsiLocal.Native;
using CsiLocal.Tools;
using CsiLocal.Volumes;

namespace CsiLocal.Filesystems;

/// <summary>Gives the file system of a copied volume a UUID of its own, so that it can be mounted beside its source.</summary>
/// <param name="commands">Runs the tools.</param>
/// <param name="mounter">Mounts it once, where its log has to be replayed.</param>
/// <param name="workFolder">A private folder of the driver, for that mount.</param>
internal sealed class UuidChanger(ICommandRunner commands, Mounter mounter, string workFolder)
{
    // btrfstune writes every metadata block again.
    private static readonly TimeSpan Timeout = TimeSpan.FromHours(1);

    private readonly FilesystemCheck _check = new(commands);

    /// <summary>Changes the UUID of the file system on an attached device that is not mounted; its source may be. Idempotent, and finishes what was interrupted.</summary>
    /// <exception cref="StorageException">
    /// <see cref="StorageError.DataLoss"/>: the device does not carry a file system of this type, or it is damaged.
    /// <see cref="StorageError.FailedPrecondition"/>: it is mounted, or its log cannot be replayed while its source is.
    /// <see cref="StorageError.Internal"/>: the tool failed.
    /// </exception>
    public async Task ChangeAsync(
        string operation, Attachment attachment, FilesystemType type, Guid uuid, CancellationToken cancellationToken)
    {
        var found = Find(operation, attachment, type);
        if (IsDone(found, attachment, uuid))
            return;

        await RequireUnmountedAsync(operation, attachment, cancellationToken);
        var said = type switch
        {
            FilesystemType.Ext4 => await ChangeExt4Async(operation, found, attachment, uuid, cancellationToken),
            FilesystemType.Xfs => await ChangeXfsAsync(operation, attachment, uuid, cancellationToken),
            FilesystemType.Btrfs => await ChangeBtrfsAsync(operation, found, attachment, uuid, cancellationToken),
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
        };

        // The tools' exit codes are not enough: xfs_admin 6.1 returns 0 where it refuses.
        var after = Find(operation, attachment, type);
        if (!IsDone(after, attachment, uuid))
        {
            throw new StorageException(
                StorageError.Internal,
                $"{operation}: the file system on {attachment.Path} has UUID {after.Uuid} and could not be given {uuid} ({said.Summary})",
                "try again; see dmesg for errors of the disk");
        }
    }

    private async Task<ToolOutput> ChangeExt4Async(
        string operation, Superblock found, Attachment attachment, Guid uuid, CancellationToken cancellationToken)
    {
        // A copy of a mounted file system has its journal to replay. Where the group descriptors' checksums have to be made anew, tune2fs asks for more.
        if (found.HasGroupChecksumsOnly)
            await _check.CheckExt4Async(operation, attachment, cancellationToken);
        else
            await _check.RepairAsync(operation, attachment, FilesystemType.Ext4, cancellationToken);

        // With a seed of their own (Linux 4.4) the checksums outlive the UUID: only superblocks are written, the primary one last, so that an
        // interruption leaves nothing half done. Without it every block of metadata would be written again.
        IReadOnlyList<string> seed = found.HasChecksumsOfUuid ? ["-O", "metadata_csum_seed"] : [];
        return await RunAsync(new ToolCommand("tune2fs", [.. seed, "-U", uuid.ToString(), attachment.Path]), cancellationToken);
    }

    private async Task<ToolOutput> ChangeXfsAsync(string operation, Attachment attachment, Guid uuid, CancellationToken cancellationToken)
    {
        // Without a mount at first: xfs_admin puts the new UUID into the log before all else, and what is interrupted then does not mount
        // until xfs_admin has finished.
        var command = new ToolCommand("xfs_admin", "-U", uuid.ToString(), attachment.Path);
        var output = await RunAsync(command, cancellationToken);
        if (IsDone(Find(operation, attachment, FilesystemType.Xfs), attachment, uuid))
            return output;

        // It refuses a log that is not empty, as that of a mounted or frozen xfs never is; a mount empties it.
        await ReplayLogAsync(operation, attachment, FilesystemType.Xfs, cancellationToken);
        return await RunAsync(command, cancellationToken);
    }

    private async Task<ToolOutput> ChangeBtrfsAsync(
        string operation, Superblock found, Attachment attachment, Guid uuid, CancellationToken cancellationToken)
    {
        // -u goes on with what was interrupted, to the UUID that is in the superblock already; -U would refuse that as "not unique".
        if (found.IsChangingUuid)
        {
            var finished = await RunAsync(new ToolCommand("btrfstune", "-f", "-u", attachment.Path), cancellationToken);
            if (found.Uuid == uuid)
                return finished;
        }

        // btrfstune ignores the log and makes a transaction, after which the log could not be replayed any more.
        else if (found.HasLog)
        {
            await ReplayLogAsync(operation, attachment, FilesystemType.Btrfs, cancellationToken);
        }

        // -U and not -M, which is quicker: interrupted between its two writes, -M leaves what btrfs-progs 6.2 cannot finish and Linux 6.7 refuses to
        // mount, and it keeps the source's UUID inside. -f answers its question.
        return await RunAsync(new ToolCommand("btrfstune", "-f", "-U", uuid.ToString(), attachment.Path), cancellationToken);
    }

    /// <summary>Undoes a mount that a killed run of this left; refuses any other.</summary>
    private async Task RequireUnmountedAsync(string operation, Attachment attachment, CancellationToken cancellationToken)
    {
        foreach (var mount in MountTable.Read().OfDevice(attachment.DeviceNumber))
        {
            // The name is enough: nobody else has folders called so, and the state directory may be reached by a symlink.
            if (Path.GetFileName(mount.Path) != Path.GetFileName(FolderFor(attachment)))
            {
                throw new StorageException(
                    StorageError.FailedPrecondition,
                    $"{operation}: {attachment.Path} is mounted at {mount.Path}, so the UUID of its file system cannot be changed",
                    "unmount it first");
            }

            await mounter.UnmountAsync(operation, mount.Path, cancellationToken);
            Directory.Delete(mount.Path);
        }
    }

    /// <summary>Has the kernel replay the log: one mount, where nobody else looks.</summary>
    private async Task ReplayLogAsync(string operation, Attachment attachment, FilesystemType type, CancellationToken cancellationToken)
    {
        // nouuid: its source, with the same UUID, may be mounted. btrfs copes with that by itself since Linux 6.7, and refuses before.
        string[] flags = type == FilesystemType.Xfs ? ["nouuid", "nosuid", "nodev", "noexec"] : ["nosuid", "nodev", "noexec"];
        Directory.CreateDirectory(workFolder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using (var target = new SafePaths([workFolder], []).OpenOrMake("work folder", FolderFor(attachment), TargetKind.Folder))
        {
            try
            {
                await mounter.MountDeviceAsync(operation, attachment, target, type, flags, cancellationToken);
            }
            catch (StorageException e) when (type == FilesystemType.Btrfs && e.Message.Contains("File exists", StringComparison.Ordinal))
            {
                throw new StorageException(
                    StorageError.FailedPrecondition,
                    $"{operation}: the log of the btrfs on {attachment.Path} cannot be replayed while its source is mounted",
                    "unmount the source until this volume is staged, or use Linux 6.7 or newer",
                    e);
            }

            await mounter.UnmountAsync(operation, target.RealPath, cancellationToken);
        }

        Directory.Delete(FolderFor(attachment));
    }

    private string FolderFor(Attachment attachment) => Path.Combine(workFolder, $"uuid-{Path.GetFileName(attachment.Path)}");

    /// <summary>Whether nothing of the old UUID is left where the kernel or a repair would look.</summary>
    private static bool IsDone(Superblock found, Attachment attachment, Guid uuid)
    {
        if (found.Uuid != uuid || found.IsChangingUuid)
            return false;
        if (found.Type != FilesystemType.Xfs)
            return true;

        using var device = BlockDevice.Open(attachment.Path);
        return Superblock.ReadXfsCopies(device).All(copy => copy == uuid);
    }

    private static Superblock Find(string operation, Attachment attachment, FilesystemType type) =>
        Superblock.Read(attachment.Path) is { } found && found.Type == type
            ? found
            : throw new StorageException(
                StorageError.DataLoss,
                $"{operation}: {attachment.Path} does not carry the {type.ToString().ToLowerInvariant()} that it was copied from",
                "delete the copy and make it again");

    private Task<ToolOutput> RunAsync(ToolCommand command, CancellationToken cancellationToken) =>
        commands.RunAsync(command with { Timeout = Timeout }, cancellationToken);
}
