using System.CommandLine;
using CsiLocal.Admin.V1;
using CsiLocal.Cli.Daemon;
using Grpc.Core;
using Proto = Csi.V1;

namespace CsiLocal.Cli;

/// <summary>Names to complete, asked of the daemon. A shell waits for the answer, so all of it fits in a moment or is left out.</summary>
internal static class DynamicCompletion
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    /// <summary>More names than this help nobody to choose.</summary>
    private const int MostNames = 200;

    public static IEnumerable<string> Volumes(CommandHost host, ParseResult parsed) => Ask(host, parsed, (daemon, options) =>
    {
        var request = new Proto.ListVolumesRequest { MaxEntries = MostNames };
        return [.. daemon.Controller.ListVolumes(request, options).Entries
            .Select(entry => daemon.Admin.GetVolumeDetail(new GetVolumeDetailRequest { Volume = entry.Volume.VolumeId }, options).Name)];
    });

    public static IEnumerable<string> Snapshots(CommandHost host, ParseResult parsed) => Ask(host, parsed, (daemon, options) =>
    {
        var request = new Proto.ListSnapshotsRequest { MaxEntries = MostNames };
        return [.. daemon.Controller.ListSnapshots(request, options).Entries
            .Select(entry => daemon.Admin.GetSnapshotDetail(new GetSnapshotDetailRequest { SnapshotId = entry.Snapshot.SnapshotId },
                options).Name)];
    });

    public static IEnumerable<string> Pools(CommandHost host, ParseResult parsed) => Ask(host, parsed, (daemon, options) =>
        [.. daemon.Admin.ListPools(new ListPoolsRequest(), options).Pools.Select(pool => pool.Name)]);

    /// <summary>Ids: names may have been had by several.</summary>
    public static IEnumerable<string> Trash(CommandHost host, ParseResult parsed) => Ask(host, parsed, (daemon, options) =>
        [.. daemon.Admin.ListTrash(new ListTrashRequest(), options).Volumes.Take(MostNames).Select(volume => volume.TrashId)]);

    private static IReadOnlyList<string> Ask(CommandHost host, ParseResult parsed,
        Func<DaemonClient, CallOptions, IReadOnlyList<string>> ask)
    {
        try
        {
            using var session = host.Open(parsed);
            return ask(session.Daemon, new CallOptions(Deadline: host.Environment.Time.GetUtcNow().UtcDateTime + Patience));
        }
        catch (RpcException)
        {
            // No daemon, no names: a completion has nobody to complain to.
            return [];
        }
        catch (CliException)
        {
            return [];
        }
    }
}
