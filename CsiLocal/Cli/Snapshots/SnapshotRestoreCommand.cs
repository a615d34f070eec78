using System.CommandLine;
using CsiLocal.Cli.Daemon;
using CsiLocal.Cli.Volumes;
using CsiLocal.Volumes;
using Proto = Csi.V1;

namespace CsiLocal.Cli.Snapshots;

/// <summary><c>csilocal snapshot restore</c>: a new volume, the old one stays as it is.</summary>
internal static class SnapshotRestoreCommand
{
    public static Command Create(CommandHost host)
    {
        var snapshot = CommonArguments.Snapshot(host);
        var name = new Argument<string>("NEWVOLUME") { Description = "Name of the new volume." };
        var size = CommonArguments.Size("--size", "Size of the new volume (default: that of the snapshot).");
        var block = new Option<bool>("--block")
        {
            Description = "The snapshot is of a raw block volume (needed only where that volume is gone).",
        };
        var command = new Command("restore", "Makes a new volume with the content of a snapshot.") { snapshot, name, size, block };
        host.SetAction(command, async (parsed, session, cancellationToken) =>
        {
            var source = await References.SnapshotAsync(session.Daemon, parsed.GetValue(snapshot)!, cancellationToken);
            var request = new Proto.CreateVolumeRequest
            {
                Name = parsed.GetValue(name)!,
                CapacityRange = new Proto.CapacityRange { RequiredBytes = parsed.GetValue(size) ?? source.SizeBytes },
                VolumeContentSource = new Proto.VolumeContentSource
                {
                    Snapshot = new Proto.VolumeContentSource.Types.SnapshotSource { SnapshotId = source.SnapshotId },
                },
            };
            await FillInAsync(session.Daemon, request, source, parsed.GetValue(block), cancellationToken);
            return await VolumeCreateCommand.RunAsync(
                session, request, $"restore of {parsed.GetValue(snapshot)} to {request.Name}", cancellationToken);
        });
        return command;
    }

    // A snapshot tells neither its pool nor how its volume was used; the daemon's own view and the source volume do.
    private static async Task FillInAsync(
        DaemonClient daemon, Proto.CreateVolumeRequest request, Proto.Snapshot source, bool block, CancellationToken cancellationToken)
    {
        var volume = await daemon.FindVolumeDetailAsync(source.SourceVolumeId, cancellationToken);
        request.VolumeCapabilities.Add(volume is not null
            ? Capabilities.Of(volume, AccessMode.SingleNodeWriter, [])
            : block ? Capabilities.Block(AccessMode.SingleNodeWriter) : Capabilities.Mount("", AccessMode.SingleNodeWriter, []));

        var detail = await daemon.FindSnapshotDetailAsync(source.SnapshotId, cancellationToken);
        if ((detail?.Pool ?? volume?.Pool) is { } pool)
            request.Parameters.Add("pool", pool);
    }
}
