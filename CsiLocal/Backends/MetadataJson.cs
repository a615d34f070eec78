using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using CsiLocal.Volumes;

namespace CsiLocal.Backends;

/// <summary>Records as the JSON text of a metadata file, and back.</summary>
/// <remarks>Unknown fields are dropped; a missing required one is a <see cref="JsonException"/>.</remarks>
internal static class MetadataJson
{
    public const int Schema = 1;

    // Names of COs hold no HTML: characters stay readable for people. Control characters are escaped all the same.
    private static readonly JsonWriterOptions ForPeople = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static byte[] Write(VolumeRecord volume) => Write("volume", writer => WriteFields(writer, volume));

    public static byte[] Write(TrashRecord item) => Write("trash", writer =>
    {
        writer.WriteString("trashId", item.Id.Value);
        writer.WriteString("deletedAt", Time(item.DeletedAt));
        writer.WriteString("deadline", Time(item.Deadline));
        writer.WriteString("erase", MetadataNames.Of(item.Erase));
        writer.WriteBoolean("erasing", item.Erasing);
        WriteFields(writer, item.Volume);
    });

    private static void WriteFields(Utf8JsonWriter writer, VolumeRecord volume)
    {
        writer.WriteString("id", volume.Id.Value);
        writer.WriteString("name", volume.Name);
        writer.WriteString("pool", volume.Pool);
        writer.WriteString("backend", MetadataNames.Of(volume.Backend));
        writer.WriteNumber("sizeBytes", volume.SizeBytes);
        WriteNumber(writer, "pendingSizeBytes", volume.PendingSizeBytes);
        writer.WriteString("access", MetadataNames.Of(volume.Access));
        writer.WriteString("filesystem", MetadataNames.Of(volume.Filesystem));
        writer.WriteString("filesystemUuid", volume.FilesystemUuid?.ToString("D"));
        writer.WriteString("format", MetadataNames.Of(volume.Format));
        writer.WriteString("formattedAt", volume.FormattedAt is { } at ? Time(at) : null);
        WriteTexts(writer, "mkfsOptions", volume.MkfsOptions);
        WriteMap(writer, "parameters", volume.Parameters);
        writer.WriteString("sourceSnapshot", (volume.Source as ContentSource.FromSnapshot)?.Id.Value);
        writer.WriteString("sourceVolume", (volume.Source as ContentSource.FromVolume)?.Id.Value);
        writer.WriteBoolean("preallocated", volume.Preallocated);
        WriteNumber(writer, "projectId", volume.ProjectId);
        writer.WriteNumber("sharedBytes", volume.SharedBytes);
        writer.WriteString("state", MetadataNames.Of(volume.State));
        writer.WriteString("createdAt", Time(volume.CreatedAt));
    }

    public static byte[] Write(SnapshotRecord snapshot) => Write("snapshot", writer =>
    {
        writer.WriteString("id", snapshot.Id.Value);
        writer.WriteString("name", snapshot.Name);
        writer.WriteString("sourceVolume", snapshot.SourceVolume.Value);
        writer.WriteString("pool", snapshot.Pool);
        writer.WriteString("backend", MetadataNames.Of(snapshot.Backend));
        writer.WriteNumber("sizeBytes", snapshot.SizeBytes);
        writer.WriteString("access", MetadataNames.Of(snapshot.Access));
        writer.WriteString("filesystem", MetadataNames.Of(snapshot.Filesystem));
        writer.WriteString("filesystemUuid", snapshot.FilesystemUuid?.ToString("D"));
        writer.WriteString("format", MetadataNames.Of(snapshot.Format));
        WriteNumber(writer, "projectId", snapshot.ProjectId);
        writer.WriteNumber("sharedBytes", snapshot.SharedBytes);
        writer.WriteString("state", MetadataNames.Of(snapshot.State));
        writer.WriteString("createdAt", Time(snapshot.CreatedAt));
    });

    /// <exception cref="JsonException">Not such a file, or not one of this schema.</exception>
    public static VolumeRecord ReadVolume(ReadOnlyMemory<byte> text)
    {
        using var document = Parse(text, "volume");
        return VolumeOf(document.RootElement);
    }

    /// <inheritdoc cref="ReadVolume"/>
    public static TrashRecord ReadTrash(ReadOnlyMemory<byte> text)
    {
        using var document = Parse(text, "trash");
        var json = document.RootElement;
        return new TrashRecord
        {
            Id = TrashId.TryParse(JsonFields.RequiredText(json, "trashId"), out var id)
                ? id
                : throw new JsonException("field 'trashId' is not the id of a deleted volume"),
            Volume = VolumeOf(json),
            DeletedAt = RequiredTime(json, "deletedAt"),
            Deadline = RequiredTime(json, "deadline"),
            Erase = MetadataNames.Erase(json),
            Erasing = JsonFields.Flag(json, "erasing"),
        };
    }

