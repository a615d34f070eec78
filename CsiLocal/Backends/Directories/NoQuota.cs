namespace CsiLocal.Backends.Directories;

/// <summary><c>quota: none</c>: sizes are only noted.</summary>
internal sealed class NoQuota : IDirectoryQuota
{
    public bool IsHard => false;

    public bool NeedsProjectId => false;

    public bool ShowsInStatfs => true;

    /// <inheritdoc/>
    public Task RefreshAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public void Assign(DirectoryEntry entry, string path)
    {
    }

    /// <inheritdoc/>
    public void AssignTree(DirectoryEntry entry, string path, CancellationToken cancellationToken)
    {
    }

    /// <inheritdoc/>
    public Task UnassignTreeAsync(DirectoryEntry entry, string path, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public uint ProjectOf(string path) => 0;

    /// <inheritdoc/>
    public Task LimitAsync(DirectoryEntry entry, string path, long sizeBytes, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public QuotaUsage? Measure(DirectoryEntry entry) => null;

    /// <inheritdoc/>
    public Task ReleaseAsync(DirectoryEntry entry, CancellationToken cancellationToken) => Task.CompletedTask;
}
