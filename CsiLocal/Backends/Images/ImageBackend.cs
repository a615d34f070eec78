using CsiLocal.Configuration;
using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Images;

/// <summary>
/// Volumes as image files <c>volumes/&lt;id&gt;.img</c> behind loop devices, snapshots as <c>snapshots/&lt;id&gt;.img</c>.
/// Starts no process.
/// </summary>
/// <remarks>
/// Metadata first, data second, and the other way round on removal: so data is never without metadata, wherever a kill falls, and
/// metadata without data is a creation or removal of our own to be finished. Data without metadata is somebody else's and is left alone.
/// </remarks>
internal sealed partial class ImageBackend(PoolOptions options, TimeProvider time) : IStorageBackend
{
    private readonly PoolFolder _pool = new(options.Name, BackendKind.Image, options.Path);
    private readonly LoopAttachments _attachments = new(time);
    private readonly ImageCopier _copier = new(options.FreezeLimit, time);
    private readonly ImageTrash _trash = new(new PoolFolder(options.Name, BackendKind.Image, options.Path), RefuseIfAttached);

    public BackendKind Kind => BackendKind.Image;

    public IAdoption Adoption => new ImageAdoption(_pool, options.Name);

    public BackendFeatures Features { get; private set; } = new()
    {
        Block = true,
        OwnFilesystem = true,
        HardLimit = true,
        SnapshotWhileMounted = true,
    };

    public Task<PoolOwner?> ReadOwnerAsync(string? knownIdentity, CancellationToken cancellationToken) => Task.FromResult(_pool.ReadOwner());

    public Task MarkOwnerAsync(string node, CancellationToken cancellationToken)
    {
        _pool.MarkOwner(node);
        return Task.CompletedTask;
    }

    public Task<PoolFacts> InspectAsync(string? knownIdentity, CancellationToken cancellationToken)
    {
        var facts = _pool.Inspect(knownIdentity);
        try
        {
            LoopDevices.Probe();
        }
        catch (NativeException e)
        {
            throw new StorageException(
                StorageError.Unavailable,
                $"pool {options.Name}: {e.Message}",
                "load the loop module (modprobe loop); in a container, mount the host's /dev",
                e);
        }

        // btrfs writes elsewhere whatever is written: what was to be overwritten would stay.
        var overwrites = facts.FilesystemName != "btrfs";
        if (!overwrites && Overwriting.IsAsked(options.Trash.Erase))
        {
            throw new StorageException(
                StorageError.Unavailable,
                $"pool {options.Name}: trash.erase: {MetadataNames.Of(options.Trash.Erase)}: btrfs overwrites nothing where it lies",
                "write erase: discard or none for this pool, or put it on ext4 or xfs");
        }

        Features = Features with { InstantCopy = IoFailure.Guard($"pool {options.Name}", CanShareBlocks), Overwrite = overwrites };
        return Task.FromResult(facts);
    }

    public PoolSpace MeasureSpace(
        IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots, IReadOnlyCollection<TrashRecord> trash) =>
        IoFailure.Guard($"measure pool {options.Name}", () => ImageSpace.Measure(options, ImageOf, volumes, snapshots) with
        {
            ReclaimableBytes = trash.Sum(item => _trash.Measure(item, Features.InstantCopy, volumes, snapshots)),
        });

    public long RoundUp(long requiredBytes) => ImageSize.RoundUp(requiredBytes);

    public Task<VolumeRecord> CreateAsync(VolumeRecord volume, ICopyProgress progress, CancellationToken cancellationToken)
    {
        var attempted = $"create volume {volume.Id}";
        var wanted = volume with { SizeBytes = RoundUp(volume.SizeBytes) };
        var image = ImageOf(wanted.Id);
        return Task.Run(
            () => IoFailure.GuardAsync(attempted, async () =>
            {
                if (Ownership.FindMade(attempted, _pool, image, wanted) is { } made)
                    return made;
                Ownership.Claim(_pool, wanted);
                await UndoIfRefusedAsync(image, () => Task.FromResult(MakeBlankImage(image, wanted)));
                return wanted;
            }),
            cancellationToken);
    }

