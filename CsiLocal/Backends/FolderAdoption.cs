using System.Globalization;
using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends;

/// <summary>Takes files or directories into the folder of a pool, by one rename(2) within its file system.</summary>
/// <remarks>
/// The metadata come first, and say "ready": with no data yet they describe nothing that could be removed by mistake, and data never lie in
/// the pool without them. What is moved is told from a namesake by its inode's number and birth.
/// </remarks>
/// <param name="pool">Whose folder it is.</param>
/// <param name="poolName">For messages.</param>
/// <param name="extension">What follows the id in the name of the data: ".img", or "" for directories.</param>
internal sealed class FolderAdoption(PoolFolder pool, string poolName, string extension)
{
    private const string Field = "source";

    /// <summary>The object, where it is something that one rename could move into the pool.</summary>
    /// <exception cref="StorageException">NotFound. InvalidArgument: no absolute path, or through a symbolic link. FailedPrecondition: it lies in another file system, or is the pool's own.</exception>
    public FileStatus Require(string attempted, ForeignSource source)
    {
        if (!source.IsPath)
        {
            throw new StorageException(
                StorageError.InvalidArgument, $"{attempted}: pool '{poolName}' lies in {pool.Path}, not in a volume group", "give an absolute path, or name a pool of backend lvm or lvm-thin");
        }

        var path = source.Text;
        string[] own = [pool.VolumesPath, pool.SnapshotsPath, pool.TrashPath];
        if (PathRules.IsWithin(pool.Path, path) || Path.Combine(pool.Path, "pool.json") == path || own.Any(folder => PathRules.IsWithin(path, folder)))
            throw Refuse(attempted, $"it is the pool's own, or holds the pool ({pool.Path})", "name something that others made");

        using var found = new SafePaths([], []).Find(Field, path) ?? throw new StorageException(
            StorageError.NotFound, $"{attempted}: it does not exist, as the daemon sees it", "see what there is: csilocal volume adopt --list FOLDER; in a container, mount the folder into it");
        var mounts = MountTable.Read();
        if (mounts.FindContaining(path)?.Id != mounts.FindContaining(pool.Path)?.Id)
        {
            // rename(2), EXDEV: also between two mounts of one file system.
            throw Refuse(
                attempted, $"it lies on another mount than the pool ({pool.Path}), and only a rename within one leaves the data alone",
                "copy it beside the pool first (cp -a --sparse=always --reflink=auto), or let both lie below one mount of the daemon's");
        }

        return found.Status;
    }

    public static string Identify(FileStatus status) => string.Create(CultureInfo.InvariantCulture, $"{status.Inode}-{status.BornNs}");

    public string TargetOf(AdoptionRecord adoption) => Path.Combine(pool.VolumesPath, adoption.Volume.Id.Value + extension);

    /// <summary>It is in its place by an earlier attempt.</summary>
    public bool IsMoved(AdoptionRecord adoption) => IsAt(TargetOf(adoption), adoption);

    /// <summary>Moves it into the pool. The caller has looked at it.</summary>
    public void Move(string attempted, AdoptionRecord adoption)
    {
        if (!IsAt(adoption.Source, adoption))
            throw new StorageException(StorageError.NotFound, $"{attempted}: it is gone, or another one is in its place", "see who moved it");
        if (FileStatus.Find(TargetOf(adoption)) is not null || (MetadataFile.ReadVolume(pool.VolumesPath, adoption.Volume.Id) is { } known && known.CreatedAt != adoption.Volume.CreatedAt))
            throw new StorageException(StorageError.AlreadyExists, $"{attempted}: there is a volume {adoption.Volume.Id} in the pool already", "adopt it under another name");

        MetadataFile.Write(pool.VolumesPath, adoption.Volume);
        DurableFile.Move(adoption.Source, TargetOf(adoption));
        if (!IsMoved(adoption))
            throw new StorageException(StorageError.Aborted, $"{attempted}: it was replaced while it was being moved", "see who uses it, and try again");
    }

    /// <summary>Moves it back, and removes its metadata.</summary>
    public void MoveBack(string attempted, AdoptionRecord adoption)
    {
        if (IsMoved(adoption))
        {
            if (FileStatus.Find(adoption.Source) is not null)
                throw Refuse(attempted, $"{adoption.Source} has been taken by something else", $"move that away: {TargetOf(adoption)} belongs there");
            DurableFile.Move(TargetOf(adoption), adoption.Source);
        }

        if (MetadataFile.ReadVolume(pool.VolumesPath, adoption.Volume.Id)?.CreatedAt == adoption.Volume.CreatedAt && FileStatus.Find(TargetOf(adoption)) is null)
            MetadataFile.Remove(pool.VolumesPath, adoption.Volume.Id.Value);
    }

    /// <summary>What lies in a folder and is of the kind that the pool has.</summary>
    /// <param name="attempted">For messages.</param>
    /// <param name="folder">null: not given.</param>
    /// <param name="isKind">By type alone; others are passed over.</param>
    /// <param name="inspect">Throws where something stands against it.</param>
    public IReadOnlyList<AdoptionCandidate> List(
        string attempted, string? folder, Func<FileStatus, bool> isKind, Func<ForeignSource, AdoptionCandidate> inspect)
    {
        if (folder is null)
            throw new StorageException(StorageError.InvalidArgument, $"{attempted}: no folder is named", "say where: csilocal volume adopt --list FOLDER");

        PathRules.CheckForm(Field, folder);
        var found = new List<AdoptionCandidate>();
        foreach (var path in Directory.EnumerateFileSystemEntries(folder).Order(StringComparer.Ordinal))
        {
            if (FileStatus.Find(path) is not { } status || !isKind(status) || path == pool.Path)
                continue;

            try
            {
                found.Add(inspect(ForeignSource.Parse(path)));
            }
            catch (StorageException e)
            {
                var source = new ForeignSource(null, Path.GetFileName(path), path);
                found.Add(new AdoptionCandidate
                {
                    Source = source,
                    Identity = Identify(status),
                    SizeBytes = status.IsRegular ? status.SizeBytes : 0,
                    DevicePath = status.IsRegular ? path : null,
                    Problem = e.Describe().Replace($"{attempted}: ", "", StringComparison.Ordinal),
                });
            }
        }

        return found;
    }

    public static StorageException Refuse(string attempted, string fact, string remedy) =>
        new(StorageError.FailedPrecondition, $"{attempted}: {fact}", remedy);

    private static bool IsAt(string path, AdoptionRecord adoption) => FileStatus.Find(path) is { } status && Identify(status) == adoption.Identity;
}
