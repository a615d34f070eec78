namespace CsiLocal.Tools;

/// <summary>What a command that ran to its end said.</summary>
/// <param name="ExitCode">As data: what it means is for the caller to say.</param>
/// <param name="StandardOutput">At most <see cref="ToolCommand.MaxOutput"/> bytes of it.</param>
/// <param name="StandardError">At most <see cref="ToolCommand.MaxOutput"/> bytes of it.</param>
internal sealed record ToolOutput(int ExitCode, string StandardOutput, string StandardError)
{
    /// <summary>Bytes kept of each stream where a command does not say otherwise.</summary>
    public const int MaxCaptured = 1 << 20;

    /// <summary>Something of one of the streams was dropped.</summary>
    public bool IsTruncated { get; init; }

    public bool Succeeded => ExitCode == 0;

    /// <summary>One line for an error message: exit code and the first non-empty line of what it said.</summary>
    public string Summary => Gist is { } line ? $"exit code {ExitCode}: {line}" : $"exit code {ExitCode}";

    /// <summary>The first telling line, of standard error where it has any; null where it said nothing, or a JSON document.</summary>
    public string? Gist =>
        FirstLine(StandardError) ?? (StandardOutput.AsSpan().TrimStart().StartsWith('{') ? null : FirstLine(StandardOutput));

    private static string? FirstLine(string text)
    {
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            if (line.Trim() is { IsEmpty: false } trimmed && !IsBanner(trimmed))
                return trimmed.ToString();
        }

        return null;
    }

    /// <summary>e2fsprogs says its version first: "resize2fs 1.47.0 (5-Feb-2023)".</summary>
    private static bool IsBanner(ReadOnlySpan<char> line) =>
        line.EndsWith(')') && line.ToString().Split(' ') is [_, var version, var date] && version.Length > 0 && char.IsAsciiDigit(version[0])
        && date.StartsWith('(');
}
