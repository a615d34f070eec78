using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>What is wrong with one logical volume: by lv_attr as of the last report, and by what its device says now. Starts no process.</summary>
internal static class LvmHealth
{
    /// <summary>All that is to be said of one volume.</summary>
    public static IReadOnlyList<HealthFinding> Inspect(VolumeGroup group, LvmOwnership ownership, ILvmProvisioner provisioner, VolumeRecord record)
    {
        // Of a volume group that is gone the pool itself tells.
        if (group.Inventory is null)
            return [];
        if (group.Find(record.Id.Value) is not { } volume)
            return [new HealthFinding(HealthStatus.DataLoss, "VolumeMissing", $"{group.Name}/{record.Id} is missing")];

        try
        {
            return
            [
                .. InspectTags(ownership, volume, record), .. InspectDevice(group, volume, record.SizeBytes), .. provisioner.Inspect(volume),
            ];
        }
        catch (Exception e) when (e is IOException or FormatException or StorageException)
        {
            return [new HealthFinding(HealthStatus.Degraded, "StatusUnreadable", $"{Place(group, volume)}: {e.Message}")];
        }
    }

    private static IEnumerable<HealthFinding> InspectTags(LvmOwnership ownership, LogicalVolume volume, VolumeRecord record)
    {
        string? problem = null;
        try
        {
            ownership.Prove($"inspect volume {record.Id}", volume, record);
        }
        catch (StorageException e)
        {
            problem = e.Describe();
        }

        if (problem is not null)
            yield return new HealthFinding(HealthStatus.Degraded, "MetadataUnreadable", problem);
    }

    private static List<HealthFinding> InspectDevice(VolumeGroup group, LogicalVolume volume, long recordedBytes)
    {
        var findings = new List<HealthFinding>();
        var device = group.DeviceOf(volume);
        if (device is null)
        {
            findings.Add(new HealthFinding(
                HealthStatus.Inaccessible, "Inactive", $"{Place(group, volume)} is not active; it is activated when it is next used: see lvs -a {group.Name}"));
        }
        else if (device.SizeBytes < recordedBytes)
        {
            findings.Add(new HealthFinding(
                HealthStatus.DataLoss, "Truncated", $"{Place(group, volume)} has {device.SizeBytes} of {recordedBytes} bytes"));
        }

        if (device is not null && InspectRaid(group, volume) is { } raid)
            findings.Add(raid);
        else if (OfAttributes(group, volume) is { } reported)
            findings.Add(reported);
        if (!volume.Attributes.IsWritable && volume.Origin is null)
            findings.Add(new HealthFinding(HealthStatus.Degraded, "ReadOnly", $"{Place(group, volume)} is read-only: writes fail; lvchange --permission rw {Place(group, volume)}"));
        return findings;
    }

    private static HealthFinding? InspectRaid(VolumeGroup group, LogicalVolume volume)
    {
        if (RaidStatusOf(group, volume) is not { } status)
            return null;

        var place = Place(group, volume);
        if (status.Failed > status.Redundancy)
        {
            return new HealthFinding(
                HealthStatus.Inaccessible, "RaidFailed",
                $"{status.Failed} of the {status.Images.Count} images of {place} ({status.Type}) have failed, more than it can do without; bring the devices back");
        }

        if (status.Failed > 0)
        {
            return new HealthFinding(
                HealthStatus.Degraded, "RaidDegraded",
                $"{status.Failed} of the {status.Images.Count} images of {place} ({status.Type}) have failed; "
                    + $"where the device is back: lvchange --refresh {place}, else give the group another one and run lvconvert --repair {place}");
        }

        return status.Mismatches > 0
            ? new HealthFinding(
                HealthStatus.Degraded, "RaidMismatches",
                $"the last check of {place} found {status.Mismatches} sectors whose copies differ; lvchange --syncaction repair {place}")
            : null;
    }

    // Below copy-on-write snapshots the origin's own layer is named so (lvm2, dev_manager.c).
    private static RaidStatus? RaidStatusOf(VolumeGroup group, LogicalVolume volume)
    {
        var uuid = DmNames.UuidOf(group.Ref.Uuid, volume.Uuid);
        var targets = group.Devices.Status(uuid);
        if (targets is [{ Type: "snapshot-origin" }])
            targets = group.Devices.Status($"{uuid}-real");
        return targets is [{ Type: "raid" } raid] ? RaidStatus.Parse(raid.Parameters) : null;
    }

    private static HealthFinding? OfAttributes(VolumeGroup group, LogicalVolume volume) => volume.Attributes.Health switch
    {
        LvHealth.Partial => new HealthFinding(
            HealthStatus.Inaccessible, "DeviceMissing",
            $"part of {Place(group, volume)} lies on a device that is missing; bring it back, then vgchange --activate y {group.Name}"),
        LvHealth.RefreshNeeded => new HealthFinding(
            HealthStatus.Degraded, "RefreshNeeded",
            $"a device of {Place(group, volume)} failed for a while and is left out since; lvchange --refresh {Place(group, volume)}"),
        LvHealth.Mismatches => new HealthFinding(
            HealthStatus.Degraded, "RaidMismatches",
            $"the copies of {Place(group, volume)} differ in places; lvchange --syncaction repair {Place(group, volume)}"),
        LvHealth.WriteCacheError => new HealthFinding(
            HealthStatus.Degraded, "WriteCacheError", $"the write cache of {Place(group, volume)} has errors: see dmesg"),
        LvHealth.Failed => new HealthFinding(
            HealthStatus.Inaccessible, "Failed", $"LVM says that {Place(group, volume)} has failed: see dmesg"),
        _ => null,
    };

    private static string Place(VolumeGroup group, LogicalVolume volume) => $"{group.Name}/{volume.Name}";
}
