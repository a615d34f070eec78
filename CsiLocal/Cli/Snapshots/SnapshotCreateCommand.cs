using System.CommandLine;
using CsiLocal.Admin.V1;
using CsiLocal.Cli.Daemon;
using CsiLocal.Cli.Output;
using CsiLocal.Volumes;
using Proto = Csi.V1;

namespace CsiLocal.Cli.Snapshots;

/// <summary><c>csilocal snapshot create</c>.</summary>
internal static class SnapshotCreateCommand
{
    public static Command Create(CommandHost host)
    {
        var volume = CommonArguments.Volume(host);
        var name = new Argument<string>("NAME") { Description = "Name of the new snapshot; its id is derived from it." };
        var command = new Command("create", "Takes a snapshot of a volume.") { volume, name };
        host.SetAction(command, async (parsed, session, cancellationToken) =>
        {
            var source = await References.VolumeAsync(session.Daemon, parsed.GetValue(volume)!, cancellationToken);
            return await RunAsync(session, source, parsed.GetValue(name)!, cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(CommandSession session, VolumeDetail source, string name, CancellationToken cancellationToken)
    {
        var request = new Proto.CreateSnapshotRequest { SourceVolumeId = source.VolumeId, Name = name };
        var snapshot = await session.LongWork.RunAsync(
            $"snapshot {name} of {source.Name}", SnapshotId.Mint(name).Value,
            token => CreateAsync(session.Daemon, request, token), cancellationToken);

        session.Report.Json(SnapshotReport.ToJson(snapshot, name, source.Name));
        session.Report.Line($"{name}: snapshot of {source.Name}, {PlainText.Size(snapshot.SizeBytes)}, id {snapshot.SnapshotId}");
        return ExitCode.Success;
    }

    private static async Task<Proto.Snapshot> CreateAsync(DaemonClient daemon, Proto.CreateSnapshotRequest request,
        CancellationToken cancellationToken)
    {
        var response = await daemon.CallAsync(call => daemon.Controller.CreateSnapshotAsync(request, call), cancellationToken);
        // Cut but still being copied: CSI's way of saying "ask again".
        return response.Snapshot.ReadyToUse
            ? response.Snapshot
            : throw new CliException(ExitCode.Busy, $"the snapshot {request.Name} is still being copied", "run the same command again");
    }
}
