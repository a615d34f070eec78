using System.Globalization;

namespace CsiLocal.Configuration;

/// <summary>One thing that is wrong with the configuration, and where.</summary>
/// <param name="Source">The file's name, or what gave the value: "flag --endpoint", "environment CSI_ENDPOINT".</param>
/// <param name="Line">From 1; 0 where the source has no lines.</param>
/// <param name="Column">From 1; 0 where the source has no lines.</param>
/// <param name="OptionPath">Such as <c>pools[1].reserve</c>; empty for the source as a whole.</param>
/// <param name="Message">The fact and the remedy.</param>
internal sealed record ConfigurationProblem(string Source, int Line, int Column, string OptionPath, string Message)
{
    public static ConfigurationProblem Of(string source, string message) => new(source, 0, 0, "", message);

    /// <summary>One line: <c>FILE:LINE:COLUMN: PATH: MESSAGE</c>, which editors and terminals can jump to.</summary>
    public override string ToString()
    {
        var place = Line == 0 ? Source : string.Create(CultureInfo.InvariantCulture, $"{Source}:{Line}:{Column}");
        return OptionPath.Length == 0 ? $"{place}: {Message}" : $"{place}: {OptionPath}: {Message}";
    }
}
