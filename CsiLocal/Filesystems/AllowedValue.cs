using System.Globalization;

namespace CsiLocal.Filesystems;

/// <summary>A known option: its name, and what its value may be; null where it takes none.</summary>
internal sealed record AllowedOption(string Name, AllowedValue? Value);

/// <summary>What the value of an option may look like: a text for people, and the test.</summary>
/// <remarks>Values reach mkfs and mount(8) as root. Each is of a closed form here; none can hold a blank, a comma or a path.</remarks>
internal sealed record AllowedValue(string Text, Func<string, bool> Accepts)
{
    public static AllowedValue OneOf(params string[] words) =>
        new(string.Join('|', words), value => words.Contains(value, StringComparer.Ordinal));

    /// <summary>A whole number in plain decimal digits.</summary>
    public static AllowedValue Number(long least, long most) => new(
        $"{least}..{most}",
        value => IsDigits(value) && long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most);

    /// <summary>A per cent value, with at most two digits after the point.</summary>
    public static AllowedValue Percent(int most) => new($"0..{most}", value => IsPercent(value, most));

    /// <summary>Digits with one of the unit letters, or none.</summary>
    public static AllowedValue Size(string units) => new(
        $"SIZE[{units}]",
        value => value.Length is > 0 and <= 16 && IsDigits(units.Contains(value[^1], StringComparison.Ordinal) ? value[..^1] : value));

    /// <summary>Comma-separated words; those of <paramref name="switches"/> may be preceded by <c>^</c>, which turns them off.</summary>
    public static AllowedValue Features(params string[] switches) => new(
        $"[^]{string.Join('|', switches)},…",
        value => value.Split(',') is var words
            && words.All(word => switches.Contains(word.StartsWith('^') ? word[1..] : word, StringComparer.Ordinal))
            && words.Select(static word => word.TrimStart('^')).Distinct(StringComparer.Ordinal).Count() == words.Length);

    /// <summary>Comma-separated <c>name=value</c> pairs (or bare names, where the value is null), each name once.</summary>
    public static AllowedValue Pairs(params IReadOnlyList<AllowedOption> pairs) => new(
        string.Join(',', pairs.Select(static pair => pair.Value is null ? pair.Name : $"{pair.Name}={pair.Value.Text}")),
        value => value.Split(',').Select(static word => word.Split('=', 2)).ToArray() is var given
            && given.All(word => pairs.Any(pair => Matches(pair, word)))
            && given.Select(static word => word[0]).Distinct(StringComparer.Ordinal).Count() == given.Length);

    private static bool Matches(AllowedOption pair, string[] word) =>
        pair.Name == word[0] && (pair.Value is null ? word.Length == 1 : word.Length == 2 && pair.Value.Accepts(word[1]));

    private static bool IsDigits(string value) => value.Length is > 0 and <= 19 && !value.AsSpan().ContainsAnyExceptInRange('0', '9');

    private static bool IsPercent(string value, int most)
    {
        var parts = value.Split('.');
        return parts.Length <= 2 && value.Length <= 6 && parts.All(IsDigits) && (parts.Length == 1 || parts[1].Length <= 2)
            && decimal.Parse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture) <= most;
    }

    /// <summary>What a caller sent, fit for a one-line message.</summary>
    public static string Printable(string value)
    {
        var text = (value.Length <= 64 ? value : value[..64] + "…").ToCharArray();
        for (var i = 0; i < text.Length; i++)
            text[i] = char.IsControl(text[i]) ? '?' : text[i];
        return new string(text);
    }
}
