using System.CommandLine;
using CsiLocal.Cli.Daemon;
using CsiLocal.Cli.Output;
using Proto = Csi.V1;

namespace CsiLocal.Cli.Snapshots;

/// <summary><c>csilocal snapshot delete</c>.</summary>
internal static class SnapshotDeleteCommand
{
    public static Command Create(CommandHost host)
    {
        var snapshots = new Argument<string[]>("SNAPSHOT")
        {
            Description = "Names or ids of the snapshots.",
            HelpName = "SNAPSHOT",
            Arity = ArgumentArity.OneOrMore,
        };
        snapshots.CompletionSources.Add(context => DynamicCompletion.Snapshots(host, context.ParseResult));
        var yes = DeleteRun.YesOption();
        var command = new Command("delete", "Deletes snapshots; volumes made from them stay.") { snapshots, yes };
        host.SetAction(command, async (parsed, session, cancellationToken) =>
        {
            var names = parsed.GetValue(snapshots)!;
            var question = $"Delete the snapshot{(names.Length > 1 ? "s" : "")} {string.Join(", ", names)}";
            await DeleteRun.ConfirmAsync(session, question, parsed.GetValue(yes), cancellationToken);
            return await DeleteRun.ForEachAsync(session, names, DeleteAsync, cancellationToken);
        });
        return command;
    }

    private static async Task<DeleteJson> DeleteAsync(CommandSession session, string nameOrId, CancellationToken cancellationToken)
    {
        var daemon = session.Daemon;
        var snapshot = await References.SnapshotAsync(daemon, nameOrId, cancellationToken);
        var request = new Proto.DeleteSnapshotRequest { SnapshotId = snapshot.SnapshotId };
        await daemon.CallAsync(call => daemon.Controller.DeleteSnapshotAsync(request, call), cancellationToken);
        return new DeleteJson(snapshot.SnapshotId, nameOrId, true, null);
    }
}