    private static VolumeRecord VolumeOf(JsonElement json)
    {
        return new VolumeRecord
        {
            Id = VolumeId.TryParse(JsonFields.RequiredText(json, "id"), out var id)
                ? id
                : throw new JsonException("field 'id' is not a volume id"),
            Name = JsonFields.RequiredText(json, "name"),
            Pool = JsonFields.RequiredText(json, "pool"),
            Backend = MetadataNames.Backend(json),
            SizeBytes = RequiredNumber(json, "sizeBytes"),
            PendingSizeBytes = JsonFields.Number(json, "pendingSizeBytes"),
            Access = MetadataNames.Access(json),
            Filesystem = MetadataNames.Filesystem(json),
            FilesystemUuid = Uuid(json),
            Format = MetadataNames.Format(json),
            FormattedAt = JsonFields.Time(json, "formattedAt"),
            MkfsOptions = JsonFields.Texts(json, "mkfsOptions"),
            Parameters = JsonFields.Map(json, "parameters"),
            Source = Source(json),
            Preallocated = JsonFields.Flag(json, "preallocated"),
            ProjectId = ProjectId(json),
            SharedBytes = JsonFields.Number(json, "sharedBytes") ?? 0,
            State = MetadataNames.StateOfVolume(json),
            CreatedAt = RequiredTime(json, "createdAt"),
        };
    }

    /// <inheritdoc cref="ReadVolume"/>
    public static SnapshotRecord ReadSnapshot(ReadOnlyMemory<byte> text)
    {
        using var document = Parse(text, "snapshot");
        var json = document.RootElement;
        return new SnapshotRecord
        {
            Id = SnapshotId.TryParse(JsonFields.RequiredText(json, "id"), out var id)
                ? id
                : throw new JsonException("field 'id' is not a snapshot id"),
            Name = JsonFields.RequiredText(json, "name"),
            SourceVolume = VolumeId.TryParse(JsonFields.RequiredText(json, "sourceVolume"), out var source)
                ? source
                : throw new JsonException("field 'sourceVolume' is not a volume id"),
            Pool = JsonFields.RequiredText(json, "pool"),
            Backend = MetadataNames.Backend(json),
            SizeBytes = RequiredNumber(json, "sizeBytes"),
            Access = MetadataNames.Access(json),
            Filesystem = MetadataNames.Filesystem(json),
            FilesystemUuid = Uuid(json),
            Format = MetadataNames.Format(json),
            ProjectId = ProjectId(json),
            SharedBytes = JsonFields.Number(json, "sharedBytes") ?? 0,
            State = MetadataNames.StateOfSnapshot(json),
            CreatedAt = RequiredTime(json, "createdAt"),
        };
    }

    private static byte[] Write(string kind, Action<Utf8JsonWriter> fields)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer, ForPeople))
        {
            writer.WriteStartObject();
            writer.WriteNumber("schema", Schema);
            writer.WriteString("kind", kind);
            fields(writer);
            writer.WriteEndObject();
        }

        buffer.Write("\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteTexts(Utf8JsonWriter writer, string field, IReadOnlyList<string> texts)
    {
        writer.WriteStartArray(field);
        foreach (var text in texts)
            writer.WriteStringValue(text);
        writer.WriteEndArray();
    }

    private static void WriteMap(Utf8JsonWriter writer, string field, IReadOnlyDictionary<string, string> map)
    {
        writer.WriteStartObject(field);
        foreach (var key in map.Keys.Order(StringComparer.Ordinal))
            writer.WriteString(key, map[key]);
        writer.WriteEndObject();
    }

    private static void WriteNumber(Utf8JsonWriter writer, string field, long? number)
    {
        if (number is null)
            writer.WriteNull(field);
        else
            writer.WriteNumber(field, number.Value);
    }

    private static string Time(DateTimeOffset time) => time.ToString("O", CultureInfo.InvariantCulture);

    private static JsonDocument Parse(ReadOnlyMemory<byte> text, string kind)
    {
        var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 8 });
        try
        {
            var schema = RequiredNumber(document.RootElement, "schema");
            if (schema != Schema)
                throw new JsonException($"schema {schema}, this driver knows {Schema}");
            if (JsonFields.RequiredText(document.RootElement, "kind") is var found && found != kind)
                throw new JsonException($"describes a {found}, not a {kind}");
            return document;
        }
        catch
        {
            document.Dispose();
            throw;
        }
    }

    private static long RequiredNumber(JsonElement json, string field) =>
        JsonFields.Number(json, field) ?? throw new JsonException($"field '{field}' is missing");

    private static DateTimeOffset RequiredTime(JsonElement json, string field) =>
        JsonFields.Time(json, field) ?? throw new JsonException($"field '{field}' is missing");

    private static Guid? Uuid(JsonElement json)
    {
        if (JsonFields.Text(json, "filesystemUuid") is not { } text)
            return null;
        return Guid.TryParseExact(text, "D", out var uuid) ? uuid : throw new JsonException("field 'filesystemUuid' is not a UUID");
    }

    private static uint? ProjectId(JsonElement json) => JsonFields.Number(json, "projectId") switch
    {
        null => null,
        <= uint.MaxValue and var id => (uint)id,
        _ => throw new JsonException("field 'projectId' is out of range"),
    };

    private static ContentSource? Source(JsonElement json)
    {
        var snapshot = JsonFields.Text(json, "sourceSnapshot");
        var volume = JsonFields.Text(json, "sourceVolume");
        return (snapshot, volume) switch
        {
            (null, null) => null,
            (not null, null) => new ContentSource.FromSnapshot(
                SnapshotId.TryParse(snapshot, out var id) ? id : throw new JsonException("field 'sourceSnapshot' is not a snapshot id")),
            (null, not null) => new ContentSource.FromVolume(
                VolumeId.TryParse(volume, out var id) ? id : throw new JsonException("field 'sourceVolume' is not a volume id")),
            _ => throw new JsonException("fields 'sourceSnapshot' and 'sourceVolume' exclude each other"),
        };
    }
}
