using System.CommandLine;

namespace CsiLocal.Cli.Snapshots;

/// <summary><c>csilocal snapshot</c>.</summary>
internal static class SnapshotCommands
{
    public static Command Create(CommandHost host) => new("snapshot", "Takes, lists, restores and deletes snapshots.")
    {
        SnapshotCreateCommand.Create(host),
        SnapshotListCommand.Create(host),
        SnapshotRestoreCommand.Create(host),
        SnapshotDeleteCommand.Create(host),
    };
}
