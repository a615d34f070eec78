using System.Globalization;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>The fields of one record, by key, as they were read from tags.</summary>
internal sealed class LvTagFields
{
    private readonly List<(string Key, string? Value)> _fields = [];

    /// <exception cref="FormatException">Not such a text.</exception>
    public LvTagFields(string text)
    {
        foreach (var field in text.Split('&', StringSplitOptions.RemoveEmptyEntries))
            _fields.Add(LvTagText.ReadField(field));
    }

    /// <summary>All of them, in their order; a key may come more than once.</summary>
    public IReadOnlyList<(string Key, string? Value)> All => _fields;

    /// <summary>null where it is missing.</summary>
    /// <exception cref="FormatException">It is there twice, or has no value.</exception>
    public string? Text(string key)
    {
        string? found = null;
        foreach (var (name, value) in _fields)
        {
            if (name != key)
                continue;
            if (found is not null || value is null)
                throw new FormatException($"field '{key}' is {(value is null ? "empty" : "there twice")}");
            found = value;
        }

        return found;
    }

    public string Required(string key) => Text(key) ?? throw new FormatException($"field '{key}' is missing");

    public bool Has(string key)
    {
        foreach (var (name, _) in _fields)
        {
            if (name == key)
                return true;
        }

        return false;
    }

    /// <summary>A whole number that is not negative; null where the field is missing.</summary>
    public long? Number(string key)
    {
        if (Text(key) is not { } text)
            return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new FormatException($"field '{key}' is '{text}', not a whole number");
    }

    public DateTimeOffset? Time(string key)
    {
        if (Text(key) is not { } text)
            return null;
        return DateTimeOffset.TryParseExact(
            text, LvTags.TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
            ? time
            : throw new FormatException($"field '{key}' is '{text}', not a time");
    }

    public Guid? Uuid(string key)
    {
        if (Text(key) is not { } text)
            return null;
        return Guid.TryParseExact(text, "N", out var uuid) ? uuid : throw new FormatException($"field '{key}' is '{text}', not a UUID");
    }

    public uint? ProjectId(string key) => Number(key) switch
    {
        null => null,
        <= uint.MaxValue and var id => (uint)id,
        _ => throw new FormatException($"field '{key}' is out of range"),
    };

    public AccessType Access => Known("access", MetadataNames.AccessOf, AccessType.Mount);

    public FormatState Format => Known("format", MetadataNames.FormatOf, FormatState.Never);

    public VolumeState VolumeState => Known("state", MetadataNames.VolumeStateOf, VolumeState.Ready);

    public SnapshotState SnapshotState => Known("state", MetadataNames.SnapshotStateOf, SnapshotState.Ready);

    public FilesystemType? Filesystem =>
        Text("fs") is { } name ? MetadataNames.FilesystemOf(name) ?? throw Strange("fs", name) : null;

    public ContentSource? Source
    {
        get
        {
            if (Text("from") is not { } text)
                return null;
            if (SnapshotId.TryParse(text, out var snapshot))
                return new ContentSource.FromSnapshot(snapshot);
            return VolumeId.TryParse(text, out var volume) ? new ContentSource.FromVolume(volume) : throw Strange("from", text);
        }
    }

    private T Known<T>(string key, Func<string, T?> parse, T usual)
        where T : struct, Enum =>
        Text(key) is { } name ? parse(name) ?? throw Strange(key, name) : usual;

    private static FormatException Strange(string key, string value) => new($"field '{key}' is '{value}', which this driver does not know");
}
