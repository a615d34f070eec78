using CsiLocal.Native;

namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>lvcreate</summary>
internal sealed class LvmCreate(LvmScope scope)
{
    private readonly LvmArguments _arguments = scope.Arguments;

    private string Name => _arguments.Value("name");

    public string Run()
    {
        RequireName();
        var operand = _arguments.Operands is [var only] ? only : throw new LvmMisuseException("lvcreate: one operand, the VG or the origin");
        var group = scope.WritableGroup(operand.Split('/')[0]);
        if (group.Volumes.ContainsKey(Name))
            throw new LvmFailureException($"  Logical Volume \"{Name}\" already exists in volume group \"{group.Name}\"\n");
        RequireRoomForMetadata(group);

        var said = (_arguments.Has("snapshot"), _arguments.Find("type")) switch
        {
            (true, _) or (_, "snapshot") => Snapshot(group, operand.Split('/') is [_, var origin] ? origin : throw new LvmMisuseException("lvcreate --snapshot: VG/LV")),
            (_, "thin-pool") => ThinPool(group),
            (_, "thin") => Thin(group),
            (_, "raid1" or "raid5" or "raid6" or "raid10") => Raid(group, _arguments.Value("type")),
            (_, null or "linear" or "striped") => Linear(group),
            var (_, type) => throw new LvmMisuseException($"lvcreate --type {type}"),
        };
        return $"{said}  Logical volume \"{Name}\" created.\n";
    }

    private string Linear(EmulatedGroup group)
    {
        var stripes = _arguments.Number("stripes", 1);
        var extents = Extents(_arguments.Size("size"), stripes);
        var volume = new EmulatedVolume(group, Name, stripes > 1 ? "striped" : "linear")
        {
            Extents = extents,
            Segments = stripes > 1 ? group.AllocateApart(Name, stripes, extents / stripes) : group.Allocate(Name, extents),
            Tags = Tags(),
        };
        return Fill(volume);
    }

    private string Raid(EmulatedGroup group, string type)
    {
        var (data, images) = type switch
        {
            "raid1" => (1, _arguments.Number("mirrors", 1) + 1),
            "raid5" => (_arguments.Number("stripes", 2), _arguments.Number("stripes", 2) + 1),
            "raid6" => (_arguments.Number("stripes", 3), _arguments.Number("stripes", 3) + 2),
            _ => (_arguments.Number("stripes", 2), _arguments.Number("stripes", 2) * (_arguments.Number("mirrors", 1) + 1)),
        };
        var extents = Extents(_arguments.Size("size"), data);
        var integrity = _arguments.Answer("raidintegrity", otherwise: false) ? 1 + (extents / data / 64) : 0;
        var places = group.AllocateApart(Name, images, (extents / data) + 1 + integrity);
        var volume = new EmulatedVolume(group, Name, type) { Extents = extents, Tags = Tags() };
        var parts = new List<EmulatedVolume>();
        for (var i = 0; i < images; i++)
        {
            parts.Add(Part($"rimage_{i}", "linear", places[i].Disk, extents / data));
            parts.Add(Part($"rmeta_{i}", "linear", places[i].Disk, 1, volume.Tags));
            if (integrity > 0)
                parts.Add(Part($"rimage_{i}_imeta", "linear", places[i].Disk, integrity));
        }

        var said = Fill(volume);
        parts.ForEach(part => group.Volumes[part.Name] = part);
        return said;

        EmulatedVolume Part(string suffix, string segmentType, EmulatedDisk disk, long size, HashSet<string>? tags = null) => new(group, $"{Name}_{suffix}", segmentType)
        {
            Tags = [.. tags ?? []],
            Extents = size,
            Segments = [new EmulatedSegment(disk, size)],
            Parent = volume,
            IsActive = true,
        };
    }

    private string ThinPool(EmulatedGroup group)
    {
        var extents = EmulatedGroup.ToExtents(_arguments.Size("size"));
        var chunk = _arguments.Has("chunksize") ? _arguments.Size("chunksize") : 64 << 10;
        var metadata = EmulatedGroup.ToExtents(
            _arguments.Has("poolmetadatasize") ? _arguments.Size("poolmetadatasize") : Math.Max(2 << 20, extents * EmulatedGroup.ExtentBytes / chunk * 64));
        if (_arguments.Find("discards") != "passdown" || !_arguments.Answer("zero", otherwise: false))
            throw new LvmMisuseException("lvcreate --type thin-pool must have --discards passdown --zero y");
        if (extents + (2 * metadata) > group.FreeExtents)
            throw new LvmFailureException($"  Volume group \"{group.Name}\" has insufficient free space ({group.FreeExtents} extents): {extents + (2 * metadata)} required.\n");

        var pool = new EmulatedVolume(group, Name, "thin-pool") { Extents = extents, Tags = Tags(), ChunkBytes = chunk, IsActive = true };
        Add("tdata", extents, pool);
        Add("tmeta", metadata, pool);
        if (!group.Volumes.Values.Any(static volume => volume.IsSpare))
        {
            group.Volumes["lvol0_pmspare"] = new EmulatedVolume(group, "lvol0_pmspare", "linear")
            {
                Extents = metadata,
                Segments = group.Allocate(Name, metadata),
                IsSpare = true,
            };
        }

        group.Volumes[pool.Name] = pool;
        return $"  Thin pool volume with chunk size {chunk >> 10}.00 KiB can address at most <15.88 TiB of data.\n";

        void Add(string suffix, long size, EmulatedVolume parent) => group.Volumes[$"{Name}_{suffix}"] = new(group, $"{Name}_{suffix}", "linear")
        {
            Extents = size,
            Segments = group.Allocate(Name, size),
            Parent = parent,
            IsActive = true,
        };
    }

