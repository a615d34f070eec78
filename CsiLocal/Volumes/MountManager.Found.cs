using CsiLocal.Filesystems;

namespace CsiLocal.Volumes;

/// <summary>Mounts that no row knows: the state was lost, or is older than they are.</summary>
internal sealed partial class MountManager
{
    /// <summary>Records the volume's own mounts that no row tells of, so that lists, reports and unmounting know of them.</summary>
    /// <remarks>The oldest mount is taken for the stage, since a stage comes before what is published of it. Who names a path in a call knows better (<see cref="TakeCallersWord"/>).</remarks>
    public void RecordFound(VolumeRecord record, Pool pool)
    {
        var uses = store.PublicationsOf(record.Id);
        var isStaged = uses.Any(static use => use.Kind == PublicationKind.Stage);
        var known = new HashSet<int>();
        foreach (var use in uses)
        {
            if (facts.At(use.Path) is { } recorded)
                known.Add(recorded.Id);
        }

        foreach (var (mount, readOnlyDevice) in OwnMounts(record, pool))
        {
            if (!known.Add(mount.Id))
                continue;

            try
            {
                facts.Paths.Check(TargetField, mount.Path);
            }
            catch (StorageException e)
            {
                history.NeedsAttention(record.Id.Value, "is mounted where no volume of ours can be", e.Describe());
                continue;
            }

            var kind = isStaged || record.Access == AccessType.Block ? PublicationKind.Publish : PublicationKind.Stage;
            isStaged |= kind == PublicationKind.Stage;
            store.PutPublication(new PublicationRecord
            {
                Volume = record.Id,
                Kind = kind,
                Path = mount.Path,
                ReadOnly = readOnlyDevice || mount.IsReadOnly,
                Access = record.Access,

                // The mode that excludes least: whoever publishes it elsewhere is not refused because of a guess.
                Mode = AccessMode.SingleNodeMultiWriter,
                MountFlags = [],
                Done = true,
                IsAssumed = true,
            });
            history.Changed(record.Id.Value, $"is found at {mount.Path}", $"it is mounted there, which no row told: taken for its {kind.ToString().ToLowerInvariant()}");
        }
    }

    /// <summary>The mounts that show the volume, oldest first, and whether through a device that cannot be written.</summary>
    private static List<(MountEntry Mount, bool ReadOnlyDevice)> OwnMounts(VolumeRecord record, Pool pool)
    {
        var found = new List<(MountEntry, bool)>();
        var table = MountTable.Read();
        foreach (var readOnly in new[] { false, true })
        {
            if (pool.Backend.FindAttachment(record, readOnly) is not { } attachment)
                continue;

            var candidates = !attachment.IsBlockDevice ? table.OfFolders(record.Id.Value)
                : record.Access == AccessType.Block ? table.OfDeviceNodes()
                : table.OfDevice(attachment.DeviceNumber);
            foreach (var mount in candidates)
            {
                if (MountFacts.Shows(mount, record, attachment))
                    found.Add((mount, readOnly && attachment.IsBlockDevice));
            }

            // A folder is the same either way.
            if (!attachment.IsBlockDevice)
                break;
        }

        return found;
    }

    /// <summary>A call names a path that was only found mounted: now it is known what it is for, and by which name.</summary>
    private void TakeCallersWord(VolumeId id, PublicationKind kind, string path)
    {
        var assumed = store.PublicationsOf(id).Where(static use => use.IsAssumed).ToArray();
        if (assumed.Length == 0)
            return;

        using var found = facts.Paths.Find(TargetField, path);
        var meant = assumed.FirstOrDefault(use => use.Path == path || use.Path == found?.RealPath);
        if (meant is null || (meant.Kind == kind && meant.Path == path))
            return;

        store.InTransaction(() =>
        {
            foreach (var other in assumed)
            {
                // One stage each: what was taken for it was not.
                if (other == meant || (kind == PublicationKind.Stage && other.Kind == PublicationKind.Stage))
                    store.RemovePublication(id, other.Kind, other.Path);
                if (other != meant && kind == PublicationKind.Stage && other.Kind == PublicationKind.Stage)
                    store.PutPublication(other with { Kind = PublicationKind.Publish });
            }

            store.PutPublication(meant with { Kind = kind, Path = path });
        });
    }
}
