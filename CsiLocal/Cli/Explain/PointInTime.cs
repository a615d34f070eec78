using System.Globalization;
using CsiLocal.Configuration;

namespace CsiLocal.Cli.Explain;

/// <summary>Times as people write them: how long ago (<c>2h</c>), or when, in UTC as every time that this program prints.</summary>
internal static class PointInTime
{
    public const string Expectation = "a time; write 2h (that long ago), 2026-01-31, \"2026-01-31 13:05\" (UTC) or 2026-01-31T13:05:00+01:00";

    private static readonly string[] Formats =
    [
        "yyyy-MM-dd", "yyyy-MM-dd HH:mm", "yyyy-MM-dd HH:mm:ss", "yyyy-MM-ddTHH:mm", "yyyy-MM-ddTHH:mm:ss", "yyyy-MM-dd HH:mm:ssK",
        "yyyy-MM-ddTHH:mmK", "yyyy-MM-ddTHH:mm:ssK", "yyyy-MM-ddTHH:mm:ss.FFFFFFFK",
    ];

    public static DateTimeOffset? Parse(string text, DateTimeOffset now)
    {
        if (Duration.TryParse(text, out var ago))
            return now - ago;

        return DateTimeOffset.TryParseExact(
            text, Formats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
            ? time
            : null;
    }
}
