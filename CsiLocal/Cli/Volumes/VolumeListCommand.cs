using System.CommandLine;
using CsiLocal.Admin.V1;
using CsiLocal.Cli.Daemon;

namespace CsiLocal.Cli.Volumes;

/// <summary><c>csilocal volume list</c>.</summary>
internal static class VolumeListCommand
{
    public static Command Create(CommandHost host)
    {
        var foreign = new Option<bool>("--foreign") { Description = "Those of pools that were moved here from another node and not taken over." };
        var command = new Command("list", "Lists the volumes.") { foreign };
        host.SetAction(command, (parsed, session, cancellationToken) =>
            parsed.GetValue(foreign) ? ListForeignAsync(session, cancellationToken) : RunAsync(session, cancellationToken));
        return command;
    }

    private static async Task<int> ListForeignAsync(CommandSession session, CancellationToken cancellationToken)
    {
        var response = await session.Daemon.CallAsync(
            call => session.Daemon.Admin.ListForeignVolumesAsync(new ListForeignVolumesRequest(), call), cancellationToken);
        VolumeReport.ListForeign(session.Report, [.. response.Volumes.OrderBy(static volume => volume.Name, StringComparer.Ordinal)]);
        return ExitCode.Success;
    }

    private static async Task<int> RunAsync(CommandSession session, CancellationToken cancellationToken)
    {
        var volumes = await DetailsAsync(session.Daemon, cancellationToken);
        VolumeReport.List(session.Report, volumes);
        return ExitCode.Success;
    }

    /// <summary>All volumes by name; one that goes away meanwhile is left out.</summary>
    public static async Task<IReadOnlyList<VolumeDetail>> DetailsAsync(DaemonClient daemon, CancellationToken cancellationToken)
    {
        var volumes = await Paging.VolumesAsync(daemon, cancellationToken);
        var details = await Paging.ForEachAsync(volumes, (volume, token) => daemon.FindVolumeDetailAsync(volume.VolumeId, token),
            cancellationToken);
        return [.. details.OfType<VolumeDetail>().OrderBy(detail => detail.Name, StringComparer.Ordinal)];
    }
}
