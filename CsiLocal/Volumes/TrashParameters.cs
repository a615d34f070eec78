using CsiLocal.Configuration;

namespace CsiLocal.Volumes;

/// <summary>What a volume's own parameters say of its deletion; they outrank what its pool says.</summary>
internal static class TrashParameters
{
    /// <summary>null: they do not say.</summary>
    public static EraseMode? EraseOf(IReadOnlyDictionary<string, string> parameters) =>
        parameters.TryGetValue(ParameterNames.Erase, out var text) && TrashReader.TryParseErase(text, out var mode) ? mode : null;

    /// <inheritdoc cref="EraseOf"/>
    public static TimeSpan? GraceOf(IReadOnlyDictionary<string, string> parameters) =>
        parameters.TryGetValue(ParameterNames.TrashGrace, out var text) && Duration.TryParse(text, out var grace) ? grace : null;
}
