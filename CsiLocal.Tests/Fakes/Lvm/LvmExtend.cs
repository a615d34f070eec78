using CsiLocal.Tests.Support;

namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>lvextend</summary>
internal sealed class LvmExtend(LvmScope scope)
{
    public string Run()
    {
        var (group, name) = scope.Volume();
        if (group.Volumes.GetValueOrDefault(name) is not { IsHidden: false } volume)
            throw new LvmFailureException($"  Logical volume {name} not found in volume group {group.Name}.\n");
        if (scope.Arguments.Has("poolmetadatasize"))
            return ExtendMetadata(volume);

        var extents = EmulatedGroup.ToExtents(scope.Arguments.Size("size"));
        if (volume.Parts.Where(static part => part.Name.Contains("_rimage_", StringComparison.Ordinal)).ToList() is { Count: > 0 } images)
            extents = RoundUp(extents, DataStripes(volume, images.Count));
        if (extents == volume.Extents)
            throw new LvmFailureException($"  New size ({extents} extents) matches existing size ({volume.Extents} extents).\n");
        if (extents < volume.Extents)
            throw new LvmFailureException($"  New size given ({extents} extents) not larger than existing size ({volume.Extents} extents)\n");
        if (volume is { IsCowOrigin: true, IsActive: true })
            throw new LvmFailureException("  Snapshot origin volumes can be resized only while inactive: try lvchange -an.\n");

        var before = volume.Extents;
        Extend(volume, extents);
        var subject = volume.IsThinPool ? $"{group.Name}/{name}_tdata" : $"{group.Name}/{name}";
        return $"  Size of logical volume {subject} changed from {Text(before)} to {Text(extents)}.\n  Logical volume {group.Name}/{name} successfully resized.\n";
    }

    private static void Extend(EmulatedVolume volume, long extents)
    {
        var group = volume.Group;
        var more = extents - volume.Extents;
        if (volume.IsThinPool)
        {
            Grow(volume.Parts.Single(static part => part.Name.EndsWith("_tdata", StringComparison.Ordinal)), more);
        }
        else if (volume.IsRaid)
        {
            var images = volume.Parts.Where(static part => part.Name.Contains("_rimage_", StringComparison.Ordinal) && !part.Name.EndsWith("_imeta", StringComparison.Ordinal)).ToList();
            var each = more / DataStripes(volume, images.Count);
            if (each * images.Count > group.FreeExtents || images.Exists(image => group.FreeOn(image.Segments[0].Disk) < each))
                throw new LvmFailureException($"  Insufficient suitable allocatable extents for logical volume {volume.Name}: {each * images.Count} more required\n");
            foreach (var image in images)
            {
                image.Segments.Add(new EmulatedSegment(image.Segments[0].Disk, each));
                image.Extents += each;
            }
        }
        else if (!volume.IsThin)
        {
            volume.Segments.AddRange(group.Allocate(volume.Name, more));
        }

        volume.Extents = extents;
        if (volume.File is not null)
            EmulatedContent.Grow(volume, volume.SizeBytes);
    }

    private static void Grow(EmulatedVolume part, long more)
    {
        part.Segments.AddRange(part.Group.Allocate(part.Name, more));
        part.Extents += more;
    }

    private string ExtendMetadata(EmulatedVolume pool)
    {
        var part = pool.Parts.Single(static part => part.Name.EndsWith("_tmeta", StringComparison.Ordinal));
        var extents = EmulatedGroup.ToExtents(scope.Arguments.Size("poolmetadatasize"));
        var done = $"  Logical volume {pool.Group.Name}/{part.Name} successfully resized.\n";
        if (extents <= part.Extents)
            return $"  Size of logical volume {pool.Group.Name}/{part.Name} unchanged from {Text(part.Extents)}.\n{done}";
        var before = part.Extents;
        Grow(part, extents - part.Extents);
        if (pool.Group.Volumes.Values.FirstOrDefault(static volume => volume.IsSpare) is { } spare && spare.Extents < extents)
            Grow(spare, extents - spare.Extents);
        return $"  Size of logical volume {pool.Group.Name}/{part.Name} changed from {Text(before)} to {Text(extents)}.\n{done}";
    }

    private static int DataStripes(EmulatedVolume volume, int images) => volume.SegmentType switch
    {
        "raid1" => 1,
        "raid5" => images - 1,
        "raid6" => images - 2,
        _ => images / 2,
    };

    private static long RoundUp(long extents, int stripes) => (extents + stripes - 1) / stripes * stripes;

    private static string Text(long extents) => $"{extents * EmulatedGroup.ExtentBytes / Requests.MiB}.00 MiB ({extents} extents)";
}
