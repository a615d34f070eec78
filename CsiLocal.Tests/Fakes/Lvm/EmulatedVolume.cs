namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>A logical volume: what LVM's metadata says of it, and the loop device that stands for its dm device.</summary>
internal sealed class EmulatedVolume(EmulatedGroup group, string name, string segmentType)
{
    public EmulatedGroup Group { get; } = group;

    public string Name { get; set; } = name;

    public string Uuid { get; } = EmulatedGroup.NewUuid();

    /// <summary>"linear", "striped", "raid1", "thin-pool", "thin", "snapshot" …</summary>
    public string SegmentType { get; } = segmentType;

    public long Extents { get; set; }

    public long SizeBytes => Extents * EmulatedGroup.ExtentBytes;

    /// <summary>COW snapshots: what is set aside for changes; LVM gives that as the size.</summary>
    public long ReserveBytes => Segments.Sum(static segment => segment.Extents) * EmulatedGroup.ExtentBytes;

    /// <summary>Has COW snapshots.</summary>
    public bool IsCowOrigin => Group.Volumes.Values.Any(volume => volume.IsCow && volume.Origin == this);

    /// <summary>Where its extents lie; of RAID volumes and thin pools it is their hidden parts that have them.</summary>
    public List<EmulatedSegment> Segments { get; init; } = [];

    public HashSet<string> Tags { get; init; } = [];

    /// <summary>Thin volumes: their pool.</summary>
    public EmulatedVolume? Pool { get; init; }

    /// <summary>Snapshots: what they were made of, while it exists.</summary>
    public EmulatedVolume? Origin { get; set; }

    /// <summary>Hidden parts (rimage, tdata …): what they are part of.</summary>
    public EmulatedVolume? Parent { get; init; }

    /// <summary>The hidden spare of thin metadata, part of nothing.</summary>
    public bool IsSpare { get; init; }

    public bool IsHidden => (Parent is not null && !IsUncleared) || IsSpare;

    public bool SkipsActivation { get; set; }

    /// <summary>RAID volumes and their parts: lvcreate was killed while it cleared the metadata.</summary>
    public bool IsUncleared { get; set; }

    public bool IsActive { get; set; }

    /// <summary>RAID: per cent in sync.</summary>
    public double SyncPercent { get; set; } = 100;

    /// <summary>Thin pools: bytes of one chunk.</summary>
    public long ChunkBytes { get; init; } = 64 << 10;

    /// <summary>Thin pools: new chunks are zeroed.</summary>
    public bool ZeroesChunks { get; set; } = true;

    /// <summary>Thin pools: changes that LVM asked for. Thin volumes: how many there were before.</summary>
    public long TransactionId { get; set; }

    /// <summary>Thin pools: the thin volume whose message "create" was committed and not sent yet.</summary>
    public EmulatedVolume? Queued { get; set; }

    /// <summary>Thin volumes: the thin pool does not have it.</summary>
    public bool IsUnmade { get; set; }

    /// <summary>Thin pools: changes that the kernel has made.</summary>
    public long KernelTransactionId { get; set; }

    /// <summary>Thin pools and COW snapshots: what a test wants the use to be, in per cent; null: what it is.</summary>
    public double? DataPercent { get; set; }

    public double? MetadataPercent { get; set; }

    /// <summary>COW snapshots: overflown, and worth nothing any more.</summary>
    public bool IsInvalid { get; set; }

    /// <summary>Bit 9 of lv_attr where a test wants it; a missing disk is told without.</summary>
    public char Health { get; set; } = '-';

    /// <summary>The file with its content; null for what has none of its own.</summary>
    public string? File { get; set; }

    /// <summary>Number of the loop device before the file while it is active.</summary>
    public int? Loop { get; set; }

    /// <summary>Bytes that the file had when it was copied from its origin: in a thin pool those are shared.</summary>
    public long SharedBytes { get; init; }

    public bool IsThinPool => SegmentType == "thin-pool";

    public bool IsThin => SegmentType == "thin";

    public bool IsCow => SegmentType == "snapshot";

    public bool IsRaid => SegmentType.StartsWith("raid", StringComparison.Ordinal);

    public bool IsPartial => Segments.Exists(static segment => segment.Disk.IsMissing) || Parts.Any(static part => part.IsPartial) || Pool is { IsPartial: true };

    public IEnumerable<EmulatedVolume> Parts => Group.Volumes.Values.Where(volume => volume.Parent == this);

    /// <summary>A RAID volume lives on without some of its images (lvmraid(7)).</summary>
    public bool CanActivate
    {
        get
        {
            if (IsUnmade || IsUncleared)
                return false;
            if (!IsPartial)
                return true;
            if (!IsRaid)
                return false;
            var lost = Parts.Count(static part => part.Name.Contains("_rimage_", StringComparison.Ordinal) && part.IsPartial);
            var images = Parts.Count(static part => part.Name.Contains("_rimage_", StringComparison.Ordinal));
            return SegmentType switch
            {
                "raid1" => lost < images,
                "raid5" => lost <= 1,
                "raid6" => lost <= 2,
                "raid10" => lost <= images / 2,
                _ => false,
            };
        }
    }

    /// <summary>Thin pools: bytes of the metadata.</summary>
    public long MetadataBytes => Parts.Single(static part => part.Name.EndsWith("_tmeta", StringComparison.Ordinal)).SizeBytes;

    /// <summary>As in /dev/mapper.</summary>
    public string DmName => $"{Escape(Group.Name)}-{Escape(Name)}";

    /// <summary>The first 68 letters of the dm UUID; hidden layers have a suffix behind it.</summary>
    public string DmUuid => $"LVM-{Group.Uuid.Replace("-", "", StringComparison.Ordinal)}{Uuid.Replace("-", "", StringComparison.Ordinal)}";

    /// <summary>lv_attr (lvs(8)).</summary>
    public string Attributes(int openCount)
    {
        var type = this switch
        {
            { IsThinPool: true } => 't',
            { IsThin: true } => 'V',
            { IsCow: true } => IsInvalid ? 'S' : 's',
            { IsRaid: true } => SyncPercent < 100 ? 'R' : 'r',
            { Parent: not null } when Name.EndsWith("_tdata", StringComparison.Ordinal) => 'T',
            { Parent: not null } when Name.Contains("_rimage_", StringComparison.Ordinal) => 'i',
            { Parent: not null } or { IsSpare: true } => 'e',
            _ => IsCowOrigin ? 'o' : '-',
        };
        var state = !IsActive ? '-' : IsInvalid ? 'I' : 'a';
        var target = IsThinPool || IsThin ? 't' : IsRaid || Parent is { IsRaid: true } ? 'r' : IsCow || IsCowOrigin ? 's' : '-';
        var zero = (IsThinPool || IsThin) && ZeroesChunks ? 'z' : '-';
        var health = IsPartial ? 'p' : Health;
        var isOpen = openCount > 0 || IsHidden || Group.Volumes.Values.Any(volume => volume.Pool == this && volume.IsActive);
        return $"{type}wi-{state}{(IsActive && isOpen ? 'o' : '-')}{target}{zero}{health}{(SkipsActivation ? 'k' : '-')}";
    }

    private static string Escape(string name) => name.Replace("-", "--", StringComparison.Ordinal);
}
