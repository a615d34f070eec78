using CsiLocal.Cli.Output;
using Proto = Csi.V1;

namespace CsiLocal.Cli.Snapshots;

/// <summary>A snapshot with the names that CSI does not tell.</summary>
internal sealed record SnapshotRow(Proto.Snapshot Snapshot, string? Name, string? Volume);

/// <summary>How snapshots are shown.</summary>
internal static class SnapshotReport
{
    private static readonly TableColumn[] Columns =
    [
        new("NAME", MayFold: true), new("ID"), new("VOLUME", MayFold: true), new("SIZE", IsNumber: true), new("CREATED"), new("STATE"),
    ];

    public static SnapshotJson ToJson(Proto.Snapshot snapshot, string? name, string? volume) => new(
        snapshot.SnapshotId, name, snapshot.SourceVolumeId, volume, snapshot.SizeBytes, snapshot.CreationTime?.ToDateTime(),
        snapshot.ReadyToUse);

    public static void List(ReportWriter report, IReadOnlyList<SnapshotRow> snapshots)
    {
        report.Json([.. snapshots.Select(s => ToJson(s.Snapshot, s.Name, s.Volume))]);
        if (snapshots.Count == 0)
            report.Line("No snapshots; take one with 'csilocal snapshot create VOLUME NAME'");
        else
            report.Table(Columns, snapshots.Select(Row));
    }

    private static IReadOnlyList<string> Row(SnapshotRow s) =>
    [
        PlainText.OrNone(s.Name), s.Snapshot.SnapshotId, s.Volume ?? PlainText.OrNone(s.Snapshot.SourceVolumeId),
        PlainText.Size(s.Snapshot.SizeBytes),
        PlainText.ShortTime(s.Snapshot.CreationTime), s.Snapshot.ReadyToUse ? "ready" : "copying",
    ];
}
