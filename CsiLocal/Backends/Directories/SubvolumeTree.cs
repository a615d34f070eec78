using System.Globalization;
using CsiLocal.Native;
using CsiLocal.Tools;

namespace CsiLocal.Backends.Directories;

/// <summary>btrfs: every volume and snapshot is a subvolume.</summary>
/// <param name="commands">Runs btrfs(8).</param>
/// <param name="filesystem">UUID of the pool's file system.</param>
/// <param name="poolPath">A path on it.</param>
internal sealed class SubvolumeTree(DirectoryCommands commands, Guid filesystem, string poolPath) : IDirectoryTree
{
    public bool CopiesInstantly => true;

    /// <inheritdoc/>
    public string? Objection(string path, FileStatus status)
    {
        if (status.Inode != BtrfsControl.SubvolumeRootInode)
            return "is a plain directory, not a subvolume";

        using var directory = DirectoryDescriptor.Open(path);
        return FilesystemStatus.Of(path).PoolFilesystemName == "btrfs" && BtrfsControl.FilesystemId(directory) == filesystem
            ? null
            : "lies on another file system than the pool: something is mounted over it";
    }

    /// <inheritdoc/>
    public async Task CreateAsync(string path, CancellationToken cancellationToken)
    {
        await commands.RunAsync(new ToolCommand("btrfs", "subvolume", "create", path), cancellationToken);
        PlainTree.SetFreshMode(path);
    }

    /// <inheritdoc/>
    public async Task CopyAsync(string source, string destination, bool readOnly, Action<string> onMade, CancellationToken cancellationToken)
    {
        // No sync first, no freeze: the kernel writes the source's dirty pages out before it takes the snapshot, and commits it
        // before the call returns (create_snapshot, fs/btrfs/ioctl.c).
        string[] mode = readOnly ? ["-r"] : [];
        await commands.RunAsync(new ToolCommand("btrfs", ["subvolume", "snapshot", .. mode, source, destination]), cancellationToken);
        onMade(destination);
    }

    /// <inheritdoc/>
    public async Task RemoveAsync(string path, CancellationToken cancellationToken)
    {
        ulong subvolume;
        IReadOnlyList<ulong> nested;
        using (var directory = DirectoryDescriptor.Open(path))
        {
            subvolume = BtrfsControl.SubvolumeId(directory);
            nested = BtrfsControl.NestedSubvolumes(directory, subvolume);
        }

        // A workload may make subvolumes of its own. They go by number: `btrfs subvolume list` prints names that the workload
        // chose, line breaks included, and a forged line would name another tenant's subvolume. The path given beside the number
        // only says which file system is meant, but must itself be a subvolume.
        foreach (var id in nested)
        {
            var number = id.ToString(CultureInfo.InvariantCulture);
            await commands.RunAsync(new ToolCommand("btrfs", "subvolume", "delete", "--subvolid", number, path), cancellationToken);
        }

        // Committed, or a power cut brings back a subvolume whose metadata file is gone.
        await commands.RunAsync(new ToolCommand("btrfs", "subvolume", "delete", "--commit-after", path), cancellationToken);

        using var pool = DirectoryDescriptor.Open(poolPath);
        foreach (var id in nested)
            BtrfsControl.TryRemoveQuotaGroup(pool, id);
        BtrfsControl.TryRemoveQuotaGroup(pool, subvolume);
    }
}
