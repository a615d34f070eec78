using CsiLocal.Filesystems;
using CsiLocal.Tools;

namespace CsiLocal.Volumes;

/// <summary>Publishing: binds of the staged volume at target paths.</summary>
internal sealed partial class MountManager
{
    private const string TargetField = "target_path";

    /// <summary>Makes the staged volume visible at <paramref name="targetPath"/>.</summary>
    public Task PublishAsync(
        VolumeId id, string stagingPath, string targetPath, Usage usage, bool readOnly, CancellationToken callerToken) =>
        operations.RunAsync($"publish {id}", async token =>
        {
            using var held = locks.AcquireExclusive(id.Value, $"publish volume {id}");
            await PublishLockedAsync(Require(id), stagingPath, targetPath, usage, readOnly, token);
            return true;
        }, callerToken);

    private async Task PublishLockedAsync(
        VolumeRecord record, string stagingPath, string targetPath, Usage usage, bool readOnly, CancellationToken cancellationToken)
    {
        facts.Paths.Check(TargetField, targetPath);
        RequireUsable(record, usage);
        TakeCallersWord(record.Id, PublicationKind.Publish, targetPath);
        if (targetPath == stagingPath)
            throw new StorageException(StorageError.InvalidArgument, $"{TargetField}: it is the staging path {stagingPath}", "use a path of its own");

        var pool = pools.Holding(record.Pool);
        var staged = StagedAt(record.Id);
        if (staged is not { Done: true } || staged.Path != stagingPath || !IsStaged(record, pool, staged))
        {
            throw new StorageException(
                StorageError.FailedPrecondition, $"publish volume {record.Id}: it is not staged at {stagingPath}", "stage it there first");
        }

        var intent = new PublicationRecord
        {
            Volume = record.Id,
            Kind = PublicationKind.Publish,
            Path = targetPath,
            ReadOnly = readOnly || usage.Mode == AccessMode.SingleNodeReaderOnly,
            Access = usage.Access,
            Mode = usage.Mode,
            MountFlags = usage.MountFlags,
            Done = false,
        };
        if (staged.ReadOnly && !intent.ReadOnly)
        {
            throw new StorageException(
                StorageError.FailedPrecondition, $"publish volume {record.Id}: it is staged read-only", "publish it read-only, or stage it for writing");
        }

        RequireAllowed(record, intent, usage);
        RequireFree(record, targetPath, "publish");
        var kind = record.Access == AccessType.Block ? TargetKind.File : TargetKind.Folder;
        using var path = facts.Paths.OpenOrMake(TargetField, targetPath, kind);
        store.PutPublication(intent);
        try
        {
            await BindTargetAsync(record, pool, staged, intent, path, cancellationToken);
        }
        catch (Exception e) when (IsKnownOutcome(e))
        {
            await UndoPublishAsync(record, pool, intent, path.Created);
            throw;
        }

        store.PutPublication(intent with { Done = true });
        history.Changed(record.Id.Value, "is published", $"at {targetPath}{(intent.ReadOnly ? " read-only" : "")}");
    }

    private async Task BindTargetAsync(
        VolumeRecord record, Pool pool, PublicationRecord staged, PublicationRecord intent, SafePath path, CancellationToken cancellationToken)
    {
        // A read-only bind of a device node does not make the device read-only: a read-only device of its own does.
        var source = await pool.Backend.AttachAsync(record, HasReadOnlyDevice(record, intent), cancellationToken);
        if (facts.At(intent.Path) is { } present)
        {
            if (MountFacts.Shows(present, record, source))
                return;

            throw new StorageException(
                StorageError.FailedPrecondition,
                $"publish volume {record.Id}: something else is mounted at {intent.Path} ({present.Source})", "unmount it, or publish elsewhere");
        }

        var purpose = $"publish volume {record.Id}";
        if (record.Access == AccessType.Block)
        {
            await mounter.BindDeviceAsync(purpose, source, path, Flags(intent), cancellationToken);
            return;
        }

        using var stagedPath = facts.Paths.Find(StagingField, staged.Path);
        await mounter.BindAsync(purpose, stagedPath!.RealPath, path, Flags(intent), cancellationToken);
    }

    private async Task UndoPublishAsync(VolumeRecord record, Pool pool, PublicationRecord intent, bool created)
    {
        try
        {
            if (facts.At(intent.Path) is { } present && IsOwn(record, pool, present))
                return; // Mounted after all: NodeUnpublishVolume or the retry finds the intent.

            if (created)
                facts.Paths.Remove(TargetField, intent.Path);

            await DetachReadOnlyTwinAsync(record, pool, intent, CancellationToken.None);
            store.RemovePublication(record.Id, PublicationKind.Publish, intent.Path);
        }
        catch (Exception second) when (second is StorageException or ToolException or IOException)
        {
            // The intent stays recorded, as above.
            history.NeedsAttention(record.Id.Value, "could not be unpublished after a failed publish", second.Message);
        }
    }

