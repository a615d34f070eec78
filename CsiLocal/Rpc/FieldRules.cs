using System.Text;
using CsiLocal.Volumes;

namespace CsiLocal.Rpc;

/// <summary>What the CSI specification demands of every field ("Field Requirements"): presence, size, characters.</summary>
internal static class FieldRules
{
    /// <summary>Longest string field, in bytes, where the specification names no other limit.</summary>
    public const int MaxStringBytes = 128;

    /// <summary>Largest map, in bytes of all keys and values.</summary>
    public const int MaxMapBytes = 4096;

    /// <summary>A required name: no control characters but tab, line feed and carriage return (CreateVolumeRequest.name).</summary>
    public static string Name(string field, string value)
    {
        Required(field, value);
        foreach (var c in value)
        {
            if (c is (< ' ' and not ('\t' or '\n' or '\r')) or (>= '\u007f' and <= '\u009f'))
                throw Invalid($"{field}: it has the control character U+{(int)c:X4}", "use printable characters");
        }

        return value;
    }

    public static string Required(string field, string value)
    {
        if (value.Length == 0)
            throw Invalid($"{field}: it is empty", "set it");

        return Optional(field, value);
    }

    public static string Optional(string field, string value)
    {
        var bytes = Encoding.UTF8.GetByteCount(value);
        return bytes <= MaxStringBytes ? value : throw Invalid($"{field}: {bytes} bytes, {MaxStringBytes} are allowed", "shorten it");
    }

    public static IReadOnlyDictionary<string, string> Map(string field, IDictionary<string, string> map)
    {
        var bytes = 0;
        foreach (var (key, value) in map)
            bytes += Encoding.UTF8.GetByteCount(key) + Encoding.UTF8.GetByteCount(value);

        if (bytes > MaxMapBytes)
            throw Invalid($"{field}: {bytes} bytes in all, {MaxMapBytes} are allowed", "pass less");

        return new SortedDictionary<string, string>(map, StringComparer.Ordinal);
    }

    /// <exception cref="StorageException">InvalidArgument where empty or too long, NotFound where no id of ours has this shape.</exception>
    public static VolumeId VolumeId(string field, string value) =>
        Volumes.VolumeId.TryParse(Required(field, value), out var id)
            ? id
            : throw new StorageException(StorageError.NotFound, $"{field}: there is no volume '{Printable(value)}'");

    /// <summary>For the calls that must succeed for what never existed (DeleteVolume): null for a foreign shape.</summary>
    public static VolumeId? VolumeIdOrForeign(string field, string value) =>
        Volumes.VolumeId.TryParse(Required(field, value), out var id) ? id : null;

    public static SnapshotId? SnapshotIdOrForeign(string field, string value) =>
        Volumes.SnapshotId.TryParse(Required(field, value), out var id) ? id : null;

    public static SnapshotId SnapshotId(string field, string value) =>
        SnapshotIdOrForeign(field, value)
        ?? throw new StorageException(StorageError.NotFound, $"{field}: there is no snapshot '{Printable(value)}'");

    public static StorageException Invalid(string message, string? remedy = null) => new(StorageError.InvalidArgument, message, remedy);

    /// <summary>What a caller sent, fit for a log line.</summary>
    public static string Printable(string value)
    {
        var text = value.Length <= 64 ? value : value[..64] + "…";
        return string.Create(text.Length, text, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
                span[i] = char.IsControl(source[i]) ? '?' : source[i];
        });
    }
}
