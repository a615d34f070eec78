using System.Globalization;
using CsiLocal.Native;
using CsiLocal.Tools;

namespace CsiLocal.Backends.Directories;

/// <summary>btrfs quota groups: the kernel keeps one per subvolume.</summary>
/// <remarks>
/// The limit is on referenced bytes: what a clone shares with its source counts in both, as their users would count it. Metadata
/// counts as well, so that a volume holds a little less than its size. The numbers are those of the last commit (30 s at most).
/// </remarks>
/// <param name="commands">Runs btrfs(8).</param>
/// <param name="groups">The file system's folder of quota groups in sysfs.</param>
/// <param name="poolPath">A path on the file system.</param>
internal sealed class BtrfsQuota(DirectoryCommands commands, QuotaGroupFolder groups, string poolPath) : IDirectoryQuota
{
    public bool IsHard => true;

    public bool NeedsProjectId => false;

    public bool ShowsInStatfs => false;

    /// <inheritdoc/>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        // Deleting a large subvolume makes newer kernels give up counting (drop_subtree_threshold, Linux 6.1), until all is counted
        // afresh. That runs in the background; it fails where it is under way already, which is as good.
        if (groups.IsInconsistent)
            await commands.TryRunAsync(new ToolCommand("btrfs", "quota", "rescan", poolPath), cancellationToken);
    }

    /// <inheritdoc/>
    public void Assign(DirectoryEntry entry, string path)
    {
        // The kernel made the group with the subvolume.
    }

    /// <inheritdoc/>
    public void AssignTree(DirectoryEntry entry, string path, CancellationToken cancellationToken)
    {
        // As above.
    }

    /// <inheritdoc/>
    public Task UnassignTreeAsync(DirectoryEntry entry, string path, CancellationToken cancellationToken) =>
        commands.RunAsync(new ToolCommand("btrfs", "qgroup", "limit", "none", path), cancellationToken);

    /// <inheritdoc/>
    public uint ProjectOf(string path) => 0;

    /// <inheritdoc/>
    public Task LimitAsync(DirectoryEntry entry, string path, long sizeBytes, CancellationToken cancellationToken) => commands.RunAsync(
        new ToolCommand("btrfs", "qgroup", "limit", sizeBytes.ToString(CultureInfo.InvariantCulture), path), cancellationToken);

    /// <inheritdoc/>
    public QuotaUsage? Measure(DirectoryEntry entry)
    {
        if (FileStatus.Find(entry.Path) is not { IsDirectory: true })
            return null;

        using var directory = DirectoryDescriptor.Open(entry.Path);
        return groups.Measure(BtrfsControl.SubvolumeId(directory));
    }

    /// <inheritdoc/>
    public Task ReleaseAsync(DirectoryEntry entry, CancellationToken cancellationToken) => RefreshAsync(cancellationToken);
}
