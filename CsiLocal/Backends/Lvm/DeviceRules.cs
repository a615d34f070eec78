using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>A device that may become part of a volume group, with what is known without opening it.</summary>
internal sealed record DeviceCandidate
{
    public required MatchedDevice Device { get; init; }

    public required BlockDeviceInfo Info { get; init; }

    /// <summary>Partitions: the patterns lead to their disk as well.</summary>
    public bool IsDiskMatched { get; init; }

    /// <summary>Another device that is the same disk by its world wide id; null where there is none.</summary>
    public string? Twin { get; init; }

    /// <summary>Where it is mounted; null where it is not.</summary>
    public string? MountedAt { get; init; }

    public bool IsSwap { get; init; }
}

/// <summary>Which devices are never made part of a volume group, whatever a pattern catches (design §5). Pure.</summary>
/// <remarks>
/// A pattern that also catches the system's disk has to be harmless. Whether a device that passes is blank is for the probes to say.
/// </remarks>
internal static class DeviceRules
{
    /// <summary>Smaller ones are boot areas, firmware and the like.</summary>
    public const long LeastBytes = 1L << 30;

    /// <summary>Why it is left alone; null where nothing speaks against it.</summary>
    public static string? WhyNot(DeviceCandidate candidate)
    {
        var (info, isExact) = (candidate.Info, candidate.Device.IsExact);
        return info switch
        {
            { SizeBytes: 0 } => "has no medium",
            { Partitions.Count: > 0 } => $"has partitions: {string.Join(", ", info.Partitions)}",
            { Disk: { } disk } when candidate.IsDiskMatched => $"is a partition of {disk}, which 'devices' matches too",
            _ when candidate.MountedAt is { } path => $"is mounted at {path}",
            _ when candidate.IsSwap => "is swap space",
            { Holders.Count: > 0 } => $"is used by {string.Join(", ", info.Holders)}",
            { DmUuid: { } uuid } when uuid.StartsWith("LVM-", StringComparison.Ordinal) => "is a logical volume",
            { LoopFile: { } file } when IsVolume(file) => "is a volume of this driver",
            { LoopFile: not null } when !isExact => "is a loop device; name it in full if it is meant",
            { IsRemovable: true } when !isExact => "has a removable medium; name it in full if it is meant",
            { IsReadOnly: true } => "is read-only",
            { Zones: { } zones } => $"has {zones} zones, which LVM cannot use",
            _ when IsMemory(info.Name) => "is memory, whose content is lost without power",
            { SizeBytes: < LeastBytes } => $"has {info.SizeBytes} bytes, less than 1 GiB",
            _ when candidate.Twin is { } twin => $"is the same disk as {twin}; set up multipath and name its device",
            _ => null,
        };
    }

    /// <summary>An image pool's volume behind its loop device.</summary>
    private static bool IsVolume(string file)
    {
        var name = Path.GetFileNameWithoutExtension(file);
        return VolumeId.TryParse(name, out _) || SnapshotId.TryParse(name, out _);
    }

    private static bool IsMemory(string name) =>
        name.StartsWith("ram", StringComparison.Ordinal) || name.StartsWith("zram", StringComparison.Ordinal);
}
