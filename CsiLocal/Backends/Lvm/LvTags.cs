using System.Globalization;
using System.Text;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Records as tags of their logical volume, and back (design §2.2: truth lies with the data).</summary>
/// <remarks>
/// A tag has at most 1024 characters of <c>A-Z a-z 0-9 _ + . - / = ! : &amp; #</c> (lvm(8), TAGS); others are written as <c>#</c> and two
/// hexadecimal digits per UTF-8 byte, long records as several numbered tags. Kept short: all tags of all volumes share one metadata area.
/// So there is no field for what the logical volume tells (its id by its name, its backend by its type, its size), and none for what
/// is as usual (mounted, ready, never formatted). Unknown fields are ignored, unknown schemas are not.
/// </remarks>
internal static class LvTags
{
    /// <summary>ISO 8601, basic form, UTC: "20260301T120000.1234567Z".</summary>
    public const string TimeFormat = "yyyyMMdd'T'HHmmss.FFFFFFF'Z'";

    private const string Volume = "volume";
    private const string Snapshot = "snapshot";
    private const string Trash = "trash";

    private static readonly string[] Kinds = [Volume, Snapshot, Trash];

    // Of parameters "p:pool=fast"; the long prefix of what the Kubernetes sidecars add is a slash: "p:/pvc/name=data-0".
    private const string Parameter = "p:";
    private const string SidecarPrefix = "csi.storage.k8s.io/";

    /// <summary>The tags of a volume; every field that is not told by the logical volume itself (its size).</summary>
    public static IReadOnlyList<string> Of(VolumeRecord volume)
    {
        var fields = new StringBuilder(256);
        AppendVolume(fields, volume);
        return LvTagText.Split(Volume, fields);
    }

    /// <summary>The tags of a deleted volume: where it is in the trash, until when, and all that it was.</summary>
    public static IReadOnlyList<string> Of(TrashRecord item)
    {
        var fields = new StringBuilder(320);
        LvTagText.Append(fields, "id", item.Id.Value);
        LvTagText.Append(fields, "deleted", Time(item.DeletedAt));
        LvTagText.Append(fields, "until", Time(item.Deadline));
        LvTagText.Append(fields, "erase", MetadataNames.Of(item.Erase));
        if (item.Erasing)
            LvTagText.Append(fields, "erasing", null);
        AppendVolume(fields, item.Volume);
        return LvTagText.Split(Trash, fields);
    }

    private static void AppendVolume(StringBuilder fields, VolumeRecord volume)
    {
        LvTagText.Append(fields, "name", volume.Name);
        LvTagText.Append(fields, "pool", volume.Pool);
        LvTagText.Append(fields, "created", Time(volume.CreatedAt));
        AppendContent(fields, volume.Access, volume.Filesystem, volume.FilesystemUuid, volume.Format);
        AppendIf(fields, "formatted", volume.FormattedAt is { } at ? Time(at) : null);
        foreach (var option in volume.MkfsOptions)
            LvTagText.Append(fields, "mkfs", option);
        AppendParameters(fields, volume);
        AppendSource(fields, volume);
        AppendIf(fields, "pending", Number(volume.PendingSizeBytes));
        AppendIf(fields, "project", Number(volume.ProjectId));
        AppendIf(fields, "shared", volume.SharedBytes == 0 ? null : Number(volume.SharedBytes));
        if (volume.Preallocated)
            LvTagText.Append(fields, "preallocated", null);
        if (volume.State != VolumeState.Ready)
            LvTagText.Append(fields, "state", MetadataNames.Of(volume.State));
    }

    public static IReadOnlyList<string> Of(SnapshotRecord snapshot)
    {
        var fields = new StringBuilder(256);
        LvTagText.Append(fields, "name", snapshot.Name);
        LvTagText.Append(fields, "of", snapshot.SourceVolume.Value);
        LvTagText.Append(fields, "pool", snapshot.Pool);
        LvTagText.Append(fields, "created", Time(snapshot.CreatedAt));

        // The size of a copy-on-write snapshot's logical volume is that of its reserve.
        if (snapshot.Backend == BackendKind.Lvm)
            LvTagText.Append(fields, "size", Number(snapshot.SizeBytes));
        AppendContent(fields, snapshot.Access, snapshot.Filesystem, snapshot.FilesystemUuid, snapshot.Format);
        AppendIf(fields, "project", Number(snapshot.ProjectId));
        AppendIf(fields, "shared", snapshot.SharedBytes == 0 ? null : Number(snapshot.SharedBytes));
        if (snapshot.State != SnapshotState.Ready)
            LvTagText.Append(fields, "state", MetadataNames.Of(snapshot.State));
        return LvTagText.Split(Snapshot, fields);
    }

