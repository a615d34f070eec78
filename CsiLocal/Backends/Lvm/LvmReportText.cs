using System.Text;
using System.Text.Json;

namespace CsiLocal.Backends.Lvm;

/// <summary>Finds the JSON in what a report command printed.</summary>
/// <remarks>
/// lvm prints its advice between the lines of its own report: "Consider pruning vg VG archive with more then 11949 MiB" stood inside
/// the JSON in deckhouse sds-node-configurator#334, and errors of a sub-report do too.
/// </remarks>
internal static class LvmReportText
{
    private static readonly JsonDocumentOptions Lenient = new() { AllowTrailingCommas = true, MaxDepth = 16 };

    /// <exception cref="JsonException">There is no report in it.</exception>
    public static JsonDocument Parse(string text)
    {
        var start = text.IndexOf('{');
        var end = text.LastIndexOf('}');
        if (start < 0 || end < start)
            throw new JsonException("there is no JSON in it");

        try
        {
            return JsonDocument.Parse(text.AsMemory(start, end + 1 - start), Lenient);
        }
        catch (JsonException)
        {
            return JsonDocument.Parse(WithoutAdvice(text), Lenient);
        }
    }

    private static string WithoutAdvice(string text)
    {
        var kept = new StringBuilder(text.Length);
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            if (IsJson(line.Trim()))
                kept.Append(line).Append('\n');
        }

        return kept.ToString();
    }

    // lvm prints each row, bracket and comma, and the name of each report, on a line of its own. A row is a whole object.
    private static bool IsJson(ReadOnlySpan<char> line) => line.Length > 0 && line[0] switch
    {
        '{' => line.Length == 1 || line.EndsWith("}") || line.EndsWith("},"),
        '}' or ']' => line.Length <= 2,
        '[' => line.Length == 1,
        ',' => line.Length == 1,
        '"' => line.EndsWith("[") || line.EndsWith("[]") || line.EndsWith("[],"),
        _ => false,
    };
}
