using CsiLocal.Native;

namespace CsiLocal.Backends.Directories;

/// <summary>Puts a directory and all that is in it into a quota project: what is there already inherits nothing.</summary>
/// <remarks>
/// Directories and regular files only, as xfs_quota(8) does: the others take no blocks worth counting, and opening them may do things.
/// The caller has proved that nobody uses the tree and that nothing is mounted in it. May be repeated.
/// </remarks>
internal static class ProjectTree
{
    /// <param name="root">The directory.</param>
    /// <param name="project">0: out of any.</param>
    /// <param name="cancellationToken">Stops it half-way.</param>
    public static void Assign(string root, uint project, CancellationToken cancellationToken) => Walk(
        root,
        path =>
        {
            using var directory = DirectoryDescriptor.Open(path);
            if (project == 0)
                ProjectQuotaControl.Clear(directory);
            else
                ProjectQuotaControl.Assign(directory, project);
        },
        path => ProjectQuotaControl.AssignFile(path, project),
        cancellationToken);

    /// <summary>Visits each directory, root first, and each regular file; follows no symbolic link and stays on the root's file system.</summary>
    internal static void Walk(string root, Action<string> onDirectory, Action<string> onFile, CancellationToken cancellationToken)
    {
        var device = FileStatus.Find(root)?.Device;
        var open = new Stack<string>([root]);
        while (open.TryPop(out var folder))
        {
            cancellationToken.ThrowIfCancellationRequested();
            onDirectory(folder);
            foreach (var path in Directory.EnumerateFileSystemEntries(folder))
            {
                if (FileStatus.Find(path) is not { } status || status.Device != device)
                    continue;
                if (status.IsDirectory)
                    open.Push(path);
                else if (status.IsRegular)
                    onFile(path);
            }
        }
    }
}