    /// <summary>Whether any of the tags is ours, readable or not.</summary>
    public static bool AreOurs(IReadOnlyList<string> tags)
    {
        foreach (var tag in tags)
        {
            if (LvTagText.IsOurs(tag))
                return true;
        }

        return false;
    }

    /// <summary>The volume that the tags describe, with the logical volume's real size; null where the tags are not those of a volume of ours.</summary>
    /// <remarks>
    /// A logical volume that is smaller than its record says was to be grown after it was made and was handed to nobody: the volume is
    /// <see cref="VolumeState.Creating"/>, of the size that it is to have. So is one whose lvcreate did not come to its end.
    /// </remarks>
    /// <exception cref="FormatException">Ours, and not readable.</exception>
    public static VolumeRecord? ReadVolume(LogicalVolume volume)
    {
        if (Fields(Volume, volume) is not { } fields)
            return null;

        var record = VolumeOf(volume, fields);
        RequireName(volume, record.Id.Value);
        return record;
    }

    /// <summary>The deleted volume that the tags describe; null where they are not those of one.</summary>
    /// <remarks>Whatever its name is: a crash may fall between the tags and the renaming.</remarks>
    /// <inheritdoc cref="ReadVolume" path="/exception"/>
    public static TrashRecord? ReadTrash(LogicalVolume volume)
    {
        if (Fields(Trash, volume) is not { } fields)
            return null;

        var record = VolumeOf(volume, fields);
        var id = TrashId.Parse(fields.Required("id"));
        return TrashId.Of(record) == id ? new TrashRecord
        {
            Id = id,
            Volume = record,
            DeletedAt = fields.Time("deleted") ?? throw new FormatException("field 'deleted' is missing"),
            Deadline = fields.Time("until") ?? throw new FormatException("field 'until' is missing"),
            Erase = MetadataNames.EraseOf(fields.Required("erase")) ?? throw new FormatException("field 'erase' is none that this driver knows"),
            Erasing = fields.Has("erasing"),
        } : throw new FormatException($"logical volume {volume.Name} has the tags of {id}, which is another volume's");
    }

    /// <summary>Whether these are the tags of a deleted volume. Cheap: nothing else is read.</summary>
    public static bool IsTrash(LogicalVolume volume)
    {
        foreach (var tag in volume.Tags)
        {
            if (tag.StartsWith($"{LvTagText.Prefix}{Trash}=", StringComparison.Ordinal))
                return true;
        }

        return false;
    }

    /// <summary>What a volume was before it was adopted, as its tags have it, whatever its name is; null where they tell of no such thing.</summary>
    public static string? AdoptedFrom(LogicalVolume volume)
    {
        try
        {
            return Fields(Volume, volume)?.Text(Parameter + AdoptionRecord.SourceParameter);
        }
        catch (FormatException)
        {
            // Tags that cannot be read are told of elsewhere; they prove nothing.
            return null;
        }
    }

    private static VolumeRecord VolumeOf(LogicalVolume volume, LvTagFields fields)
    {
        var name = fields.Required("name");
        var wanted = fields.Number("size") ?? 0;
        return new VolumeRecord
        {
            Id = VolumeId.Mint(name),
            Name = name,
            Pool = fields.Required("pool"),
            Backend = BackendOf(volume),
            SizeBytes = Math.Max(wanted, volume.SizeBytes),
            PendingSizeBytes = fields.Number("pending"),
            Access = fields.Access,
            Filesystem = fields.Filesystem,
            FilesystemUuid = fields.Uuid("uuid"),
            Format = fields.Format,
            FormattedAt = fields.Time("formatted"),
            MkfsOptions = MkfsOptions(fields),
            Parameters = Parameters(fields, name),
            Source = fields.Source,
            Preallocated = fields.Has("preallocated"),
            ProjectId = fields.ProjectId("project"),
            SharedBytes = fields.Number("shared") ?? 0,
            State = wanted > volume.SizeBytes || volume.IsUncleared ? VolumeState.Creating : fields.VolumeState,
            CreatedAt = fields.Time("created") ?? throw new FormatException("field 'created' is missing"),
        };
    }