    public Task<VolumeRecord> CreateFromAsync(
        VolumeRecord volume,
        CopySource source,
        ICopyProgress progress,
        CancellationToken cancellationToken)
    {
        var attempted = $"create volume {volume.Id}";
        var wanted = volume with { SizeBytes = RoundUp(volume.SizeBytes) };
        var job = new CopyJob
        {
            Attempted = attempted,
            From = source.Volume is { } from ? ImageOf(from.Id) : ImageOf(source.Snapshot!.Id),
            To = ImageOf(wanted.Id),
            SizeBytes = wanted.SizeBytes,
            Allocate = wanted.Preallocated,
            Source = source,
        };
        return Task.Run(
            () => IoFailure.GuardAsync(attempted, async () =>
            {
                if (Ownership.FindMade(attempted, _pool, job.To, wanted) is { } made)
                    return made;
                _copier.Check(job, Features.InstantCopy);
                Ownership.Claim(_pool, wanted);
                var shared = await UndoIfRefusedAsync(
                    job.To,
                    () => _copier.FillAsync(job, Features.InstantCopy, progress, cancellationToken));
                var filled = wanted with { SharedBytes = shared, Format = source.FormatOfCopy };
                MetadataFile.Write(_pool.VolumesPath, filled);
                return filled;
            }),
            cancellationToken);
    }

    public void RequireUnused(VolumeRecord volume) =>
        IoFailure.Guard($"delete volume {volume.Id}", () => RefuseIfAttached($"delete volume {volume.Id}", ImageOf(volume.Id)));

    public Task DeleteAsync(VolumeRecord volume, CancellationToken cancellationToken)
    {
        var attempted = $"delete volume {volume.Id}";
        var image = ImageOf(volume.Id);
        return Task.Run(
            () => IoFailure.Guard(attempted, () =>
            {
                if (Ownership.Require(attempted, _pool, image, volume.Id) is not { } known)
                    return;
                RefuseIfAttached(attempted, image);

                // The intent beside the data, then the data, then the metadata: killed anywhere, what is left says "deleting".
                if (known.State != VolumeState.Deleting)
                    IoFailure.UnlessFull(() => MetadataFile.Write(_pool.VolumesPath, known with { State = VolumeState.Deleting }));
                image.Remove();
                MetadataFile.Remove(_pool.VolumesPath, image.Id);
            }),
            cancellationToken);
    }

    public Task<bool> QuarantineAsync(TrashRecord item, CancellationToken cancellationToken)
    {
        var attempted = $"delete volume {item.Volume.Id}";
        return Task.Run(
            () => IoFailure.Guard(attempted, () => _trash.Put(attempted, item, ImageOf(item.Volume.Id))), cancellationToken);
    }

    public Task RestoreAsync(TrashRecord item, VolumeRecord volume, CancellationToken cancellationToken)
    {
        var attempted = $"undelete {item.Id}";
        return Task.Run(() => IoFailure.Guard(attempted, () => _trash.Restore(attempted, item, volume)), cancellationToken);
    }

    public Task EraseAsync(TrashRecord item, IEraseProgress progress, CancellationToken cancellationToken) =>
        IoFailure.GuardAsync($"erase {item.Id}", async () =>
        {
            await _trash.EraseAsync($"erase {item.Id}", item, progress, cancellationToken);
            return true;
        });

    public TrashRecord? FindTrash(TrashId id) =>
        IoFailure.Guard($"look for {id} in the trash of pool {options.Name}", () => _trash.Find(id));

    public long MeasureTrash(TrashRecord item, IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots) =>
        IoFailure.Guard($"measure {item.Id}", () => _trash.Measure(item, Features.InstantCopy, volumes, snapshots));

    public Task<long> ResizeAsync(VolumeRecord volume, long sizeBytes, CancellationToken cancellationToken)
    {
        var attempted = $"expand volume {volume.Id}";
        var size = RoundUp(sizeBytes);
        var image = ImageOf(volume.Id);
        return Task.Run(() => IoFailure.Guard(attempted, () => Grow(attempted, image, volume, size)), cancellationToken);
    }

    public Task<Attachment> AttachAsync(VolumeRecord volume, bool readOnly, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var image = ImageOf(volume.Id);
        return Task.FromResult(IoFailure.Guard($"attach volume {volume.Id}", () =>
        {
            var size = image.Require().SizeBytes;
            return size >= volume.SizeBytes
                ? _attachments.Attach(image, readOnly)
                : throw new StorageException(
                    StorageError.DataLoss,
                    $"attach volume {volume.Id}: {image.Path} has {size} bytes, its record says {volume.SizeBytes}",
                    "nothing was touched: see who cut the image short");
        }));
    }

    public Attachment? FindAttachment(VolumeRecord volume, bool readOnly) =>
        IoFailure.Guard($"find the device of volume {volume.Id}", () => _attachments.Find(ImageOf(volume.Id), readOnly));

    public Task DetachAsync(VolumeRecord volume, bool readOnly, CancellationToken cancellationToken) =>
        IoFailure.GuardAsync($"detach volume {volume.Id}", async () =>
        {
            await _attachments.DetachAsync(ImageOf(volume.Id), readOnly, cancellationToken);
            return true;
        });

