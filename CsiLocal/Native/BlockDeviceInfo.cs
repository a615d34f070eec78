using System.Globalization;

namespace CsiLocal.Native;

/// <summary>What sysfs says of a block device (the kernel's Documentation/ABI, sysfs-block). Opens no device.</summary>
internal sealed record BlockDeviceInfo
{
    private const int SectorBytes = 512; // of sysfs, whatever the device's own are

    /// <summary>The kernel's name: "sda", "nvme0n1p2", "dm-3".</summary>
    public required string Name { get; init; }

    public long SizeBytes { get; init; }

    public bool IsReadOnly { get; init; }

    /// <summary>The medium can be taken out: a stick, a card, a disc.</summary>
    public bool IsRemovable { get; init; }

    /// <summary>Partitions: the name of their disk; null for what is a device by itself.</summary>
    public string? Disk { get; init; }

    /// <summary>Names of its partitions.</summary>
    public IReadOnlyList<string> Partitions { get; init; } = [];

    /// <summary>Names of the devices that are made of it: device-mapper, md, bcache.</summary>
    public IReadOnlyList<string> Holders { get; init; } = [];

    /// <summary>Zones that are written from their start on only: "host-managed", "host-aware"; null for the others.</summary>
    public string? Zones { get; init; }

    /// <summary>device-mapper: its UUID; null for others.</summary>
    public string? DmUuid { get; init; }

    /// <summary>Loop devices: the file behind it; null for others, and for those that have none.</summary>
    public string? LoopFile { get; init; }

    /// <summary>The same for all paths to one disk; null where the disk has none.</summary>
    public string? WorldWideId { get; init; }

    /// <summary>null where there is no such device.</summary>
    /// <param name="number">Encoded like <c>st_rdev</c>.</param>
    public static BlockDeviceInfo? Find(ulong number)
    {
        var link = string.Create(CultureInfo.InvariantCulture, $"/sys/dev/block/{FileStatus.MajorOf(number)}:{FileStatus.MinorOf(number)}");
        return new DirectoryInfo(link).ResolveLinkTarget(returnFinalTarget: true) is { Exists: true } folder ? Read(folder.FullName) : null;
    }

    private static BlockDeviceInfo Read(string folder)
    {
        var isPartition = File.Exists($"{folder}/partition");
        var disk = isPartition ? Path.GetDirectoryName(folder)! : folder;
        return new BlockDeviceInfo
        {
            Name = NameOf(folder),
            SizeBytes = Number($"{folder}/size") * SectorBytes,
            IsReadOnly = Number($"{folder}/ro") != 0,
            IsRemovable = Number($"{disk}/removable") != 0,
            Disk = isPartition ? NameOf(disk) : null,
            Partitions = isPartition ? [] : [.. Directory.EnumerateDirectories(folder).Where(static child => File.Exists($"{child}/partition")).Select(NameOf).Order(StringComparer.Ordinal)],
            Holders = Directory.Exists($"{folder}/holders") ? [.. Directory.EnumerateFileSystemEntries($"{folder}/holders").Select(NameOf).Order(StringComparer.Ordinal)] : [],
            Zones = Text($"{disk}/queue/zoned") is { Length: > 0 } zones and not "none" ? zones : null,
            DmUuid = Text($"{folder}/dm/uuid"),
            LoopFile = Text($"{folder}/loop/backing_file"),
            WorldWideId = isPartition ? null : Text($"{folder}/wwid") ?? Text($"{folder}/device/wwid"),
        };
    }

    // The kernel writes ! for the slashes of a name: cciss!c0d0.
    private static string NameOf(string path) => Path.GetFileName(path).Replace('!', '/');

    private static long Number(string path) => long.TryParse(Text(path), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static string? Text(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllText(path).Trim() : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The device went away while it was looked at, or has no such attribute.
            return null;
        }
    }
}
