using CsiLocal.Backends;
using CsiLocal.Filesystems;
using CsiLocal.State;

namespace CsiLocal.Volumes;

/// <summary>Finds what a volume or snapshot is to be filled from, and keeps it still while it is read.</summary>
internal sealed class SourceResolver(StateStore store, PoolRegistry pools, KeyedLocks locks)
{
    /// <summary>The source of a new volume; null for an empty one.</summary>
    /// <exception cref="StorageException">NotFound; Aborted: busy; FailedPrecondition.</exception>
    public AcquiredSource? Acquire(VolumeSpec spec) => Acquire(spec.Source, $"create volume {spec.Id}");

    /// <summary>The source of a volume whose creation goes on.</summary>
    public AcquiredSource? Acquire(VolumeRecord record) => Acquire(record.Source, $"create volume {record.Id}");

    /// <summary>The source of a snapshot.</summary>
    public AcquiredSource AcquireVolume(VolumeId id, TaskKind kind, string purpose)
    {
        // Exclusive: nobody stages, publishes, resizes or freezes the source while it is read.
        var held = locks.AcquireExclusive(id.Value, purpose);
        try
        {
            var volume = store.FindVolume(id);
            if (volume is not { State: VolumeState.Ready })
                throw new StorageException(StorageError.NotFound, $"{purpose}: the source volume {id} does not exist");

            if (volume.Format == FormatState.Formatting)
            {
                throw new StorageException(
                    StorageError.FailedPrecondition, $"{purpose}: the first mkfs on the source volume {id} was interrupted",
                    "stage the source once, then repeat");
            }

            return new AcquiredSource(Copy(volume), kind, held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Refuses to change or remove what an unfinished copy still has to read.</summary>
    /// <exception cref="StorageException">Aborted, naming the copy.</exception>
    public void RequireUnread(string id, string purpose)
    {
        if (store.AllTasks().FirstOrDefault(task => task.SourceId == id) is { } reader)
        {
            throw new StorageException(
                StorageError.Aborted, $"{purpose}: it is being copied to {reader.TargetId} ({reader.DoneBytes} of {reader.TotalBytes} bytes)",
                "try again when the copy is done");
        }
    }

    private AcquiredSource? Acquire(ContentSource? source, string purpose) => source switch
    {
        null => null,
        ContentSource.FromVolume(var id) => AcquireVolume(id, TaskKind.Clone, purpose),
        ContentSource.FromSnapshot(var id) => AcquireSnapshot(id, purpose),
        _ => throw new ArgumentOutOfRangeException(nameof(source), source, null),
    };

    private AcquiredSource AcquireSnapshot(SnapshotId id, string purpose)
    {
        // Shared: a snapshot does not change, several volumes may be restored from it at once.
        var held = locks.AcquireShared(id.Value, purpose);
        try
        {
            if (store.FindSnapshot(id) is not { State: SnapshotState.Ready } snapshot)
                throw new StorageException(StorageError.NotFound, $"{purpose}: the source snapshot {id} does not exist");

            return new AcquiredSource(new CopySource { Snapshot = snapshot }, TaskKind.Restore, held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    private CopySource Copy(VolumeRecord volume)
    {
        // By facts, not by rows: the state file may be younger than the mounts.
        var backend = pools.Holding(volume.Pool).Backend;
        var attachment = backend.FindAttachment(volume, readOnly: false);
        if (volume.Access == AccessType.Mount && attachment is { IsBlockDevice: true })
        {
            // Not mounted, yet open: by a check, or in another mount namespace. To have a device says nothing: a logical volume always has.
            var mount = MountTable.Read().OfDevice(attachment.DeviceNumber).FirstOrDefault(static mount => mount.Root == "/");
            return new CopySource { Volume = volume, FrozenAt = mount?.Path, InUse = mount is null && backend.ListAttached().Contains(volume.Id) };
        }

        var used = store.PublicationsOf(volume.Id).Count > 0 || (attachment is { IsBlockDevice: true } && backend.ListAttached().Contains(volume.Id));
        return new CopySource { Volume = volume, InUse = used };
    }
}

/// <summary>A source that is held still until this is disposed.</summary>
internal sealed class AcquiredSource(CopySource copy, TaskKind kind, IDisposable held) : IDisposable
{
    public CopySource Copy { get; } = copy;

    /// <summary>The pool that a copy of this source lives in: its own.</summary>
    /// <exception cref="StorageException">InvalidArgument: another pool was asked for.</exception>
    public string RequirePool(string? asked)
    {
        var pool = Copy.Volume?.Pool ?? Copy.Snapshot!.Pool;
        if (asked is not null && asked != pool)
        {
            throw new StorageException(
                StorageError.InvalidArgument,
                $"parameters[{ParameterNames.Pool}]: the source is in pool '{pool}', a copy in pool '{asked}' was asked for",
                $"name pool '{pool}' or leave the parameter out");
        }

        return pool;
    }

    public TaskRecord NewTask(string targetId, long totalBytes, DateTimeOffset now) => new()
    {
        TargetId = targetId,
        Kind = kind,
        SourceId = Copy.Volume?.Id.Value ?? Copy.Snapshot!.Id.Value,
        TotalBytes = totalBytes,
        StartedAt = now,
    };

    public void Dispose() => held.Dispose();
}