    private string Thin(EmulatedGroup group)
    {
        var pool = Pool(group, _arguments.Value("thinpool"));
        var extents = EmulatedGroup.ToExtents(_arguments.Size("virtualsize"));
        Activate(Make(new EmulatedVolume(group, Name, "thin")
        {
            Extents = extents,
            Pool = pool,
            Tags = Tags(),
            File = scope.Emulator.Store.NewBlank(extents * EmulatedGroup.ExtentBytes),
        }));
        WarnOfPromises(pool);
        return "";
    }

    private string Snapshot(EmulatedGroup group, string originName)
    {
        if (group.Volumes.GetValueOrDefault(originName) is not { IsHidden: false } origin)
            throw new LvmFailureException($"  Snapshot origin LV {originName} not found in Volume group {group.Name}.\n");
        return origin.IsThin ? ThinSnapshot(group, origin) : CowSnapshot(group, origin);
    }

    private string ThinSnapshot(EmulatedGroup group, EmulatedVolume origin)
    {
        if (_arguments.Has("size"))
            throw new LvmMisuseException("lvcreate --snapshot --size of a thin volume makes a thick snapshot");
        Pool(group, origin.Pool!.Name);
        var file = scope.Emulator.Store.Copy(origin);
        var skips = _arguments.Answer("setactivationskip", otherwise: true);
        var snapshot = Make(new EmulatedVolume(group, Name, "thin")
        {
            Extents = origin.Extents,
            Pool = origin.Pool,
            Origin = origin,
            Tags = Tags(),
            SkipsActivation = skips,
            File = file,
            SharedBytes = FileStatus.Find(file)!.Value.AllocatedBytes,
        });
        if (skips && !_arguments.Has("ignoreactivationskip"))
            group.Volumes[Name] = snapshot;
        else
            Activate(snapshot);
        WarnOfPromises(origin.Pool);
        return "";
    }

    private static EmulatedVolume Make(EmulatedVolume thin)
    {
        ThinMessages.Create(thin);
        return thin;
    }

    private string CowSnapshot(EmulatedGroup group, EmulatedVolume origin)
    {
        if (origin.IsCow || origin.IsThinPool)
            throw new LvmFailureException($"  Snapshots of {(origin.IsCow ? "snapshots" : "pools")} are not supported.\n");
        var extents = EmulatedGroup.ToExtents(_arguments.Size("size"));
        Activate(new EmulatedVolume(group, Name, "snapshot")
        {
            Extents = origin.Extents,
            Segments = group.Allocate(Name, extents),
            Origin = origin,
            Tags = Tags(),
            File = scope.Emulator.Store.Copy(origin),
        });
        return "";
    }

    private string Fill(EmulatedVolume volume)
    {
        volume.File = scope.Emulator.Store.NewWithOldBytes(volume.SizeBytes);
        Activate(volume);
        return EmulatedContent.Wipe(volume, _arguments.Answer("zero", otherwise: true), _arguments.Answer("wipesignatures", otherwise: true));
    }

    private static void Activate(EmulatedVolume volume)
    {
        EmulatedContent.Activate(volume);
        volume.Group.Volumes[volume.Name] = volume;
    }

    private static EmulatedVolume Pool(EmulatedGroup group, string name)
    {
        if (group.Volumes.GetValueOrDefault(name) is not { IsThinPool: true } pool)
            throw new LvmFailureException($"  Pool {name} not found in Volume group {group.Name}.\n");
        if (pool.DataPercent >= 100 || pool.MetadataPercent >= 100)
        {
            throw new LvmFailureException(
                $"  Free space in pool {group.Name}/{name} is above threshold, new volumes are not allowed.\n");
        }

        return pool;
    }

    private void WarnOfPromises(EmulatedVolume pool)
    {
        var promised = pool.Group.Volumes.Values.Where(volume => volume.Pool == pool).Sum(static volume => volume.SizeBytes);
        if (promised > pool.SizeBytes)
            scope.Warn($"  WARNING: Sum of all thin volume sizes ({promised >> 20}.00 MiB) exceeds the size of thin pool {pool.Group.Name}/{pool.Name}.\n");
    }

    private HashSet<string> Tags()
    {
        var tags = _arguments.Values("addtag").ToHashSet(StringComparer.Ordinal);
        foreach (var tag in tags)
            LvmChange.RequireTag(tag);
        return tags;
    }

    private void RequireName()
    {
        if (Name.Length is 0 or > 127 || Name.Any(static c => !char.IsAsciiLetterOrDigit(c) && c is not ('_' or '.' or '-' or '+')))
            throw new LvmFailureException($"  Logical volume name \"{Name}\" is invalid.\n  Run `lvcreate --help' for more information.\n", LvmFailureException.Invalid);
    }

    private void RequireRoomForMetadata(EmulatedGroup group)
    {
        if (group.MetadataFreeBytes < 600 + _arguments.Values("addtag").Sum(static tag => tag.Length + 4))
        {
            throw new LvmFailureException(
                $"  VG {group.Name} metadata on {group.Disks[0].Path} (522752 bytes) exceeds maximum metadata size (521728 bytes)\n  Failed to write VG {group.Name}.\n");
        }
    }

    private static long Extents(long bytes, int stripes)
    {
        var extents = EmulatedGroup.ToExtents(bytes);
        return (extents + stripes - 1) / stripes * stripes;
    }
}
