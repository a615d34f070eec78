using CsiLocal.Filesystems;
using CsiLocal.State;
using CsiLocal.Tools;

namespace CsiLocal.Volumes;

/// <summary>Staging: one real mount (or one attached device) per volume. Publishing, growth and reports are in the other parts.</summary>
internal sealed partial class MountManager(
    StateStore store, PoolRegistry pools, KeyedLocks locks, OperationRunner operations, SourceResolver sources,
    FilesystemPreparer preparer, Mounter mounter, Resizer resizer, MountFacts facts, History history)
{
    private const string StagingField = "staging_target_path";

    /// <summary>Makes the volume usable on this node at <paramref name="stagingPath"/>.</summary>
    /// <exception cref="StorageException">As CSI NodeStageVolume errors; DataLoss where what is there is not what the record says.</exception>
    public Task StageAsync(VolumeId id, string stagingPath, Usage usage, CancellationToken callerToken) =>
        operations.RunAsync($"stage {id}", async token =>
        {
            using var held = locks.AcquireExclusive(id.Value, $"stage volume {id}");
            await StageLockedAsync(Require(id), stagingPath, usage, token);
            return true;
        }, callerToken);

    private async Task StageLockedAsync(VolumeRecord record, string stagingPath, Usage usage, CancellationToken cancellationToken)
    {
        facts.Paths.Check(StagingField, stagingPath);
        RequireUsable(record, usage);
        TakeCallersWord(record.Id, PublicationKind.Stage, stagingPath);
        sources.RequireUnread(record.Id.Value, $"stage volume {record.Id}");
        var pool = pools.Holding(record.Pool);
        if (StagedAt(record.Id) is { } staged)
        {
            RequireSameStage(record, staged, stagingPath, usage);
            if (staged is { Done: true, IsAssumed: false } && IsStaged(record, pool, staged))
                return;
        }

        RequireFree(record, stagingPath, "stage");
        using var path = facts.Paths.OpenOrMake(StagingField, stagingPath, TargetKind.Folder);
        var intent = new PublicationRecord
        {
            Volume = record.Id,
            Kind = PublicationKind.Stage,
            Path = stagingPath,
            ReadOnly = usage.Mode == AccessMode.SingleNodeReaderOnly,
            Access = usage.Access,
            Mode = usage.Mode,
            MountFlags = usage.MountFlags,
            Done = false,
        };
        try
        {
            await AttachAndMountAsync(record, pool, intent, path, cancellationToken);
        }
        catch (Exception e) when (IsKnownOutcome(e))
        {
            await UndoStageAsync(record, pool, intent);
            throw;
        }

        store.PutPublication(intent with { Done = true });
        history.Changed(record.Id.Value, "is staged", $"at {stagingPath}");
    }

    private async Task AttachAndMountAsync(
        VolumeRecord record, Pool pool, PublicationRecord intent, SafePath path, CancellationToken cancellationToken)
    {
        var purpose = $"stage volume {record.Id}";

        // Before any row: a device that a kill leaves here has no row, and is found and detached by start-up recovery as such.
        var attachment = await pool.Backend.AttachAsync(record, HasReadOnlyDevice(record, intent), cancellationToken);
        if (record.Access == AccessType.Block)
            return;

        if (facts.At(intent.Path) is { } present)
        {
            if (MountFacts.Shows(present, record, attachment))
                return;

            throw new StorageException(
                StorageError.FailedPrecondition,
                $"{purpose}: something else is mounted at {intent.Path} ({present.Source})", "unmount it, or stage elsewhere");
        }

        if (!attachment.IsBlockDevice)
        {
            MountFlags.RequirePerMount(intent.MountFlags);
            store.PutPublication(intent);
            await mounter.BindAsync(purpose, attachment.Path, path, Flags(intent), cancellationToken);
            return;
        }

        if (record.Format != FormatState.Never)
            store.PutPublication(intent);

        var prepared = await preparer.PrepareAsync(record, intent, pool.Backend, attachment, cancellationToken);
        var filesystem = prepared.Filesystem!.Value;
        if (!intent.ReadOnly)
            await resizer.GrowUnmountedAsync(purpose, attachment, filesystem, cancellationToken);

        await mounter.MountDeviceAsync(purpose, attachment, path, filesystem, Flags(intent), cancellationToken);
        if (!intent.ReadOnly)
            await resizer.GrowAsync(purpose, attachment, filesystem, path.RealPath, cancellationToken);
    }

    private async Task UndoStageAsync(VolumeRecord record, Pool pool, PublicationRecord intent)
    {
        try
        {
            await UnmountStageAsync(record, pool, intent, CancellationToken.None);
        }
        catch (Exception second) when (second is StorageException or ToolException or IOException)
        {
            // The intent stays recorded: NodeUnstageVolume or start-up recovery finishes it.
            history.NeedsAttention(record.Id.Value, "could not be unstaged after a failed stage", second.Message);
        }
    }

    /// <summary>Undoes <see cref="StageAsync"/>. Success where the volume is not staged there.</summary>
    public Task UnstageAsync(VolumeId id, string stagingPath, CancellationToken callerToken) =>
        operations.RunAsync($"unstage {id}", async token =>
        {
            using var held = locks.AcquireExclusive(id.Value, $"unstage volume {id}");
            var record = Require(id);
            facts.Paths.Check(StagingField, stagingPath);
            TakeCallersWord(id, PublicationKind.Stage, stagingPath);
            var pool = pools.ForUndo(record.Pool);
            var targets = store.PublicationsOf(id).Where(static use => use.Kind == PublicationKind.Publish).Select(static use => use.Path).ToArray();
            if (targets.Length > 0)
            {
                throw new StorageException(
                    StorageError.FailedPrecondition, $"unstage volume {id}: it is still published at {string.Join(", ", targets)}", "unpublish it first");
            }

            // Without a row, what is mounted there may still be the volume: the state file may be younger than the mount.
            var staged = StagedAt(id) ?? Assumed(record, stagingPath);
            if (staged.Path == stagingPath && await UnmountStageAsync(record, pool, staged, token))
                history.Changed(id.Value, "is unstaged", $"from {stagingPath}");

            return true;
        }, callerToken);

    /// <summary>Unmounts, detaches and forgets a stage, as far as each is there: judged by the mount table and the device, not by the row.</summary>
    /// <returns>False where there was nothing to undo.</returns>
    public async Task<bool> UnmountStageAsync(VolumeRecord record, Pool pool, PublicationRecord staged, CancellationToken cancellationToken)
    {
        // The device of a logical volume is there all the time, and tells nothing of a stage.
        var wasStaged = StagedAt(record.Id) is not null;
        if (pool.Backend.FindAttachment(record, HasReadOnlyDevice(record, staged)) is { } attachment)
        {
            if (record.Access == AccessType.Mount && facts.At(staged.Path, StagingField) is { } present && MountFacts.Shows(present, record, attachment))
            {
                await mounter.UnmountAsync($"unstage volume {record.Id}", present.Path, cancellationToken);
                wasStaged = true;
            }

            await pool.Backend.DetachAsync(record, HasReadOnlyDevice(record, staged), cancellationToken);
        }

        store.RemovePublication(record.Id, PublicationKind.Stage, staged.Path);
        return wasStaged;
    }

    /// <summary>Whether a recorded stage is really there.</summary>
    public bool IsStaged(VolumeRecord record, Pool pool, PublicationRecord staged)
    {
        var attachment = pool.Backend.FindAttachment(record, HasReadOnlyDevice(record, staged));
        if (attachment is null || record.Access == AccessType.Block)
            return attachment is not null;

        return facts.At(staged.Path) is { } present && MountFacts.Shows(present, record, attachment);
    }

    /// <summary>Not so after a command that hung: then the state is uncertain, and is looked at by the next call (design §2.7).</summary>
    private static bool IsKnownOutcome(Exception failure) => failure is StorageException or IOException
        or ToolException { Failure: ToolFailure.NotFound or ToolFailure.NotStarted };

    /// <summary>A raw block volume that is only read gets a device that cannot be written.</summary>
    private static bool HasReadOnlyDevice(VolumeRecord record, PublicationRecord use) => use.ReadOnly && record.Access == AccessType.Block;

    private static IReadOnlyList<string> Flags(PublicationRecord use) => use.ReadOnly ? [.. use.MountFlags, "ro"] : use.MountFlags;

    private static void RequireUsable(VolumeRecord record, Usage usage)
    {
        if (usage.Access != record.Access)
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"volume_capability: volume {record.Id} is a {record.Access.ToString().ToLowerInvariant()} volume", "use it as it was created");
        }

        if (usage.Filesystem is { } asked && record.Filesystem is { } has && asked != has)
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"volume_capability.mount.fs_type: volume {record.Id} carries {has.ToString().ToLowerInvariant()}", "leave fs_type empty");
        }
    }

    private static void RequireSameStage(VolumeRecord record, PublicationRecord staged, string path, Usage usage)
    {
        if (staged.Path != path)
        {
            throw new StorageException(
                StorageError.FailedPrecondition, $"stage volume {record.Id}: it is staged at {staged.Path}", "unstage it there first");
        }

        if (!usage.Compatible(staged))
        {
            throw new StorageException(
                StorageError.AlreadyExists, $"stage volume {record.Id}: it is staged at {path} with another volume_capability", "unstage it first");
        }
    }

    /// <summary>One path serves one volume.</summary>
    private void RequireFree(VolumeRecord record, string path, string verb)
    {
        if (store.FindPublicationAt(path) is { } taken && taken.Volume != record.Id)
        {
            throw new StorageException(
                StorageError.FailedPrecondition, $"{verb} volume {record.Id}: volume {taken.Volume} is at {path}", "use another path");
        }
    }

    private PublicationRecord? StagedAt(VolumeId id) =>
        store.PublicationsOf(id).FirstOrDefault(static use => use.Kind == PublicationKind.Stage);

    private static PublicationRecord Assumed(VolumeRecord record, string path) => new()
    {
        Volume = record.Id,
        Kind = PublicationKind.Stage,
        Path = path,
        ReadOnly = false,
        Access = record.Access,
        Mode = AccessMode.SingleNodeWriter,
        MountFlags = [],
        Done = true,
    };

    private VolumeRecord Require(VolumeId id) => store.FindVolume(id) is { State: VolumeState.Ready } record
        ? record
        : throw new StorageException(StorageError.NotFound, $"volume {id} does not exist");
}
