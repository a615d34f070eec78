using System.CommandLine;

namespace CsiLocal.Cli;

/// <summary>What the commands are made with: how to turn a parsed command line into a running command.</summary>
internal sealed class CommandHost(CliEnvironment environment, GlobalOptions globals)
{
    public CliEnvironment Environment { get; } = environment;

    public GlobalOptions Globals { get; } = globals;

    /// <summary>Gives the command its action: a function of the session that returns an exit code.</summary>
    public void SetAction(Command command, Func<ParseResult, CommandSession, CancellationToken, Task<int>> run) =>
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, run, cancellationToken));

    private async Task<int> RunAsync(
        ParseResult parsed, Func<ParseResult, CommandSession, CancellationToken, Task<int>> run, CancellationToken cancellationToken)
    {
        using var session = Open(parsed);
        if (Globals.TotalTimeout(parsed) is not { } total)
            return await run(parsed, session, cancellationToken);

        using var deadline = new CancellationTokenSource(total, Environment.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline.Token);
        try
        {
            return await run(parsed, session, either.Token);
        }
        catch (Exception e) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested && IsCancellation(e))
        {
            throw new CliException(ExitCode.Busy,
                $"not finished within {Configuration.Duration.Format(total)}; what the daemon began goes on",
                "run the same command again, or give it longer with --timeout", e);
        }
    }

    public CommandSession Open(ParseResult parsed) => new(
        Environment, Globals.Endpoint(parsed, Environment), Globals.Output(parsed), Globals.Color(parsed, Environment),
        Globals.CallTimeout(parsed));

    private static bool IsCancellation(Exception e) =>
        e is OperationCanceledException or CliException { ExitCode: ExitCode.Interrupted };
}
