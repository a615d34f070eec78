using System.CommandLine;
using CsiLocal.Configuration;

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

    // The one place between the command line and the host.
    private static Task<int> RunHostAsync(DriverFlags flags, string? logLevel, string? logFormat, CancellationToken cancellationToken)
    {
        _ = (logLevel, logFormat);
        var options = DriverOptionsResolver.ForThisProcess().Resolve(flags);
        cancellationToken.ThrowIfCancellationRequested();
        throw new CliException(ExitCode.Failed, $"serve at {options.Endpoint}: this build has no host yet");
    }

    private static Option<string?> Text(string name, string description, string helpName) =>
        new(name) { Description = description, HelpName = helpName };
}
