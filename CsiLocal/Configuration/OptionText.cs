using System.Text;

namespace CsiLocal.Configuration;

/// <summary>Foreign text made fit for a message.</summary>
internal static class OptionText
{
    /// <summary>What to tell somebody whose text is neither.</summary>
    public const string BooleanExpectation = "true or false";

    private const int MaxLength = 80;

    /// <summary>In single quotes, on one line, cut where it is long.</summary>
    public static string Quote(string text) => $"'{OneLine(text)}'";

    /// <summary>Without control characters (they could forge lines or drive a terminal), cut where it is long.</summary>
    public static string OneLine(string text)
    {
        var line = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (line.Length >= MaxLength)
                return line.Append('…').ToString();
            line.Append(Rune.IsControl(rune) ? $"\\u{rune.Value:x4}" : rune.ToString());
        }

        return line.ToString();
    }

    /// <summary>YAML 1.2 booleans only: 'no' and 'off' have meant too many things.</summary>
    public static bool TryParseBoolean(string text, out bool value)
    {
        value = text == "true";
        return value || text == "false";
    }
}
