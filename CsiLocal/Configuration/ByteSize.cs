using System.Globalization;

namespace CsiLocal.Configuration;

/// <summary>Sizes as people write them: <c>10Gi</c>, <c>500M</c>, <c>1073741824</c>.</summary>
internal static class ByteSize
{
    /// <summary>What to tell somebody whose text is not a size.</summary>
    public const string Expectation = "a size; write 10Gi, 500M or bytes";

    // The suffixes of Kubernetes quantities, which are also what most tools print. 2^60 and 10^18 are the last that fit.
    private const string Prefixes = "KMGTPE";

    // A number below 10^19 times the largest unit stays within an Int128; so does a fraction of nine digits.
    private const int MaxWholeDigits = 19;
    private const int MaxFractionDigits = 9;

    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>Bytes, from a number with an optional suffix: <c>k M G T P E</c> are powers of 1000, <c>Ki Mi Gi Ti Pi Ei</c> of
    /// 1024; a <c>B</c> may follow. A fraction of a byte is rounded up. False for anything else, and for what exceeds a
    /// <c>long</c>.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        var digits = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
        var whole = text.AsSpan(0, digits < 0 ? text.Length : digits);
        var rest = text.AsSpan(whole.Length);
        var fraction = ReadOnlySpan<char>.Empty;
        if (rest.StartsWith("."))
        {
            var end = rest[1..].IndexOfAnyExceptInRange('0', '9');
            fraction = end < 0 ? rest[1..] : rest[1..(end + 1)];
            rest = rest[(fraction.Length + 1)..];
            if (fraction.IsEmpty || fraction.Length > MaxFractionDigits)
                return false;
        }

        if (whole.IsEmpty || whole.Length > MaxWholeDigits || !TryParseSuffix(rest, out var unit))
            return false;
        var total = Int128.Parse(whole, CultureInfo.InvariantCulture) * unit;
        if (!fraction.IsEmpty)
            total += DivideRoundingUp(long.Parse(fraction, CultureInfo.InvariantCulture) * (Int128)unit, PowerOf(10, fraction.Length));
        if (total > long.MaxValue)
            return false;
        bytes = (long)total;
        return true;
    }

    /// <summary>For people: the largest binary unit, at most two decimals: <c>1.5 GiB</c>, <c>512 B</c>.</summary>
    public static string Format(long bytes)
    {
        // decimal: exact for every long, also for long.MinValue, and it rounds as a reader would.
        var value = Math.Abs((decimal)bytes);
        var unit = 0;
        while (unit < Units.Length - 1 && Math.Round(value, 2) >= 1024)
        {
            value /= 1024;
            unit++;
        }

        var sign = bytes < 0 ? "-" : "";
        return string.Create(CultureInfo.InvariantCulture, $"{sign}{Math.Round(value, 2):0.##} {Units[unit]}");
    }

    private static bool TryParseSuffix(ReadOnlySpan<char> suffix, out long unit)
    {
        unit = 1;
        if (suffix.EndsWith("B"))
            suffix = suffix[..^1];
        if (suffix.IsEmpty)
            return true;

        // Kubernetes writes the decimal kilo in lower case; a lower-case m would be milli there, so nothing else is.
        var power = suffix[0] == 'k' ? 1 : Prefixes.IndexOf(suffix[0], StringComparison.Ordinal) + 1;
        var binary = suffix[1..].SequenceEqual("i");
        if (power == 0 || (!binary && suffix.Length > 1) || (binary && suffix[0] == 'k'))
            return false;
        unit = PowerOf(binary ? 1024 : 1000, power);
        return true;
    }

    private static long PowerOf(long number, int exponent)
    {
        var result = 1L;
        for (var i = 0; i < exponent; i++)
            result = checked(result * number);
        return result;
    }

    private static Int128 DivideRoundingUp(Int128 dividend, long divisor) => (dividend + divisor - 1) / divisor;
}
