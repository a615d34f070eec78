using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace CsiLocal.State;

/// <summary>How values that SQLite has no type for are written into columns, and read back exactly.</summary>
internal static class Columns
{
    /// <summary>UTC, ISO 8601, always 28 characters: the order of the texts is the order of the times.</summary>
    public static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);

    public static string? Text(DateTimeOffset? time) => time is { } value ? Text(value) : null;

    public static DateTimeOffset Time(string text) =>
        DateTimeOffset.ParseExact(text, "O", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    public static T Enum<T>(string text)
        where T : struct, System.Enum => System.Enum.Parse<T>(text);

    public static string Json(IReadOnlyList<string> list)
    {
        if (list.Count == 0)
            return "[]";

        return Json(list, static (writer, list) =>
        {
            writer.WriteStartArray();
            foreach (var item in list)
                writer.WriteStringValue(item);
            writer.WriteEndArray();
        });
    }

    public static string Json(IReadOnlyDictionary<string, string> map)
    {
        if (map.Count == 0)
            return "{}";

        return Json(map, static (writer, map) =>
        {
            writer.WriteStartObject();
            foreach (var (key, value) in map)
                writer.WriteString(key, value);
            writer.WriteEndObject();
        });
    }

    public static IReadOnlyList<string> List(string json)
    {
        if (json == "[]")
            return [];

        using var document = JsonDocument.Parse(json);
        var list = new List<string>(document.RootElement.GetArrayLength());
        foreach (var item in document.RootElement.EnumerateArray())
            list.Add(item.GetString()!);
        return list;
    }

    public static IReadOnlyDictionary<string, string> Map(string json)
    {
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        if (json == "{}")
            return map;

        using var document = JsonDocument.Parse(json);
        foreach (var property in document.RootElement.EnumerateObject())
            map.Add(property.Name, property.Value.GetString()!);
        return map;
    }

    private static string Json<T>(T value, Action<Utf8JsonWriter, T> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
            write(writer, value);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
