namespace CsiLocal.Cli;

/// <summary>A command that cannot go on: one line for the person, one exit code for the script.</summary>
/// <param name="exitCode">One of <see cref="Cli.ExitCode"/>.</param>
/// <param name="message">The fact, one line, without a full stop.</param>
/// <param name="remedy">What to do about it; null where the message says it already.</param>
/// <param name="inner">Shown with its stack trace when CSILOCAL_DEBUG=1.</param>
internal sealed class CliException(int exitCode, string message, string? remedy = null, Exception? inner = null)
    : Exception(message, inner)
{
    public int ExitCode { get; } = exitCode;

    public string? Remedy { get; } = remedy;

    public string Describe() => Remedy is null ? Message : $"{Message}; {Remedy}";
}
