using System.CommandLine;
using CsiLocal.Admin.V1;
using CsiLocal.Cli.Daemon;
using CsiLocal.Volumes;
using Proto = Csi.V1;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Cli.Volumes;

/// <summary><c>csilocal volume expand</c>.</summary>
internal static class VolumeExpandCommand
{
    public static Command Create(CommandHost host)
    {
        var volume = CommonArguments.Volume(host);
        var size = CommonArguments.SizeArgument("The new size, such as 20Gi; smaller than now only where the pool can shrink.");
        var command = new Command("expand", "Grows a volume, also while it is mounted; directories can shrink, too.") { volume, size };
        host.SetAction(command, async (parsed, session, cancellationToken) =>
        {
            var detail = await References.VolumeAsync(session.Daemon, parsed.GetValue(volume)!, cancellationToken);
            return await RunAsync(session, detail, parsed.GetValue(size)!.Value, cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(CommandSession session, VolumeDetail volume, long sizeBytes,
        CancellationToken cancellationToken)
    {
        var daemon = session.Daemon;
        var capability = Capabilities.Of(volume, AccessMode.SingleNodeWriter, []);
        // CSI has no call to shrink. "At least this and at most this", below the present size, can mean nothing else.
        var range = new Proto.CapacityRange { RequiredBytes = sizeBytes, LimitBytes = sizeBytes < volume.SizeBytes ? sizeBytes : 0 };
        var expand = new Proto.ControllerExpandVolumeRequest
        {
            VolumeId = volume.VolumeId,
            CapacityRange = range,
            VolumeCapability = capability,
        };
        var expanded = await daemon.CallAsync(call => daemon.Controller.ControllerExpandVolumeAsync(expand, call), cancellationToken);

        var atNextMount = "";
        if (expanded.NodeExpansionRequired)
        {
            if (Publications.StagingPath(volume) is { } staging)
                await ExpandOnNodeAsync(daemon, volume, staging, range, capability, cancellationToken);
            else
                atNextMount = "; its file system follows at the next mount";
        }

        var now = await References.VolumeAsync(daemon, volume.VolumeId, cancellationToken);
        VolumeReport.Changed(session.Report, now, now.SizeBytes == volume.SizeBytes
            ? $"{now.Name}: is {VolumeReport.SizeAndType(now)} already{atNextMount}"
            : $"{now.Name}: now {VolumeReport.SizeAndType(now)}{atNextMount}");
        return ExitCode.Success;
    }

    private static async Task ExpandOnNodeAsync(
        DaemonClient daemon, VolumeDetail volume, string staging, Proto.CapacityRange range, Proto.VolumeCapability capability,
        CancellationToken cancellationToken)
    {
        var request = new Proto.NodeExpandVolumeRequest
        {
            VolumeId = volume.VolumeId,
            VolumePath = Publications.TargetPaths(volume) is [var target, ..] ? target : staging,
            StagingTargetPath = staging,
            CapacityRange = range,
            VolumeCapability = capability,
        };
        await daemon.CallAsync(call => daemon.Node.NodeExpandVolumeAsync(request, call), cancellationToken);
    }
}
