using System.CommandLine;
using System.CommandLine.Invocation;
using CsiLocal.Cli.Daemon;
using CsiLocal.Cli.Output;
using CsiLocal.Configuration;
using CsiLocal.Volumes;
using Grpc.Core;

namespace CsiLocal.Cli;

/// <summary>The program seen from outside: arguments in, exit code out, every failure one line on standard error.</summary>
internal static class CliApplication
{
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, CliEnvironment environment, CancellationToken cancellationToken)
    {
        var parsed = RootCommandFactory.Create(environment).Parse(arguments);
        if (parsed.Action is ParseErrorAction)
            return ReportUsage(parsed, environment);

        try
        {
            var configuration = new InvocationConfiguration
            {
                Output = environment.Out,
                Error = environment.Error,
                EnableDefaultExceptionHandler = false,
                // Signals are the caller's: they arrive as the cancellation of our token.
                ProcessTerminationTimeout = null,
            };
            return await parsed.InvokeAsync(configuration, cancellationToken);
        }
        // The edge: whatever happened ends as one line and an exit code.
        catch (Exception e)
        {
            return ReportFailure(e, environment);
        }
    }

    private static int ReportUsage(ParseResult parsed, CliEnvironment environment)
    {
        var path = CommandPath(parsed);
        if (parsed.CommandResult.Command.Subcommands.Count > 0 && parsed.UnmatchedTokens.Count == 0)
        {
            // A group alone: not a mistake so much as a question.
            parsed.CommandResult.Command.Parse("--help").Invoke(new InvocationConfiguration { Output = environment.Error });
            return ExitCode.Usage;
        }

        // "Required command was not provided" says nothing beside the word that is no command.
        var messages = parsed.UnmatchedTokens.Count > 0
            ? parsed.UnmatchedTokens.Select(token => $"'{token}' is not a command, an option or an argument of '{path}'")
            : parsed.Errors.Select(error => error.Message).Distinct();
        foreach (var message in messages)
            environment.Error.WriteLine($"csilocal: {PlainText.OneLine(message).TrimEnd('.')}");
        environment.Error.WriteLine($"csilocal: see '{path} --help'");
        return ExitCode.Usage;
    }

    private static string CommandPath(ParseResult parsed)
    {
        var names = new Stack<string>();
        for (System.CommandLine.Parsing.SymbolResult? result = parsed.CommandResult; result is not null; result = result.Parent)
        {
            if (result is System.CommandLine.Parsing.CommandResult { Command: not RootCommand } command)
                names.Push(command.Command.Name);
        }

        return string.Join(' ', names.Prepend("csilocal"));
    }

    private static int ReportFailure(Exception failure, CliEnvironment environment)
    {
        var (exitCode, lines) = Describe(failure);
        foreach (var line in lines)
            environment.Error.WriteLine($"csilocal: {PlainText.OneLine(line)}");
        if (environment.Debug)
            environment.Error.WriteLine(failure);
        return exitCode;
    }

    private static (int ExitCode, IReadOnlyList<string> Lines) Describe(Exception failure) => failure switch
    {
        CliException e => (e.ExitCode, [e.Describe()]),
        ConfigurationException e => (ExitCode.Usage, [.. e.Problems.Select(problem => problem.ToString())]),
        StorageException e => (FromStorage(e.Error), [e.Describe()]),
        RpcException e => Describe(RpcFailure.Translate(e, "the endpoint")),
        OperationCanceledException => (ExitCode.Interrupted, ["interrupted; what the daemon began goes on"]),
        IOException or UnauthorizedAccessException => (ExitCode.Failed, [failure.Message]),
        _ => (ExitCode.Failed, [$"internal error: {failure.Message}; run again with CSILOCAL_DEBUG=1 for the details"]),
    };

    private static int FromStorage(StorageError error) => error switch
    {
        StorageError.InvalidArgument => ExitCode.Usage,
        StorageError.NotFound => ExitCode.NotFound,
        StorageError.AlreadyExists => ExitCode.AlreadyExists,
        StorageError.OutOfRange or StorageError.ResourceExhausted => ExitCode.NoSpace,
        StorageError.FailedPrecondition => ExitCode.Precondition,
        StorageError.Aborted => ExitCode.Busy,
        StorageError.Unavailable => ExitCode.Unavailable,
        StorageError.DataLoss or StorageError.Internal => ExitCode.Failed,
        _ => throw new ArgumentOutOfRangeException(nameof(error), error, null),
    };
}
