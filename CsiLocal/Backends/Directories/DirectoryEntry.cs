namespace CsiLocal.Backends.Directories;

/// <summary>One volume's or snapshot's directory, and the names it has while it is made and while it is removed.</summary>
/// <remarks>
/// The final name only ever belongs to something complete. The other two are temporary by their name (<see cref="MetadataFile"/>
/// passes over them), hold a minted id, and are ours to remove.
/// </remarks>
/// <param name="Folder">The pool's <c>volumes</c> or <c>snapshots</c>.</param>
/// <param name="Id">A minted id, never anything else: it becomes a path.</param>
/// <param name="ProjectId">See <see cref="Volumes.VolumeRecord.ProjectId"/>.</param>
internal sealed record DirectoryEntry(string Folder, string Id, uint? ProjectId)
{
    public string Path => System.IO.Path.Combine(Folder, Id);

    public string UnfinishedPath => System.IO.Path.Combine(Folder, $".{Id}.new.tmp");

    public string RemovedPath => System.IO.Path.Combine(Folder, $".{Id}.removed.tmp");
}
