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
        var config = Text(
            "--config", "Configuration file (environment CSILOCAL_CONFIG; default /etc/csilocal/config.yaml if it is there).", "FILE");
        var state = Text(
            "--state-dir",
            $"Folder of the driver's own state (environment CSILOCAL_STATE_DIR; default {DriverOptionsResolver.DefaultStateDirectory}).",
            "FOLDER");
        var node = Text("--node-id", "This node's id (environment CSILOCAL_NODE_ID or NODE_ID; default the host name).", "ID");
        var hostTools = CommonArguments.OneOf(
            "--host-tools",
            "Whose lvm to run: the one beside the daemon, or from a container the host's (environment CSILOCAL_HOST_TOOLS; default own).",
            "own", "nsenter");
        var logLevel = CommonArguments.OneOf(
            "--log-level", $"The least to log (environment {LogLevelVariable}; default information).", LogLevels);
        var logFormat = CommonArguments.OneOf(
            "--log-format", $"How to log (environment {LogFormatVariable}; default text on a terminal, else json).", LogFormats);

        var command = new Command("serve", "Runs the driver until it is told to stop; --endpoint is where it listens.")
        {
            mode, config, state, node, hostTools, logLevel, logFormat,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            var flags = new DriverFlags
            {
                Mode = parsed.GetValue(mode),
                Endpoint = host.Globals.EndpointFlag(parsed),
                ConfigFile = parsed.GetValue(config),
                StateDirectory = parsed.GetValue(state),
                NodeId = parsed.GetValue(node),
                HostTools = parsed.GetValue(hostTools),
            };
            return RunAsync(flags, ChooseLogging(parsed.GetValue(logLevel), parsed.GetValue(logFormat), host.Environment), cancellationToken);
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

    private static Option<string?> Text(string name, string description, string helpName) =>
        new(name) { Description = description, HelpName = helpName };
}
