using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Directories;

/// <summary>Project quotas of xfs and ext4: one project per volume and per snapshot.</summary>
/// <param name="poolPath">A directory on the pool's file system.</param>
internal sealed class ProjectQuota(string poolPath) : IDirectoryQuota
{
    public bool IsHard => true;

    public bool NeedsProjectId => true;

    // The kernel answers statfs on a directory with an inherited project with the project's numbers (xfs_qm_statvfs, ext4_statfs_project).
    public bool ShowsInStatfs => true;

    /// <inheritdoc/>
    public bool IsUnused(uint projectId)
    {
        using var pool = DirectoryDescriptor.Open(poolPath);
        return ProjectQuotaControl.Read(pool, projectId) == default;
    }

    /// <inheritdoc/>
    public Task RefreshAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public void Assign(DirectoryEntry entry, string path)
    {
        var project = ProjectOf(entry);
        using var directory = DirectoryDescriptor.Open(path);
        ProjectQuotaControl.Assign(directory, project);
        if (ProjectQuotaControl.ProjectOf(directory) != project)
            throw new StorageException(StorageError.Internal, $"{path}: the file system did not take project {project}");
    }

    /// <inheritdoc/>
    public void AssignTree(DirectoryEntry entry, string path, CancellationToken cancellationToken) =>
        ProjectTree.Assign(path, ProjectOf(entry), cancellationToken);

    /// <inheritdoc/>
    public Task UnassignTreeAsync(DirectoryEntry entry, string path, CancellationToken cancellationToken)
    {
        if (ProjectOf(path) == ProjectOf(entry))
            ProjectTree.Assign(path, project: 0, cancellationToken);
        return ReleaseAsync(entry, cancellationToken);
    }

    /// <inheritdoc/>
    public uint ProjectOf(string path)
    {
        using var directory = DirectoryDescriptor.Open(path);
        return ProjectQuotaControl.ProjectOf(directory);
    }

    /// <inheritdoc/>
    public Task LimitAsync(DirectoryEntry entry, string path, long sizeBytes, CancellationToken cancellationToken)
    {
        SetLimit(entry, sizeBytes);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public QuotaUsage? Measure(DirectoryEntry entry)
    {
        if (FileStatus.Find(entry.Path) is null)
            return null;

        using var pool = DirectoryDescriptor.Open(poolPath);
        return new QuotaUsage(ProjectQuotaControl.Read(pool, ProjectOf(entry)).UsedBytes, ExclusiveBytes: null);
    }

    /// <inheritdoc/>
    public Task ReleaseAsync(DirectoryEntry entry, CancellationToken cancellationToken)
    {
        SetLimit(entry, 0);
        return Task.CompletedTask;
    }

    private static uint ProjectOf(DirectoryEntry entry) => entry.ProjectId is > 0 and var project
        ? project
        : throw new StorageException(StorageError.Internal, $"{entry.Id}: its record lacks the project id that its pool's quota needs");

    private void SetLimit(DirectoryEntry entry, long sizeBytes)
    {
        using var pool = DirectoryDescriptor.Open(poolPath);
        ProjectQuotaControl.SetLimit(pool, ProjectOf(entry), sizeBytes);
    }
}
