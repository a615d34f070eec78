using CsiLocal.Configuration;
using CsiLocal.Native;
using CsiLocal.Tools;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Directories;

/// <summary>A pool of directories: btrfs subvolumes, or plain directories of xfs or ext4, with the limit their file system offers.</summary>
/// <remarks>
/// The metadata file is written before the directory and removed after it, so that a directory without one was never made by us.
/// Snapshots of btrfs do not contain subvolumes that a workload made inside its volume: they show as empty directories.
/// </remarks>
internal sealed partial class DirectoryBackend(PoolOptions options, ICommandRunner commands) : IStorageBackend, IVolumeUsage, IProjectIds
{
    // Smaller ones cannot hold even the metadata that btrfs counts for an empty subvolume.
    private const long MinimumBytes = 1 << 20;
    private const long BlockBytes = 4096;

    private readonly PoolFolder _folder = new(options.Name, BackendKind.Directory, options.Path);
    private readonly TrashFolder _trash = new(new PoolFolder(options.Name, BackendKind.Directory, options.Path), extension: "");
    private readonly DirectoryCommands _commands = new(commands);
    private volatile DirectoryPool? _pool;

    public BackendKind Kind => BackendKind.Directory;

    public IAdoption Adoption => new DirectoryAdoption(_folder, options.Name, Pool);

    /// <inheritdoc/>
    public BackendFeatures Features => Pool.Features;

    private DirectoryPool Pool => _pool
        ?? throw new StorageException(StorageError.Unavailable, $"pool {options.Name}: not inspected yet", "try again in a moment");

    private DirectoryStore Store => new(Pool);

    private DirectoryOwnership Ownership => new(Store);

    /// <inheritdoc/>
    public Task<PoolOwner?> ReadOwnerAsync(string? knownIdentity, CancellationToken cancellationToken) => Task.FromResult(_folder.ReadOwner());

