using System.CommandLine;
using CsiLocal.Configuration;
using CsiLocal.Hosting;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Cli;

/// <summary><c>csilocal serve</c>.</summary>
internal static class ServeCommand
{
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
        var logLevel = CommonArguments.OneOf(
            "--log-level", "The least to log (environment CSILOCAL_LOG_LEVEL; default information).",
            "trace", "debug", "information", "warning", "error");
        var logFormat = CommonArguments.OneOf(
            "--log-format", "How to log (environment CSILOCAL_LOG_FORMAT; default text on a terminal, else json).", "text", "json");

        var command = new Command("serve", "Runs the driver until it is told to stop; --endpoint is where it listens.")
        {
            mode, config, state, node, logLevel, logFormat,
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
            };
            return RunHostAsync(flags, parsed.GetValue(logLevel), parsed.GetValue(logFormat), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunHostAsync(DriverFlags flags, string? logLevel, string? logFormat, CancellationToken cancellationToken)
    {
        var level = logLevel ?? Environment.GetEnvironmentVariable("CSILOCAL_LOG_LEVEL") ?? "information";
        var format = logFormat ?? Environment.GetEnvironmentVariable("CSILOCAL_LOG_FORMAT") ?? (Console.IsErrorRedirected ? "json" : "text");
        if (!Enum.TryParse<LogLevel>(level, ignoreCase: true, out var least) || format is not ("text" or "json"))
            throw new CliException(ExitCode.Usage, $"log level '{level}', format '{format}': use trace, debug, information, warning or error, and text or json");

        await DriverProcess.RunAsync(flags, new LogOptions(least, format == "json"), cancellationToken);
        return ExitCode.Success;
    }

    private static Option<string?> Text(string name, string description, string helpName) =>
        new(name) { Description = description, HelpName = helpName };
}
