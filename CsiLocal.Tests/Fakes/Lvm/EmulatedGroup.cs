using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>A physical volume: extents to give out, and whether the disk is there.</summary>
internal sealed class EmulatedDisk(string path, long extents)
{
    /// <summary>May be another one after a reboot.</summary>
    public string Path { get; set; } = path;

    public string Uuid { get; } = EmulatedGroup.NewUuid();

    public long Extents { get; } = extents;

    public bool IsAllocatable { get; set; } = true;

    /// <summary>Pulled out of the machine.</summary>
    public bool IsMissing { get; set; }
}

/// <summary>Extents of a logical volume that lie on one disk.</summary>
internal sealed record EmulatedSegment(EmulatedDisk Disk, long Extents);

/// <summary>A volume group with its disks and logical volumes.</summary>
internal sealed class EmulatedGroup(string name, IReadOnlyList<EmulatedDisk> disks)
{
    /// <summary>What LVM makes by default.</summary>
    public const long ExtentBytes = 4 << 20;

    private const string UuidLetters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    private readonly List<EmulatedDisk> _disks = [.. disks];

    public string Name { get; set; } = name;

    public string Uuid { get; } = NewUuid();

    public bool IsExported { get; set; }

    public List<string> Tags { get; } = [];

    /// <summary>Of each metadata area; it holds the text twice, in turn.</summary>
    public long MetadataBytes { get; init; } = 1044480;

    public IReadOnlyList<EmulatedDisk> Disks => _disks;

    public ConcurrentDictionary<string, EmulatedVolume> Volumes { get; } = new(StringComparer.Ordinal);

    /// <summary>Sorted by name as LVM lists them.</summary>
    public IEnumerable<EmulatedVolume> Sorted => Volumes.Values.OrderBy(static volume => volume.Name, StringComparer.Ordinal);

    public long TotalExtents => _disks.Sum(static disk => disk.Extents);

    public long FreeExtents => _disks.Sum(FreeOn);

    /// <summary>What is free in each metadata area: the text once more than it is, at about the size that LVM writes.</summary>
    public long MetadataFreeBytes =>
        Math.Max(0, (MetadataBytes / 2) - 2048 - Volumes.Values.Sum(static volume => 420 + (volume.Segments.Count * 130) + volume.Tags.Sum(static tag => tag.Length + 4)));

    /// <summary>13 letters in 7 groups, as LVM prints it.</summary>
    public static string NewUuid()
    {
        var text = RandomNumberGenerator.GetString(UuidLetters, 32);
        return $"{text[..6]}-{text[6..10]}-{text[10..14]}-{text[14..18]}-{text[18..22]}-{text[22..26]}-{text[26..]}";
    }

    public void Add(EmulatedDisk disk) => _disks.Add(disk);

    public long FreeOn(EmulatedDisk disk) => !disk.IsAllocatable || disk.IsMissing
        ? 0
        : disk.Extents - Volumes.Values.Sum(volume => volume.Segments.Where(segment => segment.Disk == disk).Sum(static segment => segment.Extents));

    public static long ToExtents(long bytes) => (bytes + ExtentBytes - 1) / ExtentBytes;

    /// <summary>Extents wherever they are free; the emptiest disk first.</summary>
    public List<EmulatedSegment> Allocate(string volumeName, long extents)
    {
        if (extents > FreeExtents)
            throw new LvmFailureException($"  Volume group \"{Name}\" has insufficient free space ({FreeExtents} extents): {extents} required.\n");

        var segments = new List<EmulatedSegment>();
        foreach (var disk in _disks.OrderByDescending(FreeOn))
        {
            var taken = Math.Min(extents, FreeOn(disk));
            if (taken > 0)
                segments.Add(new EmulatedSegment(disk, taken));
            extents -= taken;
        }

        return extents == 0 ? segments : throw new InvalidOperationException($"{volumeName}: {extents} extents short");
    }

    /// <summary>The same number of extents on each of several disks, none of them twice.</summary>
    public List<EmulatedSegment> AllocateApart(string volumeName, int count, long extentsEach)
    {
        if (count > _disks.Count)
            throw new LvmFailureException($"  Number of stripes ({count}) must not exceed number of physical volumes ({_disks.Count})\n");
        if (extentsEach * count > FreeExtents)
            throw new LvmFailureException($"  Volume group \"{Name}\" has insufficient free space ({FreeExtents} extents): {extentsEach * count} required.\n");

        var fitting = _disks.Where(disk => FreeOn(disk) >= extentsEach).OrderByDescending(FreeOn).Take(count).ToList();
        return fitting.Count == count
            ? [.. fitting.Select(disk => new EmulatedSegment(disk, extentsEach))]
            : throw new LvmFailureException(
                $"  Insufficient suitable allocatable extents for logical volume {volumeName}: {(count - fitting.Count) * extentsEach} more required\n");
    }
}