    /// <inheritdoc/>
    public Task MarkOwnerAsync(string node, CancellationToken cancellationToken)
    {
        _folder.MarkOwner(node);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<PoolFacts> InspectAsync(string? knownIdentity, CancellationToken cancellationToken)
    {
        var facts = _folder.Inspect(knownIdentity);
        var pool = IoFailure.Guard($"pool {options.Name}", () => DirectoryPool.Probe(options, facts, _commands));
        await pool.Quota.RefreshAsync(cancellationToken);
        _pool = pool;
        return facts;
    }

    /// <inheritdoc/>
    public PoolSpace MeasureSpace(
        IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots, IReadOnlyCollection<TrashRecord> trash)
    {
        var filesystem = IoFailure.Guard($"measure pool {options.Name}", () => FilesystemStatus.Of(options.Path));
        var free = filesystem.AvailableBytes - options.ReserveBytes;
        // Sizes without a limit are no promises: nothing keeps a volume from taking more, or the driver from knowing what it took.
        if (!Pool.Quota.IsHard)
            return new PoolSpace(filesystem.TotalBytes, free, free);

        var promised = volumes.Sum(volume => DirectorySpace.Outstanding(volume, Measure(Entry(volume))))
            + snapshots.Sum(snapshot => DirectorySpace.Outstanding(snapshot, Measure(Entry(snapshot))));
        var extra = (long)((options.Overprovision - 1) * filesystem.TotalBytes);
        return new PoolSpace(
            filesystem.TotalBytes, free, free + extra - promised, trash.Sum(item => MeasureTrash(item, volumes, snapshots)));
    }

    /// <inheritdoc/>
    public bool IsUnused(uint projectId) => IoFailure.Guard($"look for quota id {projectId} in pool {options.Name}", () => Pool.Quota.IsUnused(projectId));

    /// <inheritdoc/>
    public VolumeUsage? MeasureUsage(VolumeRecord volume)
    {
        if (Pool.Quota.ShowsInStatfs || Measure(Entry(volume)) is not { } usage)
            return null;

        var free = FilesystemStatus.Of(options.Path).AvailableBytes;
        return new VolumeUsage(volume.SizeBytes, usage.UsedBytes, Math.Min(free, Math.Max(0, volume.SizeBytes - usage.UsedBytes)));
    }

    /// <inheritdoc/>
    public long RoundUp(long requiredBytes)
    {
        if (requiredBytes > long.MaxValue - BlockBytes)
            throw new StorageException(StorageError.OutOfRange, $"size {requiredBytes}: larger than any file system");
        return Math.Max(MinimumBytes, (requiredBytes + BlockBytes - 1) / BlockBytes * BlockBytes);
    }

    /// <inheritdoc/>
    public async Task<VolumeRecord> CreateAsync(VolumeRecord volume, ICopyProgress progress, CancellationToken cancellationToken)
    {
        var attempted = $"create volume {volume.Id}";
        var wanted = volume with { SizeBytes = RoundUp(volume.SizeBytes) };
        var entry = Entry(wanted);
        if (FindMade(attempted, entry, wanted) is { } made)
            return made;

        WriteMetadata(wanted with { State = VolumeState.Creating });
        if (!Store.Exists(entry, attempted))
            await GuardedAsync(attempted, () => Store.MakeAsync(entry, wanted.SizeBytes, cancellationToken));
        return wanted;
    }

    /// <inheritdoc/>
    public async Task<VolumeRecord> CreateFromAsync(
        VolumeRecord volume, CopySource source, ICopyProgress progress, CancellationToken cancellationToken)
    {
        var attempted = $"create volume {volume.Id} from {IdOf(source)}";
        var wanted = volume with { SizeBytes = RoundUp(volume.SizeBytes) };
        var entry = Entry(wanted);
        if (FindMade(attempted, entry, wanted) is { } found)
            return found;

        if (!Store.Exists(entry, attempted))
        {
            var from = RequireSource(source, attempted);
            WriteMetadata(wanted with { State = VolumeState.Creating });
            await GuardedAsync(attempted, () => Store.CopyAsync(entry, from, wanted.SizeBytes, cancellationToken));
        }

        var made = wanted with { SharedBytes = SharedBytes(entry, progress) };
        WriteMetadata(made with { State = VolumeState.Creating });
        return made;
    }

    /// <inheritdoc/>
    public void RequireUnused(VolumeRecord volume) =>
        IoFailure.Guard($"delete volume {volume.Id}", () => MountUse.Refuse(Entry(volume), $"delete volume {volume.Id}"));

    /// <inheritdoc/>
    public async Task DeleteAsync(VolumeRecord volume, CancellationToken cancellationToken)
    {
        var attempted = $"delete volume {volume.Id}";
        var entry = Entry(volume);
        var known = IoFailure.Guard(
            attempted, () => Ownership.Require(attempted, entry, MetadataFile.ReadVolume(entry.Folder, volume.Id)));
        IoFailure.Guard(attempted, () => MountUse.Refuse(entry, attempted));
        if (known is not null && known.State != VolumeState.Deleting)
            IoFailure.UnlessFull(() => MetadataFile.Write(entry.Folder, known with { State = VolumeState.Deleting }));
        await GuardedAsync(attempted, () => Store.RemoveAsync(entry, attempted, cancellationToken));
        IoFailure.Guard(attempted, () => MetadataFile.Remove(entry.Folder, entry.Id));
    }

    /// <inheritdoc/>
    public async Task<long> ResizeAsync(VolumeRecord volume, long sizeBytes, CancellationToken cancellationToken)
    {
        var attempted = $"resize volume {volume.Id}";
        var entry = Entry(volume);
        var size = RoundUp(sizeBytes);
        Store.RequireExists(entry, attempted);
        if (size < volume.SizeBytes && !Features.Shrink)
        {
            throw new StorageException(
                StorageError.OutOfRange,
                $"{attempted}: {size} bytes is less than its {volume.SizeBytes}, and without a quota nobody knows whether its data fits",
                "ask for more");
        }

        if (size < volume.SizeBytes && Measure(entry) is { } usage && usage.UsedBytes > size)
        {
            throw new StorageException(
                StorageError.OutOfRange,
                $"{attempted}: it holds {usage.UsedBytes} bytes, more than the {size} asked for",
                "remove files from it or ask for more");
        }

        await GuardedAsync(attempted, () => Pool.Quota.LimitAsync(entry, entry.Path, size, cancellationToken));
        return size;
    }

    /// <inheritdoc/>
    public Task<Attachment> AttachAsync(VolumeRecord volume, bool readOnly, CancellationToken cancellationToken)
    {
        // A directory is bound as it is; whether read-only is for the mount to say.
        var attempted = $"attach volume {volume.Id}";
        Store.RequireExists(Entry(volume), attempted);
        return Task.FromResult(FindAttachment(volume, readOnly)
            ?? throw new StorageException(
                StorageError.DataLoss, $"{attempted}: its directory vanished while it was looked at", "see who removes it"));
    }

    /// <inheritdoc/>
    public Attachment? FindAttachment(VolumeRecord volume, bool readOnly)
    {
        var attempted = $"find volume {volume.Id}";
        var entry = Entry(volume);
        return IoFailure.Guard(attempted, () => Store.Exists(entry, attempted) && FileStatus.Find(entry.Path) is { } status
            ? new Attachment(entry.Path, IsBlockDevice: false, status.Device, SizeBytes: 0)
            : null);
    }

    /// <inheritdoc/>
    public Task DetachAsync(VolumeRecord volume, bool readOnly, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task MakeBlankAsync(VolumeRecord volume, CancellationToken cancellationToken) => throw new StorageException(
        StorageError.Internal, $"make volume {volume.Id} blank: a directory is never formatted, so nothing of it can be undone");

    /// <inheritdoc/>
    public Task WriteMetadataAsync(VolumeRecord volume, CancellationToken cancellationToken)
    {
        WriteMetadata(volume);
        return Task.CompletedTask;
    }

    private void WriteMetadata(VolumeRecord volume) =>
        IoFailure.Guard($"write metadata of volume {volume.Id}", () => MetadataFile.Write(_folder.VolumesPath, volume));

    /// <inheritdoc/>
    public VolumeRecord? FindMetadata(VolumeId id) =>
        IoFailure.Guard($"look for volume {id} in pool {options.Name}", () => MetadataFile.ReadVolume(_folder.VolumesPath, id));

    public SnapshotRecord? FindMetadata(SnapshotId id) =>
        IoFailure.Guard($"look for snapshot {id} in pool {options.Name}", () => MetadataFile.ReadSnapshot(_folder.SnapshotsPath, id));

    public string? ReadIdentity() => IoFailure.Guard($"look at pool {options.Name}", _folder.ReadMarker);

    public string Location(VolumeRecord volume) => Entry(volume).Path;

    /// <inheritdoc/>
    public IReadOnlyList<HealthFinding> Inspect(VolumeRecord volume)
    {
        var entry = Entry(volume);
        try
        {
            Store.RequireExists(entry, $"inspect volume {volume.Id}");
        }
        catch (StorageException e)
        {
            return [new HealthFinding(HealthStatus.DataLoss, "DataMissing", e.Message)];
        }

        var findings = new List<HealthFinding>(MetadataHealth.Inspect(_folder.VolumesPath, volume));
        try
        {
            if (Pool.Quota.IsHard && Measure(entry) is null)
            {
                findings.Add(new HealthFinding(
                    HealthStatus.Degraded, "LimitNotEnforced", $"the file system no longer counts what {entry.Path} holds: quotas were switched off"));
            }
        }
        catch (StorageException e)
        {
            // One volume that cannot be measured must not fail the list of all.
            findings.Add(new HealthFinding(HealthStatus.Degraded, "UsageUnknown", e.Message));
        }

        return findings;
    }

    /// <inheritdoc/>
    public IReadOnlyList<HealthFinding> InspectPool() => [];

    /// <inheritdoc/>
    public long CopyCost(VolumeRecord volume) =>
        // Unknown without a count; a copy that does not fit then ends with ResourceExhausted.
        Measure(Entry(volume)) is { } usage ? usage.ExclusiveBytes ?? usage.UsedBytes : 0;

    /// <inheritdoc/>
    public async Task<SnapshotRecord> CreateSnapshotAsync(
        SnapshotRecord snapshot, CopySource source, ICopyProgress progress, CancellationToken cancellationToken)
    {
        var attempted = $"create snapshot {snapshot.Id} of {IdOf(source)}";
        var entry = Entry(snapshot);
        if (IoFailure.Guard(attempted, () => Ownership.FindCut(attempted, entry, snapshot)) is { } found)
            return found;

        if (!Store.Exists(entry, attempted))
        {
            var from = RequireSource(source, attempted);
            WriteMetadata(snapshot with { State = SnapshotState.Creating });
            await GuardedAsync(attempted, () => Store.CopyAsync(entry, from, limitBytes: null, cancellationToken));
        }

        var made = snapshot with { SharedBytes = SharedBytes(entry, progress) };
        WriteMetadata(made with { State = SnapshotState.Ready });
        return made;
    }

    /// <inheritdoc/>
    public async Task DeleteSnapshotAsync(SnapshotRecord snapshot, CancellationToken cancellationToken)
    {
        var attempted = $"delete snapshot {snapshot.Id}";
        var entry = Entry(snapshot);
        var known = IoFailure.Guard(
            attempted, () => Ownership.Require(attempted, entry, MetadataFile.ReadSnapshot(entry.Folder, snapshot.Id)));
        IoFailure.Guard(attempted, () => MountUse.Refuse(entry, attempted));
        if (known is not null && known.State != SnapshotState.Deleting)
            IoFailure.UnlessFull(() => MetadataFile.Write(entry.Folder, known with { State = SnapshotState.Deleting }));
        await GuardedAsync(attempted, () => Store.RemoveAsync(entry, attempted, cancellationToken));
        IoFailure.Guard(attempted, () => MetadataFile.Remove(entry.Folder, entry.Id));
    }

    /// <inheritdoc/>
    /// <summary>None: a directory is reachable as it is.</summary>
    public IReadOnlySet<VolumeId> ListAttached() => new HashSet<VolumeId>();

    public IReadOnlyList<FoundObject> List() =>
        IoFailure.Guard($"list pool {options.Name}", () => MetadataFile.List(_folder, dataExtension: ""));

    private VolumeRecord? FindMade(string attempted, DirectoryEntry entry, VolumeRecord wanted) =>
        IoFailure.Guard(attempted, () => Ownership.FindMade(attempted, entry, wanted));

    private void WriteMetadata(SnapshotRecord snapshot) =>
        IoFailure.Guard($"write metadata of snapshot {snapshot.Id}", () => MetadataFile.Write(_folder.SnapshotsPath, snapshot));

    private DirectoryEntry RequireSource(CopySource source, string attempted)
    {
        var entry = source switch
        {
            { Volume: { } volume, Snapshot: null } => Entry(volume),
            { Volume: null, Snapshot: { } snapshot } => Entry(snapshot),
            _ => throw new StorageException(StorageError.Internal, $"{attempted}: exactly one source is needed"),
        };
        Store.RequireExists(entry, attempted);
        if (source.InUse && !Pool.Tree.CopiesInstantly)
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"{attempted}: it is published, and on {Pool.FilesystemName} files are copied one by one, consistently only while nobody writes",
                "unpublish it first, or keep such volumes in a btrfs or image pool");
        }

        if (source.Volume is not null && !Pool.Tree.CopiesInstantly)
            IoFailure.Guard(attempted, () => MountUse.Refuse(entry, attempted));

        return entry;
    }

