using System.CommandLine;
using CsiLocal.Cli.Daemon;
using CsiLocal.Volumes;
using Proto = Csi.V1;

namespace CsiLocal.Cli.Volumes;

/// <summary><c>csilocal volume clone</c>.</summary>
internal static class VolumeCloneCommand
{
    public static Command Create(CommandHost host)
    {
        var source = CommonArguments.Volume(host, "SOURCE", "Name or id of the volume to copy.");
        var name = new Argument<string>("NEWNAME") { Description = "Name of the new volume." };
        var size = CommonArguments.Size("--size", "Size of the new volume (default: that of the source).");
        var command = new Command("clone", "Makes a new volume with the content of another.") { source, name, size };
        host.SetAction(command, async (parsed, session, cancellationToken) =>
        {
            var volume = await References.VolumeAsync(session.Daemon, parsed.GetValue(source)!, cancellationToken);
            var request = new Proto.CreateVolumeRequest
            {
                Name = parsed.GetValue(name)!,
                CapacityRange = new Proto.CapacityRange { RequiredBytes = parsed.GetValue(size) ?? volume.SizeBytes },
                VolumeContentSource = new Proto.VolumeContentSource
                {
                    Volume = new Proto.VolumeContentSource.Types.VolumeSource { VolumeId = volume.VolumeId },
                },
            };
            request.VolumeCapabilities.Add(Capabilities.Of(volume, AccessMode.SingleNodeWriter, []));
            request.Parameters.Add("pool", volume.Pool);
            return await VolumeCreateCommand.RunAsync(session, request, $"clone of {volume.Name} to {request.Name}", cancellationToken);
        });
        return command;
    }
}
