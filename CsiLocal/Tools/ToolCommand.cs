namespace CsiLocal.Tools;

/// <summary>One external command: a program and its arguments as a list, never a shell line.</summary>
/// <param name="Program">Name as found on the search path, e.g. <c>mkfs.ext4</c>.</param>
/// <param name="Arguments">Arguments; secrets never go here but to <see cref="StandardInput"/>.</param>
internal sealed record ToolCommand(string Program, params IReadOnlyList<string> Arguments)
{
    /// <summary>How long it may run before it is interrupted, and then killed.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    public string? StandardInput { get; init; }

    /// <summary>Bytes kept of each stream; the rest is read and dropped, see <see cref="ToolOutput.IsTruncated"/>.</summary>
    public int MaxOutput { get; init; } = ToolOutput.MaxCaptured;

    public override string ToString() => $"{Program} {string.Join(' ', Arguments)}";
}