    /// <summary>The table of NodePublishVolume: one target path has one meaning, and only SINGLE_NODE_MULTI_WRITER has several targets.</summary>
    private void RequireAllowed(VolumeRecord record, PublicationRecord intent, Usage usage)
    {
        foreach (var other in store.PublicationsOf(record.Id).Where(static use => use.Kind == PublicationKind.Publish))
        {
            if (other.Path == intent.Path)
            {
                if (other.ReadOnly == intent.ReadOnly && usage.Compatible(other))
                    continue;

                throw new StorageException(
                    StorageError.AlreadyExists,
                    $"publish volume {record.Id}: it is published at {intent.Path} with another volume_capability or readonly", "unpublish it first");
            }

            if (intent.Mode != AccessMode.SingleNodeMultiWriter || other.Mode != AccessMode.SingleNodeMultiWriter)
            {
                throw new StorageException(
                    StorageError.FailedPrecondition,
                    $"publish volume {record.Id}: it is published at {other.Path}, and {intent.Mode} allows one target",
                    "unpublish it there first, or use SINGLE_NODE_MULTI_WRITER for both");
            }
        }
    }

    /// <summary>Undoes <see cref="PublishAsync"/> and removes the target. Success where the volume is not published there.</summary>
    public Task UnpublishAsync(VolumeId id, string targetPath, CancellationToken callerToken) =>
        operations.RunAsync($"unpublish {id}", async token =>
        {
            using var held = locks.AcquireExclusive(id.Value, $"unpublish volume {id}");
            var record = Require(id);
            facts.Paths.Check(TargetField, targetPath);
            TakeCallersWord(id, PublicationKind.Publish, targetPath);
            if (StagedAt(id)?.Path == targetPath)
            {
                throw new StorageException(
                    StorageError.InvalidArgument, $"{TargetField}: volume {id} is staged at {targetPath}, not published", "call NodeUnstageVolume");
            }

            await UnbindAsync(record, pools.ForUndo(record.Pool), targetPath, token);
            return true;
        }, callerToken);

    /// <summary>Unmounts and removes a target as far as it is there and the volume's own, and forgets it.</summary>
    public async Task UnbindAsync(VolumeRecord record, Pool pool, string target, CancellationToken cancellationToken)
    {
        if (facts.At(target, TargetField) is { } present)
        {
            if (!IsOwn(record, pool, present))
            {
                throw new StorageException(
                    StorageError.FailedPrecondition,
                    $"unpublish volume {record.Id}: what is mounted at {target} is not the volume ({present.Source})", "unmount it by hand");
            }

            await mounter.UnmountAsync($"unpublish volume {record.Id}", present.Path, cancellationToken);
            RemoveTarget(record, target);
        }

        var published = store.PublicationsOf(record.Id).FirstOrDefault(use => use.Kind == PublicationKind.Publish && use.Path == target);
        if (published is null)
            return;

        // CSI NodeUnpublishVolume: the plugin deletes the file or folder that it made at the target path.
        RemoveTarget(record, target);
        await DetachReadOnlyTwinAsync(record, pool, published, cancellationToken);
        store.RemovePublication(record.Id, PublicationKind.Publish, target);
        history.Changed(record.Id.Value, "is unpublished", $"from {target}");

        // The staging path of a raw block volume shows no mount: after the state was lost nobody may know it any more.
        if (published.IsAssumed && store.PublicationsOf(record.Id).Count == 0)
            await VolumeManager.DetachLeftoversAsync(record, pool, cancellationToken);
    }

    /// <summary>Detaches the read-only device that read-only block targets have beside the staged one, once the last of them is gone.</summary>
    private async Task DetachReadOnlyTwinAsync(VolumeRecord record, Pool pool, PublicationRecord gone, CancellationToken cancellationToken)
    {
        if (HasReadOnlyDevice(record, gone) && !store.PublicationsOf(record.Id).Any(use => use.Path != gone.Path && HasReadOnlyDevice(record, use)))
            await pool.Backend.DetachAsync(record, readOnly: true, cancellationToken);
    }

    private void RemoveTarget(VolumeRecord record, string target)
    {
        try
        {
            facts.Paths.Remove(TargetField, target);
        }
        catch (StorageException e) when (e.Error == StorageError.FailedPrecondition && facts.At(target) is null)
        {
            // Unpublished all the same: what is in the folder was there before the volume, and is not the driver's to remove.
            history.Changed(record.Id.Value, "left its target path", e.Message);
        }
    }

    private static bool IsOwn(VolumeRecord record, Pool pool, MountEntry present)
    {
        foreach (var readOnly in new[] { false, true })
        {
            if (pool.Backend.FindAttachment(record, readOnly) is { } attachment && MountFacts.Shows(present, record, attachment))
                return true;
        }

        return false;
    }
}
