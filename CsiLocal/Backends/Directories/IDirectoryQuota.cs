namespace CsiLocal.Backends.Directories;

/// <summary>What a directory holds, in bytes.</summary>
/// <param name="UsedBytes">All that its limit counts.</param>
/// <param name="ExclusiveBytes">Of these, what no other directory shares; null where the file system does not say.</param>
internal readonly record struct QuotaUsage(long UsedBytes, long? ExclusiveBytes);

/// <summary>How a directory's size is limited and counted.</summary>
internal interface IDirectoryQuota
{
    /// <summary>A write beyond the limit fails.</summary>
    bool IsHard { get; }

    /// <summary>Entries need a <see cref="DirectoryEntry.ProjectId"/>.</summary>
    bool NeedsProjectId { get; }

    /// <summary>Nothing in the file system bears this <see cref="DirectoryEntry.ProjectId"/>, and no limit is left of one that did. Starts no process.</summary>
    bool IsUnused(uint projectId) => true;

    /// <summary>statfs on the directory shows the limit and what is used of it.</summary>
    bool ShowsInStatfs { get; }

    /// <summary>Sees to it that the counts can be relied on, or will be soon.</summary>
    Task RefreshAsync(CancellationToken cancellationToken);

    /// <summary>Begins to count what is put into the directory, which is empty or a copy made by the file system.</summary>
    void Assign(DirectoryEntry entry, string path);

    /// <summary>Begins to count a directory that others have filled, with all that is in it. May be repeated.</summary>
    void AssignTree(DirectoryEntry entry, string path, CancellationToken cancellationToken);

    /// <summary>Undoes <see cref="AssignTree"/> and the limit.</summary>
    Task UnassignTreeAsync(DirectoryEntry entry, string path, CancellationToken cancellationToken);

    /// <summary>The quota project that a directory is in; 0: none, or there are none.</summary>
    uint ProjectOf(string path);

    /// <summary>Sets the limit.</summary>
    Task LimitAsync(DirectoryEntry entry, string path, long sizeBytes, CancellationToken cancellationToken);

    /// <summary>What the directory holds; null where nobody counts it, or it does not exist. Starts no process.</summary>
    QuotaUsage? Measure(DirectoryEntry entry);

    /// <summary>Forgets limit and count of a removed directory. Success where there are none.</summary>
    Task ReleaseAsync(DirectoryEntry entry, CancellationToken cancellationToken);
}
