using System.CommandLine;

namespace CsiLocal.Cli.States;

/// <summary><c>csilocal state</c>.</summary>
internal static class StateCommands
{
    public static Command Create(CommandHost host) => new("state", "Checks, copies and rebuilds the driver's own state (state.db).")
    {
        StateCheckCommand.Create(host),
        StateBackupCommand.Create(host),
        StateRebuildCommand.Create(host),
    };
}
