using System.CommandLine;
using CsiLocal.Admin.V1;

namespace CsiLocal.Cli;

/// <summary><c>csilocal pool take-over</c>.</summary>
internal static class PoolTakeOverCommand
{
    public static Command Create(CommandHost host, Argument<string> name)
    {
        var from = new Option<string>("--from")
        {
            Description = "The node that it belongs to now, as 'csilocal pool show' says.",
            HelpName = "NODE",
            Required = true,
        };
        var command = new Command(
            "take-over",
            "Makes a pool this node's own whose disks were moved here from another node. Only when that node does not use them any more. "
            + "All pools of a volume group are taken over together.") { name, from };
        host.SetAction(command, async (parsed, session, cancellationToken) =>
        {
            var request = new TakeOverPoolRequest { Pool = parsed.GetValue(name)!, FromNode = parsed.GetValue(from)! };
            var response = await session.Daemon.CallAsync(call => session.Daemon.Admin.TakeOverPoolAsync(request, call), cancellationToken);
            session.Report.Json(PoolCommands.ToJson(response.Pool));
            session.Report.Line($"{response.Pool.Name}: this node's, with {response.Pool.VolumeCount} volumes and {response.Pool.SnapshotCount} snapshots");
            return ExitCode.Success;
        });
        return command;
    }
}
