using System.CommandLine;
using CsiLocal.Configuration;

namespace CsiLocal.Cli;

/// <summary>The options of the daemon that commands which work without it need, too: which pools, and whose state.</summary>
internal sealed class DaemonFlags
{
    private readonly Option<string?> _config = Text(
        "--config", "Configuration file (environment CSILOCAL_CONFIG; default /etc/csilocal/config.yaml if it is there).", "FILE");

    private readonly Option<string?> _state = Text(
        "--state-dir",
        $"Folder of the driver's own state (environment CSILOCAL_STATE_DIR; default {DriverOptionsResolver.DefaultStateDirectory}).",
        "FOLDER");

    private readonly Option<string?> _node = Text(
        "--node-id", "This node's id (environment CSILOCAL_NODE_ID or NODE_ID; default the host name).", "ID");

    private readonly Option<string?> _hostTools = CommonArguments.OneOf(
        "--host-tools",
        "Whose lvm to run: the one beside the daemon, or from a container the host's (environment CSILOCAL_HOST_TOOLS; default own).",
        "own", "nsenter");

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_config, _state, _node, _hostTools])
            command.Options.Add(option);
    }

    public DriverFlags Read(ParseResult parsed, CommandHost host) => new()
    {
        Endpoint = host.Globals.EndpointFlag(parsed),
        ConfigFile = parsed.GetValue(_config),
        StateDirectory = parsed.GetValue(_state),
        NodeId = parsed.GetValue(_node),
        HostTools = parsed.GetValue(_hostTools),
    };

    private static Option<string?> Text(string name, string description, string helpName) =>
        new(name) { Description = description, HelpName = helpName };
}
