using System.Globalization;
using System.Text.Json;

namespace CsiLocal.Backends;

/// <summary>Fields of a JSON object that may be damaged: a wrong type is a <see cref="JsonException"/> that names the field.</summary>
internal static class JsonFields
{
    /// <summary>A text or number as text; null where the field is missing or null.</summary>
    public static string? Text(JsonElement json, string field)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new JsonException("not a JSON object");
        if (!json.TryGetProperty(field, out var value))
            return null;
        return value.ValueKind switch
        {
            JsonValueKind.Null => null,
            JsonValueKind.String => value.GetString(),
            JsonValueKind.Number => value.GetRawText(),
            _ => throw new JsonException($"field '{field}' is not a text"),
        };
    }

    public static string RequiredText(JsonElement json, string field) =>
        Text(json, field) ?? throw new JsonException($"field '{field}' is missing");

    /// <summary>A whole number that is not negative; null where the field is missing.</summary>
    public static long? Number(JsonElement json, string field)
    {
        if (Text(json, field) is not { } text)
            return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new JsonException($"field '{field}' is '{text}', not a whole number");
    }

    public static DateTimeOffset? Time(JsonElement json, string field)
    {
        if (Text(json, field) is not { } text)
            return null;
        return DateTimeOffset.TryParseExact(text, "O", CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out var time)
            ? time
            : throw new JsonException($"field '{field}' is '{text}', not a time");
    }

    public static bool Flag(JsonElement json, string field) =>
        json.TryGetProperty(field, out var value) && value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False or JsonValueKind.Null => false,
            _ => throw new JsonException($"field '{field}' is neither true nor false"),
        };

    public static IReadOnlyList<string> Texts(JsonElement json, string field)
    {
        if (!json.TryGetProperty(field, out var value) || value.ValueKind == JsonValueKind.Null)
            return [];
        if (value.ValueKind != JsonValueKind.Array)
            throw new JsonException($"field '{field}' is not a list of texts");
        var texts = new List<string>();
        foreach (var item in value.EnumerateArray())
            texts.Add(item.ValueKind == JsonValueKind.String ? item.GetString()! : throw new JsonException($"field '{field}' is not a list of texts"));
        return texts;
    }

    public static IReadOnlyDictionary<string, string> Map(JsonElement json, string field)
    {
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        if (!json.TryGetProperty(field, out var value) || value.ValueKind == JsonValueKind.Null)
            return map;
        if (value.ValueKind != JsonValueKind.Object)
            throw new JsonException($"field '{field}' is not a map");
        foreach (var entry in value.EnumerateObject())
        {
            map[entry.Name] = entry.Value.ValueKind == JsonValueKind.String
                ? entry.Value.GetString()!
                : throw new JsonException($"field '{field}.{entry.Name}' is not a text");
        }

        return map;
    }
}
