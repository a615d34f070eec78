using System.Globalization;
using System.Text;
using CsiLocal.Configuration;
using Google.Protobuf.WellKnownTypes;

namespace CsiLocal.Cli.Output;

/// <summary>How values look to people.</summary>
internal static class PlainText
{
    /// <summary>Stands for "none" in a table cell, so that columns can be cut by position.</summary>
    public const string None = "-";

    public static string Size(long bytes) => ByteSize.Format(bytes);

    public static string Time(Timestamp? time) =>
        time is null ? None : time.ToDateTime().ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>Never 100 before it is full: rounded down.</summary>
    public static string Percent(double percent) =>
        string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(percent * 100) / 100:0.##} %");

    /// <summary>To the minute, for tables.</summary>
    public static string ShortTime(Timestamp? time) =>
        time is null ? None : time.ToDateTime().ToString("yyyy-MM-dd HH:mm'Z'", CultureInfo.InvariantCulture);

    /// <summary>The end of a long path is what tells it from others.</summary>
    public static string Tail(string text, int length) => text.Length <= length ? text : $"…{text[^(length - 1)..]}";

    /// <summary>For documents: protobuf has no null text.</summary>
    public static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;

    public static string OrNone(string? text) => string.IsNullOrEmpty(text) ? None : text;

    /// <summary>On one line and without control characters: what an endpoint says must not steer the terminal.</summary>
    public static string OneLine(string text)
    {
        if (!text.Any(char.IsControl))
            return text;

        var line = new StringBuilder(text.Length);
        foreach (var part in text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (line.Length > 0)
                line.Append("; ");
            foreach (var c in part)
                line.Append(char.IsControl(c) ? '?' : c);
        }

        return line.ToString();
    }
}
