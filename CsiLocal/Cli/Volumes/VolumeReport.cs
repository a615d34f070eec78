using CsiLocal.Admin.V1;
using CsiLocal.Cli.Output;

namespace CsiLocal.Cli.Volumes;

/// <summary>How volumes are shown.</summary>
internal static class VolumeReport
{
    private static readonly TableColumn[] Columns =
    [
        new("NAME", MayFold: true), new("ID"), new("POOL", MayFold: true), new("SIZE", IsNumber: true), new("TYPE"),
        new("PUBLISHED", MayFold: true),
    ];

    private static readonly TableColumn[] ForeignColumns =
        [new("NAME", MayFold: true), new("ID"), new("POOL", MayFold: true), new("NODE", MayFold: true), new("SIZE", IsNumber: true)];

    public static VolumeJson ToJson(VolumeDetail volume) => new(
        volume.VolumeId, volume.Name, volume.Pool, volume.Backend, volume.SizeBytes, volume.AccessType, PlainText.NullIfEmpty(volume.Filesystem),
        PlainText.NullIfEmpty(volume.FilesystemUuid), volume.State, volume.Location, PlainText.NullIfEmpty(volume.Source), volume.CreatedAt?.ToDateTime(),
        volume.FormattedAt?.ToDateTime(), [.. volume.Publications.Select(p => new PublicationJson(p.Kind, p.Path, p.Readonly))]);

    public static void List(ReportWriter report, IReadOnlyList<VolumeDetail> volumes)
    {
        report.Json([.. volumes.Select(ToJson)]);
        if (volumes.Count == 0)
            report.Line("No volumes; make one with 'csilocal volume create NAME --size 10Gi'");
        else
            report.Table(Columns, volumes.Select(volume => Row(volume, report.PathWidth)));
    }

    public static void ListForeign(ReportWriter report, IReadOnlyList<ForeignVolume> volumes)
    {
        report.Json([.. volumes.Select(static volume => new ForeignVolumeJson(
            volume.VolumeId, volume.Name, volume.Pool, volume.Node, volume.SizeBytes, volume.CreatedAt?.ToDateTime()))]);
        if (volumes.Count == 0)
            report.Line("No volumes of another node");
        else
            report.Table(ForeignColumns, volumes.Select(Row));
    }

    public static void Show(ReportWriter report, VolumeDetail volume)
    {
        report.Json(ToJson(volume));
        report.Properties(
        [
            new("Name", volume.Name),
            new("Id", volume.VolumeId),
            new("State", volume.State),
            new("Pool", $"{volume.Pool} ({volume.Backend})"),
            new("Size", $"{PlainText.Size(volume.SizeBytes)} ({volume.SizeBytes} bytes)"),
            new("Type", Type(volume)),
            new("Filesystem UUID", volume.FilesystemUuid),
            new("Location", volume.Location),
            new("Source", volume.Source),
            new("Created", PlainText.Time(volume.CreatedAt)),
            new("Formatted", PlainText.Time(volume.FormattedAt)),
            .. volume.Publications.Select(p =>
                new Property(p.Kind == Publications.Stage ? "Staged at" : "Mounted at", p.Readonly ? $"{p.Path} (read-only)" : p.Path)),
        ]);
    }

    /// <summary>After a change: the document, or one sentence.</summary>
    public static void Changed(ReportWriter report, VolumeDetail volume, string sentence)
    {
        report.Json(ToJson(volume));
        report.Line(sentence);
    }

    /// <summary>"10 GiB ext4", "1 GiB block".</summary>
    public static string SizeAndType(VolumeDetail volume) => $"{PlainText.Size(volume.SizeBytes)} {Type(volume)}";

    private static IReadOnlyList<string> Row(ForeignVolume volume) =>
        [volume.Name, volume.VolumeId, volume.Pool, volume.Node, PlainText.Size(volume.SizeBytes)];

    private static IReadOnlyList<string> Row(VolumeDetail volume, int pathWidth) =>
    [
        volume.Name, volume.VolumeId, volume.Pool, PlainText.Size(volume.SizeBytes),
        volume.State is "ready" or "" ? Type(volume) : volume.State,
        PlainText.OrNone(string.Join(' ',
            volume.Publications.Where(p => p.Kind == Publications.Publish).Select(p => PlainText.Tail(p.Path, pathWidth)))),
    ];

    public static string Type(VolumeDetail volume) =>
        Daemon.Capabilities.IsBlock(volume) ? "block" : volume.Filesystem.Length > 0 ? volume.Filesystem : volume.Backend;
}
