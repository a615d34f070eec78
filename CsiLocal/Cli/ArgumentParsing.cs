using System.CommandLine.Parsing;

namespace CsiLocal.Cli;

/// <summary>Parsers of option values whose message says what would have been right.</summary>
internal static class ArgumentParsing
{
    /// <param name="result">The option or argument being read.</param>
    /// <param name="parse">The value, or null where the text is none.</param>
    /// <param name="expectation">"a size; write 10Gi, …".</param>
    public static T? ParseText<T>(this ArgumentResult result, Func<string, T?> parse, string expectation)
    {
        var text = result.Tokens[^1].Value;
        var value = parse(text);
        if (value is null)
            result.AddError($"{NameOf(result)}: '{text}' is not {expectation}");
        return value;
    }

    public static T ParseWord<T>(this ArgumentResult result, params ReadOnlySpan<(string Word, T Value)> words)
        where T : struct
    {
        var text = result.Tokens[^1].Value;
        var known = new List<string>();
        foreach (var (word, value) in words)
        {
            if (word.Equals(text, StringComparison.OrdinalIgnoreCase))
                return value;
            known.Add(word);
        }

        result.AddError($"{NameOf(result)}: '{text}' is not one of {string.Join(", ", known)}");
        return default;
    }

    private static string NameOf(ArgumentResult result) =>
        result.Parent is OptionResult option ? option.Option.Name : result.Argument.Name;
}