    private static string IdOf(CopySource source) => source.Volume?.Id.Value ?? source.Snapshot?.Id.Value ?? "nothing";

    /// <summary>See <see cref="VolumeRecord.SharedBytes"/>: only where a reflink shares what no count tells of, which is on xfs.</summary>
    private long SharedBytes(DirectoryEntry entry, ICopyProgress progress)
    {
        var usage = Measure(entry);
        // A copy of a directory cannot go on half-way, and nobody knows its length beforehand: it is reported once, when it is done.
        if (usage is { } done)
            progress.Report(done.UsedBytes, done.UsedBytes);
        return usage is { ExclusiveBytes: null } counted && Pool.FilesystemName == "xfs" ? counted.UsedBytes : 0;
    }

    private QuotaUsage? Measure(DirectoryEntry entry) => IoFailure.Guard($"measure {entry.Id}", () => Pool.Quota.Measure(entry));

    private DirectoryEntry Entry(VolumeRecord volume) => new(_folder.VolumesPath, volume.Id.Value, volume.ProjectId);

    private DirectoryEntry Entry(TrashRecord item) => new(_folder.TrashPath, item.Id.Value, item.Volume.ProjectId);

    private DirectoryEntry Entry(SnapshotRecord snapshot) => new(_folder.SnapshotsPath, snapshot.Id.Value, snapshot.ProjectId);

    private static async Task GuardedAsync(string attempted, Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw IoFailure.Translate(attempted, e);
        }
    }
}