    public Task MakeBlankAsync(VolumeRecord volume, CancellationToken cancellationToken)
    {
        var attempted = $"blank volume {volume.Id}";
        var image = ImageOf(volume.Id);
        return Task.Run(
            () => IoFailure.Guard(attempted, () =>
            {
                var known = Ownership.Require(attempted, _pool, image, volume.Id);
                ImageBlanking.Blank(attempted, image, volume, known);
            }),
            cancellationToken);
    }

    public Task WriteMetadataAsync(VolumeRecord volume, CancellationToken cancellationToken)
    {
        IoFailure.Guard($"write metadata of volume {volume.Id}", () => MetadataFile.Write(_pool.VolumesPath, volume));
        return Task.CompletedTask;
    }

    public VolumeRecord? FindMetadata(VolumeId id) =>
        IoFailure.Guard($"look for volume {id} in pool {options.Name}", () => MetadataFile.ReadVolume(_pool.VolumesPath, id));

    public SnapshotRecord? FindMetadata(SnapshotId id) =>
        IoFailure.Guard($"look for snapshot {id} in pool {options.Name}", () => MetadataFile.ReadSnapshot(_pool.SnapshotsPath, id));

    public string? ReadIdentity() => IoFailure.Guard($"look at pool {options.Name}", _pool.ReadMarker);

    public string Location(VolumeRecord volume) => ImageOf(volume.Id).Path;

    public IReadOnlyList<HealthFinding> Inspect(VolumeRecord volume) => ImageHealth.Inspect(_pool, ImageOf(volume.Id), volume);

    public IReadOnlyList<HealthFinding> InspectPool() => [];

    public IReadOnlySet<VolumeId> ListAttached() => IoFailure.Guard($"list the devices of pool {options.Name}", () =>
    {
        var attached = new HashSet<VolumeId>();
        foreach (var (_, path) in LoopDevices.BackingFiles())
        {
            // By name alone: the path may be another one here than where it was attached. Who acts on it asks the device itself.
            if (VolumeId.TryParse(Path.GetFileNameWithoutExtension(path), out var id))
                attached.Add(id);
        }

        return attached;
    });

    public IReadOnlyList<FoundObject> List() => IoFailure.Guard(
        $"list pool {options.Name}",
        () => MetadataFile.List(_pool, ImageFile.Extension));

    private ImageFile ImageOf(VolumeId id) => new(Path.Combine(_pool.VolumesPath, id.Value + ImageFile.Extension), id.Value);

    private ImageFile ImageOf(SnapshotId id) => new(Path.Combine(_pool.SnapshotsPath, id.Value + ImageFile.Extension), id.Value);

    private static ImageFile MakeBlankImage(ImageFile image, VolumeRecord volume)
    {
        using var handle = image.Find() is null ? image.Create() : image.Open(readOnly: false);
        image.Extend(handle, volume.SizeBytes, volume.Preallocated);
        image.MakeDurable(handle);
        return image;
    }

    private static long Grow(string attempted, ImageFile image, VolumeRecord volume, long size)
    {
        using var handle = image.Open(readOnly: false);
        var length = RandomAccess.GetLength(handle);
        if (size < length)
        {
            throw new StorageException(
                StorageError.OutOfRange,
                $"{attempted}: the image has {length} bytes, {size} asked for",
                "an image cannot shrink: make a smaller volume and copy the files");
        }

        image.Extend(handle, size, volume.Preallocated);
        image.MakeDurable(handle);
        foreach (var loop in LoopAttachments.FindAll(image))
            LoopDevices.UpdateCapacity(loop.Number);
        return size;
    }

    private static void RefuseIfAttached(string attempted, ImageFile image)
    {
        if (LoopAttachments.FindAll(image) is [var loop, ..])
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"{attempted}: {loop.Path} still stands before the image",
                "unpublish and unstage the volume first");
        }
    }

    /// <summary>Leaves nothing behind where there is no point in a second try: no space, or a copy that must not be made.</summary>
    private static async Task<T> UndoIfRefusedAsync<T>(ImageFile image, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception e) when (e is StorageException { Error: StorageError.FailedPrecondition }
            or IOException { HResult: Errno.NoSpace or Errno.QuotaExceeded })
        {
            // What is there was claimed by our own record just before.
            image.Remove();
            MetadataFile.Remove(Path.GetDirectoryName(image.Path)!, image.Id);
            throw;
        }
    }

    private bool CanShareBlocks()
    {
        using var source = NativeFile.OpenUnnamed(_pool.Path);
        using var target = NativeFile.OpenUnnamed(_pool.Path);
        RandomAccess.Write(source, new byte[4096], 0);
        return FileCopy.TryClone(source, target, _pool.Path);
    }
}
