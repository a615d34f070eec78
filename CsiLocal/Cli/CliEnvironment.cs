namespace CsiLocal.Cli;

/// <summary>Everything the command line takes from the process it runs in, so that a test can be another one.</summary>
internal sealed record CliEnvironment
{
    /// <summary>Columns of output that is not a terminal: wide enough that no table is ever folded in a pipe.</summary>
    public const int PipeWidth = 4096;

    public required TextWriter Out { get; init; }

    public required TextWriter Error { get; init; }

    public required TextReader In { get; init; }

    public required bool OutIsTerminal { get; init; }

    public required bool ErrorIsTerminal { get; init; }

    public required bool InIsTerminal { get; init; }

    /// <summary>Columns of the terminal; <see cref="PipeWidth"/> where output is none.</summary>
    public required int Width { get; init; }

    public required Func<string, string?> Variable { get; init; }

    public required TimeProvider Time { get; init; }

    public bool Debug => Variable("CSILOCAL_DEBUG") == "1";
}