    /// <inheritdoc cref="ReadVolume"/>
    public static SnapshotRecord? ReadSnapshot(LogicalVolume volume)
    {
        if (Fields(Snapshot, volume) is not { } fields)
            return null;

        var name = fields.Required("name");
        var id = SnapshotId.Mint(name);
        RequireName(volume, id.Value);
        return new SnapshotRecord
        {
            Id = id,
            Name = name,
            SourceVolume = VolumeId.Parse(fields.Required("of")),
            Pool = fields.Required("pool"),
            Backend = BackendOf(volume),
            SizeBytes = fields.Number("size") ?? volume.SizeBytes,
            Access = fields.Access,
            Filesystem = fields.Filesystem,
            FilesystemUuid = fields.Uuid("uuid"),
            Format = fields.Format,
            ProjectId = fields.ProjectId("project"),
            SharedBytes = fields.Number("shared") ?? 0,
            State = fields.SnapshotState,
            CreatedAt = fields.Time("created") ?? throw new FormatException("field 'created' is missing"),
        };
    }

    private static LvTagFields? Fields(string kind, LogicalVolume volume)
    {
        if (LvTagText.Join(kind, volume.Tags) is { } text)
        {
            foreach (var other in Kinds)
            {
                if (other != kind && LvTagText.Join(other, volume.Tags) is not null)
                    throw new FormatException($"logical volume {volume.Name} has the tags of a {kind} and of a {other}");
            }

            return new LvTagFields(text);
        }

        // Parts of a record without their beginning: of which kind it was cannot be told, so it is neither "none of ours" nor readable.
        if (LvTagText.HasOrphanedParts(volume.Tags))
            throw new FormatException($"logical volume {volume.Name}: the tag with the beginning of its record is missing");
        return null;
    }

    // A volume is found by its name: one with another's tags is a copy that somebody made, or was renamed, and nothing may be done to it.
    private static void RequireName(LogicalVolume volume, string id)
    {
        if (volume.Name != id)
            throw new FormatException($"logical volume {volume.Name} has the tags of {id}");
    }

    private static BackendKind BackendOf(LogicalVolume volume) => volume.SegmentType == "thin" ? BackendKind.LvmThin : BackendKind.Lvm;

    private static void AppendContent(StringBuilder fields, AccessType access, FilesystemType? filesystem, Guid? uuid, FormatState format)
    {
        if (access != AccessType.Mount)
            LvTagText.Append(fields, "access", MetadataNames.Of(access));
        AppendIf(fields, "fs", MetadataNames.Of(filesystem));
        AppendIf(fields, "uuid", uuid?.ToString("N"));
        if (format != FormatState.Never)
            LvTagText.Append(fields, "format", MetadataNames.Of(format));
    }

    private static void AppendParameters(StringBuilder fields, VolumeRecord volume)
    {
        foreach (var key in volume.Parameters.Keys.Order(StringComparer.Ordinal))
        {
            // The name of the PersistentVolume is the name of the volume.
            LvTagText.Append(fields, Parameter + Shorten(key), volume.Parameters[key] == volume.Name ? null : volume.Parameters[key]);
        }
    }

    private static void AppendSource(StringBuilder fields, VolumeRecord volume)
    {
        switch (volume.Source)
        {
            case null:
                return;
            case ContentSource.FromSnapshot snapshot:
                LvTagText.Append(fields, "from", snapshot.Id.Value);
                break;
            case ContentSource.FromVolume source:
                LvTagText.Append(fields, "from", source.Id.Value);
                break;
        }

        LvTagText.Append(fields, "size", Number(volume.SizeBytes));
    }

    private static List<string> MkfsOptions(LvTagFields fields)
    {
        var options = new List<string>();
        foreach (var (key, value) in fields.All)
        {
            if (key == "mkfs")
                options.Add(value ?? throw new FormatException("field 'mkfs' has no value"));
        }

        return options;
    }

    private static Dictionary<string, string> Parameters(LvTagFields fields, string name)
    {
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in fields.All)
        {
            if (key.StartsWith(Parameter, StringComparison.Ordinal) && !parameters.TryAdd(Lengthen(key[Parameter.Length..]), value ?? name))
                throw new FormatException($"field '{key}' is there twice");
        }

        return parameters;
    }

    // "/x" stands for the sidecars' prefix and "x", "//x" for a key that begins with a slash itself.
    private static string Shorten(string key)
    {
        if (key.StartsWith('/'))
            return "/" + key;
        return key.StartsWith(SidecarPrefix, StringComparison.Ordinal) && !key.AsSpan(SidecarPrefix.Length).StartsWith("/")
            ? key[(SidecarPrefix.Length - 1)..]
            : key;
    }

    private static string Lengthen(string key)
    {
        if (key.StartsWith("//", StringComparison.Ordinal))
            return key[1..];
        return key.StartsWith('/') ? string.Concat(SidecarPrefix, key.AsSpan(1)) : key;
    }

    private static void AppendIf(StringBuilder fields, string key, string? value)
    {
        if (value is not null)
            LvTagText.Append(fields, key, value);
    }

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture);

    private static string? Number(long? number) => number?.ToString(CultureInfo.InvariantCulture);
}
