namespace CsiLocal.Cli;

/// <summary>The real process as a <see cref="CliEnvironment"/>.</summary>
internal static class ProcessEnvironment
{
    private const int UnknownTerminalWidth = 80;

    public static CliEnvironment Capture() => new()
    {
        Out = Console.Out,
        Error = Console.Error,
        In = Console.In,
        OutIsTerminal = !Console.IsOutputRedirected,
        ErrorIsTerminal = !Console.IsErrorRedirected,
        InIsTerminal = !Console.IsInputRedirected,
        Width = Console.IsOutputRedirected ? CliEnvironment.PipeWidth : TerminalWidth(),
        Variable = Environment.GetEnvironmentVariable,
        Time = TimeProvider.System,
    };

    // A terminal may say 0 (serial lines, some pseudo-terminals without a size).
    private static int TerminalWidth() => Console.WindowWidth is > 20 and var width ? width : UnknownTerminalWidth;
}
