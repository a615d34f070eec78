using System.CommandLine;
using CsiLocal.Cli.Daemon;

namespace CsiLocal.Cli.Snapshots;

/// <summary><c>csilocal snapshot list</c>.</summary>
internal static class SnapshotListCommand
{
    public static Command Create(CommandHost host)
    {
        var volume = new Option<string?>("--volume") { Description = "Only those of this volume.", HelpName = "VOLUME" };
        volume.CompletionSources.Add(context => DynamicCompletion.Volumes(host, context.ParseResult));
        var command = new Command("list", "Lists the snapshots.") { volume };
        host.SetAction(command, (parsed, session, cancellationToken) => RunAsync(session, parsed.GetValue(volume), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(CommandSession session, string? volume, CancellationToken cancellationToken)
    {
        var daemon = session.Daemon;
        var source = volume is null ? "" : (await References.VolumeAsync(daemon, volume, cancellationToken)).VolumeId;
        var snapshots = await Paging.SnapshotsAsync(daemon, source, cancellationToken);
        var named = await Paging.ForEachAsync(snapshots, (s, token) => daemon.FindSnapshotDetailAsync(s.SnapshotId, token),
            cancellationToken);

        // A source that was deleted meanwhile has no name any more: its id is shown.
        var sources = snapshots.Select(s => s.SourceVolumeId).Where(id => id.Length > 0).Distinct().ToList();
        var details = await Paging.ForEachAsync(sources, daemon.FindVolumeDetailAsync, cancellationToken);
        var volumeNames = details.OfType<Admin.V1.VolumeDetail>().ToDictionary(detail => detail.VolumeId, detail => detail.Name);

        SnapshotReport.List(session.Report,
        [
            .. snapshots.Select((s, i) => new SnapshotRow(s, named[i]?.Name, volumeNames.GetValueOrDefault(s.SourceVolumeId)))
                .OrderBy(row => row.Volume, StringComparer.Ordinal).ThenBy(row => row.Snapshot.CreationTime),
        ]);
        return ExitCode.Success;
    }
}
