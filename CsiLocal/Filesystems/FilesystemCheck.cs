using CsiLocal.Tools;
using CsiLocal.Volumes;

namespace CsiLocal.Filesystems;

/// <summary>Makes an unmounted file system fit to be mounted.</summary>
internal sealed class FilesystemCheck(ICommandRunner commands)
{
    // e2fsck of a large file system after a crash reads all of its metadata.
    private static readonly TimeSpan Timeout = TimeSpan.FromHours(1);

    /// <summary>ext4 that was not unmounted cleanly is repaired as far as that is safe; xfs and btrfs see to it when mounted. Starts no process where nothing is to do.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.DataLoss"/>: it has errors that need a person; it was not changed beyond what is safe.</exception>
    public async Task RepairAsync(string operation, Attachment attachment, FilesystemType type, CancellationToken cancellationToken)
    {
        if (type == FilesystemType.Ext4 && Superblock.Read(attachment.Path) is not { IsClean: true })
            await RunAsync(operation, attachment, force: false, cancellationToken);
    }

    /// <summary>Checks an ext4 in full, whatever its superblock says of its state.</summary>
    /// <inheritdoc cref="RepairAsync" path="/exception"/>
    public Task CheckExt4Async(string operation, Attachment attachment, CancellationToken cancellationToken) =>
        RunAsync(operation, attachment, force: true, cancellationToken);

    private async Task RunAsync(string operation, Attachment attachment, bool force, CancellationToken cancellationToken)
    {
        string[] arguments = force ? ["-p", "-f", attachment.Path] : ["-p", attachment.Path];
        var output = await commands.RunAsync(new ToolCommand("e2fsck", arguments) { Timeout = Timeout }, cancellationToken);
        Judge(operation, attachment.Path, output);
    }

    /// <summary>e2fsck(8), EXIT CODE, a sum: 1 corrected, 2 corrected and reboot if it was mounted (it is not), 4 errors left, 8 operational error and up.</summary>
    internal static void Judge(string operation, string device, ToolOutput output)
    {
        if (output.ExitCode < 4)
            return;

        var repair = $"stop what uses the volume, save a copy of its device, then run: e2fsck -f {device}";
        throw (output.ExitCode & 4) != 0
            ? new StorageException(StorageError.DataLoss, $"{operation}: ext4 on {device} has errors that cannot be repaired unattended: {output.Summary}", repair)
            : new StorageException(StorageError.DataLoss, $"{operation}: ext4 on {device} could not be checked: {output.Summary}", $"see dmesg for disk errors; {repair}");
    }
}
