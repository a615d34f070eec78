using System.Globalization;
using System.Text;
using System.Text.Json;

namespace CsiLocal.Cli.Output;

/// <summary>A document as YAML: the same as its JSON, in the form that people expect of a manifest.</summary>
internal static class YamlText
{
    // What YAML 1.1 readers take for something else than text.
    private static readonly string[] Reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

    public static string Of(IJsonShape document)
    {
        using var json = JsonDocument.Parse(JsonText.Of(document));
        var text = new StringBuilder();
        WriteMembers(text, json.RootElement, depth: 0);
        return text.ToString();
    }

    private static void WriteMembers(StringBuilder text, JsonElement element, int depth)
    {
        foreach (var member in element.EnumerateObject())
        {
            Indent(text, depth).Append(Scalar(member.Name)).Append(':');
            WriteValue(text, member.Value, depth + 1);
        }
    }

    private static void WriteValue(StringBuilder text, JsonElement value, int depth)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                text.Append('\n');
                WriteMembers(text, value, depth);
                break;
            case JsonValueKind.Array:
                text.Append('\n');
                foreach (var item in value.EnumerateArray())
                    WriteItem(text, item, depth);
                break;
            case JsonValueKind.String:
                text.Append(' ').Append(Scalar(value.GetString()!)).Append('\n');
                break;
            default:
                text.Append(' ').Append(value.GetRawText()).Append('\n');
                break;
        }
    }

    private static void WriteItem(StringBuilder text, JsonElement item, int depth)
    {
        if (item.ValueKind != JsonValueKind.Object)
        {
            Indent(text, depth).Append('-');
            WriteValue(text, item, depth + 1);
            return;
        }

        // The dash takes the place of the first member's indentation.
        var start = text.Length;
        WriteMembers(text, item, depth + 1);
        text[start + (2 * depth)] = '-';
    }

    private static StringBuilder Indent(StringBuilder text, int depth) => text.Append(' ', 2 * depth);

    // A text in double quotes reads the same in JSON and YAML.
    private static string Scalar(string text)
    {
        var isPlain = text.Length > 0 && (char.IsAsciiLetter(text[0]) || text[0] == '/')
            && text.All(static c => char.IsAsciiLetterOrDigit(c) || "-_./".Contains(c, StringComparison.Ordinal))
            && !Reserved.Contains(text.ToLower(CultureInfo.InvariantCulture));
        return isPlain ? text : $"\"{JsonEncodedText.Encode(text)}\"";
    }
}
