using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>What a volume group's report says about its health, and whether anything can be made or grown in it. Pure.</summary>
internal static class VolumeGroupHealth
{
    // One logical volume takes 1 to 2 KiB of metadata with its tags, a raid6 of many images up to 10.
    private const long LeastMetadataBytes = 32 << 10;
    private const int LowMetadataPercent = 10;

    public static IReadOnlyList<HealthFinding> Inspect(VolumeGroupReport report)
    {
        var findings = new List<HealthFinding>();
        if (MissingDevices(report) is { Length: > 0 } missing)
        {
            findings.Add(new HealthFinding(
                HealthStatus.Degraded, "DeviceMissing",
                $"volume group {report.Name}: {missing} missing; nothing can be made or grown in it, and volumes that lie there are not whole; {MissingRemedy(report.Name)}"));
        }

        if (report.MetadataFreeBytes < Math.Max(LeastMetadataBytes, report.MetadataSizeBytes / 2 / 100 * LowMetadataPercent))
        {
            findings.Add(new HealthFinding(
                HealthStatus.Degraded, "MetadataAreaFull",
                $"volume group {report.Name}: its metadata areas have {report.MetadataFreeBytes} bytes left, each volume and snapshot takes 1 to 10 KiB; {MetadataRemedy}"));
        }

        return findings;
    }

    /// <summary>Refuses to begin what LVM would refuse, or could not write down.</summary>
    /// <param name="purpose">Operation and id: "create volume v…".</param>
    /// <exception cref="StorageException">ResourceExhausted: a device is missing, or the metadata areas are full; another node may have room.</exception>
    public static void RequireRoom(VolumeGroupReport report, string purpose)
    {
        // "Cannot change VG … while PVs are missing", whichever devices the volume would lie on (lvm2, lib/metadata/metadata.c, vg_read).
        if (MissingDevices(report) is { Length: > 0 } missing)
        {
            throw new StorageException(
                StorageError.ResourceExhausted, $"{purpose}: volume group {report.Name}: {missing} missing, LVM makes and grows nothing in it",
                MissingRemedy(report.Name));
        }

        if (report.MetadataFreeBytes < LeastMetadataBytes)
        {
            throw new StorageException(
                StorageError.ResourceExhausted,
                $"{purpose}: the metadata areas of volume group {report.Name} have {report.MetadataFreeBytes} bytes left", MetadataRemedy);
        }
    }

    /// <summary>Free bytes on each physical volume that LVM may allocate from; empty where it may from none.</summary>
    /// <remarks>
    /// Where changes of our own took space that no report shows yet, it is taken from those that have most: level is what RAID and
    /// stripes make of free space, and it is corrected by the next report.
    /// </remarks>
    public static IReadOnlyList<long> FreeByDevice(VolumeGroupReport report)
    {
        var free = new List<long>();
        var reported = 0L;
        foreach (var device in report.PhysicalVolumes)
        {
            if (device.IsMissing)
                return [];

            reported += device.FreeBytes;
            if (device.IsAllocatable)
                free.Add(device.FreeBytes);
        }

        if (report.MetadataFreeBytes < LeastMetadataBytes)
            return [];
        if (reported > report.FreeBytes)
            LowerTops(free, reported - report.FreeBytes, report.ExtentBytes);

        return free;
    }

    /// <summary>Takes <paramref name="taken"/> bytes off the highest values, down to a common level, a multiple of the extent.</summary>
    private static void LowerTops(List<long> values, long taken, long extentBytes)
    {
        var descending = values.ToArray();
        Array.Sort(descending);
        Array.Reverse(descending);
        var sum = 0L;
        for (var count = 1; count <= descending.Length; count++)
        {
            sum += descending[count - 1];
            var next = count < descending.Length ? descending[count] : 0;
            if (sum - (next * count) < taken && count < descending.Length)
                continue;

            var level = Math.Max(0, (sum - taken) / count / extentBytes * extentBytes);
            for (var i = 0; i < values.Count; i++)
                values[i] = Math.Min(values[i], level);

            return;
        }
    }

    public static int CountMissing(VolumeGroupReport report)
    {
        var missing = 0;
        foreach (var device in report.PhysicalVolumes)
            missing += device.IsMissing ? 1 : 0;

        return missing;
    }

    private static string MissingDevices(VolumeGroupReport report)
    {
        var missing = report.PhysicalVolumes.Where(static device => device.IsMissing).Select(static device => device.Uuid).ToList();
        return missing.Count == 0 ? "" : $"the device{(missing.Count > 1 ? "s" : "")} with the UUID {string.Join(", ", missing)} {(missing.Count > 1 ? "are" : "is")}";
    }

    private static string MissingRemedy(string name) =>
        $"bring the disk back (where it came back and is still taken for missing: vgextend --restoremissing {name} DEVICE), or give it up: vgreduce --removemissing {name}, and vgextend {name} by a new one";

    private const string MetadataRemedy =
        "remove what is not needed, or add a disk with a larger metadata area (vgextend --metadatasize 64m) and let LVM ignore the small ones (pvchange --metadataignore y)";
}
