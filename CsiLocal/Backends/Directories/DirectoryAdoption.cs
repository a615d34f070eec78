using System.Globalization;
using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Directories;

/// <summary>Takes over directories that others made in the pool's file system, with all that is in them.</summary>
/// <remarks>What is in it is counted before it is moved, so that one that holds more than its limit stays what it is.</remarks>
internal sealed class DirectoryAdoption(PoolFolder pool, string poolName, DirectoryPool kind) : IAdoption
{
    private readonly FolderAdoption _folder = new(pool, poolName, extension: "");

    public Task<AdoptionCandidate> InspectAsync(string attempted, ForeignSource source, CancellationToken cancellationToken) =>
        Task.Run(() => IoFailure.Guard(attempted, () => Inspect(attempted, source, ownProject: null)), cancellationToken);

    public Task<IReadOnlyList<AdoptionCandidate>> ListAsync(string attempted, string? folder, CancellationToken cancellationToken) => Task.Run(
        () => IoFailure.Guard(
            attempted, () => _folder.List(attempted, folder, static status => status.IsDirectory, source => Inspect(attempted, source, ownProject: null))),
        cancellationToken);

    public Task AdoptAsync(string attempted, AdoptionRecord adoption, CancellationToken cancellationToken) => Task.Run(
        () => IoFailure.GuardAsync(attempted, async () =>
        {
            if (!_folder.IsMoved(adoption))
            {
                Inspect(attempted, ForeignSource.Parse(adoption.Source), adoption.Volume.ProjectId);
                var source = Entry(adoption, adoption.Source);
                kind.Quota.AssignTree(source, source.Path, cancellationToken);
                RequireFit(attempted, adoption, source);
                _folder.Move(attempted, adoption);
            }

            // Again after a crash, which may have fallen before it.
            var target = Entry(adoption, _folder.TargetOf(adoption));
            await kind.Quota.LimitAsync(target, target.Path, adoption.Volume.SizeBytes, cancellationToken);
            return true;
        }),
        cancellationToken);

    public Task<bool> IsDoneAsync(string attempted, AdoptionRecord adoption, CancellationToken cancellationToken) =>
        Task.FromResult(IoFailure.Guard(attempted, () => _folder.IsMoved(adoption)));

    public Task ReleaseAsync(string attempted, AdoptionRecord adoption, CancellationToken cancellationToken) => Task.Run(
        () => IoFailure.GuardAsync(attempted, async () =>
        {
            _folder.MoveBack(attempted, adoption);
            var source = Entry(adoption, adoption.Source);
            if (FileStatus.Find(source.Path) is { IsDirectory: true } status && FolderAdoption.Identify(status) == adoption.Identity)
                await kind.Quota.UnassignTreeAsync(source, source.Path, cancellationToken);
            return true;
        }),
        cancellationToken);

    private AdoptionCandidate Inspect(string attempted, ForeignSource source, uint? ownProject)
    {
        var status = _folder.Require(attempted, source);
        if (!status.IsDirectory)
            throw FolderAdoption.Refuse(attempted, "it is no directory", "name a directory, or choose a pool of image files");

        MountUse.Refuse(source.Text, attempted);
        MountUse.RefuseElsewhere(source.Text, attempted);
        if (kind.Tree.Objection(source.Text, status) is { } objection)
        {
            throw FolderAdoption.Refuse(
                attempted, $"it {objection}, and pool '{poolName}' could neither limit nor snapshot it",
                "for a subvolume in its place: btrfs subvolume create NEW, cp -a --reflink=always OLD/. NEW, and adopt NEW");
        }

        if (kind.Quota.ProjectOf(source.Text) is var project && project != 0 && project != ownProject)
        {
            throw FolderAdoption.Refuse(
                attempted, string.Create(CultureInfo.InvariantCulture, $"it belongs to quota project {project}, which is not this driver's"),
                string.Create(CultureInfo.InvariantCulture, $"take it out first: xfs_quota -x -c 'project -C -p {source.Text} {project}' MOUNT, or on ext4 chattr -R -p 0 -P {source.Text}"));
        }

        return new AdoptionCandidate { Source = source, Identity = FolderAdoption.Identify(status) };
    }

    private void RequireFit(string attempted, AdoptionRecord adoption, DirectoryEntry source)
    {
        if (kind.Quota.Measure(source) is { } usage && usage.UsedBytes > adoption.Volume.SizeBytes)
        {
            throw new StorageException(
                StorageError.OutOfRange,
                string.Create(CultureInfo.InvariantCulture, $"{attempted}: it holds {usage.UsedBytes} bytes, more than the {adoption.Volume.SizeBytes} that it is to have"),
                "say a larger --size");
        }
    }

    /// <summary>For the quotas: of a directory that is not in its place yet, too.</summary>
    private static DirectoryEntry Entry(AdoptionRecord adoption, string path) =>
        new(Path.GetDirectoryName(path)!, Path.GetFileName(path), adoption.Volume.ProjectId);
}
