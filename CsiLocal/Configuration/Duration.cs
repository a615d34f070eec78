using System.Globalization;

namespace CsiLocal.Configuration;

/// <summary>Lengths of time as people write them: <c>500ms</c>, <c>10s</c>, <c>5m</c>, <c>24h</c>, <c>30d</c>.</summary>
internal static class Duration
{
    /// <summary>What to tell somebody whose text is not a duration.</summary>
    public const string Expectation = "a duration; write 10s, 5m, 24h or 30d";

    // A hundred years: far from TimeSpan's end, and more than any option means.
    private const long MaxMilliseconds = 36_500L * 86_400_000;

    private static readonly (string Suffix, long Milliseconds)[] Units =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("ms", 1), ("s", 1_000)];

    /// <summary>A whole number and one unit, nothing between; a bare 0 needs none.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        if (text == "0")
            return true;
        var digits = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
        if (digits is <= 0 or > 18)
            return false;
        foreach (var (suffix, milliseconds) in Units)
        {
            if (!text.AsSpan(digits).SequenceEqual(suffix))
                continue;
            var number = long.Parse(text.AsSpan(0, digits), CultureInfo.InvariantCulture);
            if (number > MaxMilliseconds / milliseconds)
                return false;
            duration = TimeSpan.FromMilliseconds(number * milliseconds);
            return true;
        }

        return false;
    }

    /// <summary>The largest unit that says it exactly: <c>90s</c>, <c>24h</c> as <c>1d</c>.</summary>
    public static string Format(TimeSpan duration)
    {
        var milliseconds = (long)duration.TotalMilliseconds;
        if (milliseconds == 0)
            return "0s";
        var largest = (Suffix: "ms", Milliseconds: 1L);
        foreach (var unit in Units)
        {
            if (milliseconds % unit.Milliseconds == 0 && unit.Milliseconds > largest.Milliseconds)
                largest = unit;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{milliseconds / largest.Milliseconds}{largest.Suffix}");
    }
}
