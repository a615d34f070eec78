using CsiLocal.Native;

namespace CsiLocal.Backends.Directories;

/// <summary>How a directory with all that is in it is made, copied and removed: as a btrfs subvolume, or as a plain directory.</summary>
internal interface IDirectoryTree
{
    /// <summary>A copy is made by the file system in constant time, of a consistent state, whoever writes meanwhile.</summary>
    bool CopiesInstantly { get; }

    /// <summary>Why the directory cannot be one of this pool's ("is a symbolic link"); null where it can.</summary>
    string? Objection(string path, FileStatus status);

    /// <summary>Makes the empty directory, where there is nothing yet.</summary>
    Task CreateAsync(string path, CancellationToken cancellationToken);

    /// <summary>Copies a tree to where there is nothing yet; complete and durable when it returns.</summary>
    /// <param name="source">The directory copied.</param>
    /// <param name="destination">The directory made.</param>
    /// <param name="readOnly">The copy is a snapshot.</param>
    /// <param name="onMade">Called with the destination as soon as it exists, where possible before anything is in it.</param>
    /// <param name="cancellationToken">Stops a copy half-way; what is there of it stays.</param>
    Task CopyAsync(string source, string destination, bool readOnly, Action<string> onMade, CancellationToken cancellationToken);

    /// <summary>Removes the directory with everything in it; follows no symbolic link and crosses no mount. The caller has proved whose it is.</summary>
    Task RemoveAsync(string path, CancellationToken cancellationToken);
}
