using System.CommandLine;
using CsiLocal.Configuration;
using CsiLocal.Hosting;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Cli;

/// <summary><c>csilocal serve</c>.</summary>
internal static class ServeCommand
{
    private const string LogLevelVariable = "CSILOCAL_LOG_LEVEL";
    private const string LogFormatVariable = "CSILOCAL_LOG_FORMAT";

    private static readonly string[] LogLevels = ["trace", "debug", "information", "warning", "error"];
    private static readonly string[] LogFormats = ["text", "json"];

    public static Command Create(CommandHost host)
    {
        var mode = CommonArguments.OneOf(
            "--mode", "Which parts of the driver to be (environment CSILOCAL_MODE; default all).", "all", "node", "controller");
        var flags = new DaemonFlags();
        var logLevel = CommonArguments.OneOf(
            "--log-level", $"The least to log (environment {LogLevelVariable}; default information).", LogLevels);
        var logFormat = CommonArguments.OneOf(
            "--log-format", $"How to log (environment {LogFormatVariable}; default text on a terminal, else json).", LogFormats);

        var command = new Command("serve", "Runs the driver until it is told to stop; --endpoint is where it listens.")
        {
            mode, logLevel, logFormat,
        };
        flags.AddTo(command);
        command.SetAction((parsed, cancellationToken) =>
        {
            var given = flags.Read(parsed, host) with { Mode = parsed.GetValue(mode) };
            return RunAsync(given, ChooseLogging(parsed.GetValue(logLevel), parsed.GetValue(logFormat), host.Environment), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(DriverFlags flags, LogOptions logging, CancellationToken stop)
    {
        await DriverProcess.RunAsync(flags, logging, stop);
        return ExitCode.Success;
    }

    private static LogOptions ChooseLogging(string? level, string? format, CliEnvironment environment)
    {
        var least = level ?? Variable(LogLevelVariable, LogLevels, environment) ?? "information";
        var chosen = format ?? Variable(LogFormatVariable, LogFormats, environment) ?? (environment.ErrorIsTerminal ? "text" : "json");
        return new LogOptions(Enum.Parse<LogLevel>(least, ignoreCase: true), chosen == "json");
    }

    /// <exception cref="CliException">It holds something else than one of the words.</exception>
    private static string? Variable(string name, string[] words, CliEnvironment environment)
    {
        if (environment.Variable(name) is not { Length: > 0 } value)
            return null;
        return words.Contains(value)
            ? value
            : throw new CliException(ExitCode.Usage, $"environment {name}: '{value}' is not one of {string.Join(", ", words)}");
    }
}
