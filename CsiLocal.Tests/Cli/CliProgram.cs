using CsiLocal.Cli;

namespace CsiLocal.Tests.Cli;

/// <summary>The program, run in this process; the endpoint is in CSILOCAL_ENDPOINT, unless the variables of the terminal say another.</summary>
internal static class CliProgram
{
    public static async Task<CliResult> RunAsync(string endpoint, Terminal terminal, string[] arguments, CancellationToken cancellationToken)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var variables = new Dictionary<string, string?>(terminal.Variables);
        variables.TryAdd("CSILOCAL_ENDPOINT", endpoint);
        var environment = new CliEnvironment
        {
            Out = output,
            Error = error,
            In = new StringReader(terminal.Input ?? ""),
            OutIsTerminal = terminal.Width is not null,
            ErrorIsTerminal = terminal.ErrorIsTerminal,
            InIsTerminal = terminal.Input is not null,
            Width = terminal.Width ?? CliEnvironment.PipeWidth,
            Variable = name => variables.GetValueOrDefault(name),
            Time = TimeProvider.System,
        };
        var exitCode = await CliApplication.RunAsync(arguments, environment, cancellationToken);
        return new CliResult(exitCode, output.ToString(), error.ToString());
    }
}

/// <summary>What the program finds at its ends.</summary>
internal sealed record Terminal
{
    /// <summary>Columns of the terminal on standard output; null: it is a pipe.</summary>
    public int? Width { get; init; }

    public bool ErrorIsTerminal { get; init; }

    /// <summary>What the person types; null: standard input is no terminal.</summary>
    public string? Input { get; init; }

    public IReadOnlyDictionary<string, string?> Variables { get; init; } = new Dictionary<string, string?> { ["NO_COLOR"] = "1" };
}

internal sealed record CliResult(int ExitCode, string Output, string Error);
