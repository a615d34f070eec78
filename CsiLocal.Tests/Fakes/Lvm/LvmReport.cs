using System.Text;
using System.Text.Json;

namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>vgs, pvs, lvs and fullreport as JSON (lvmreport(7)); columns that were asked for, and no others.</summary>
internal sealed class LvmReport(LvmScope scope)
{
    private static readonly string[] s_subreports = ["vg", "pv", "lv", "pvseg", "seg"];

    private readonly LvmArguments _arguments = scope.Arguments;

    public string Run() => _arguments.Command == "fullreport" ? FullReport() : Report(_arguments.Command[..2]);

    /// <summary>What LVM prints before it says what is wrong.</summary>
    public string Empty() => _arguments.Command == "fullreport"
        ? "  {\n      \"report\": [\n      ]\n  }\n"
        : $"  {{\n      \"report\": [\n          {{\n              \"{_arguments.Command[..2]}\": [\n              ]\n          }}\n      ]\n  }}\n";

    private string Report(string kind)
    {
        var columns = Columns(_arguments.Values("options"));
        var rows = Groups().SelectMany(group => Rows(group, kind, columns)).ToList();
        return Wrap($"          {{\n{Section(kind, columns, rows)}          }}\n");
    }

    private string FullReport()
    {
        var asked = ByReport();
        if (s_subreports.FirstOrDefault(kind => !asked.ContainsKey(kind)) is { } missing)
            throw new LvmMisuseException($"fullreport without columns of its report '{missing}' prints all there are");
        if (asked["lv"].FirstOrDefault(LvmColumns.IsSegmentColumn) is { } column)
        {
            throw new LvmFailureException(
                $"  Subreport of type \"lv\" for VG contains columns which lead to change of report type. Add these columns to proper subreport type. ({column})\n");
        }

        var groups = Groups().Select(group => $"          {{\n{string.Join(
            "              ,\n",
            s_subreports.Select(kind => Section(kind, asked[kind], Rows(group, kind, asked[kind]))))}          }}\n");
        return Wrap(string.Join("          ,\n", groups));
    }

    /// <summary>Options after --configreport belong to that report.</summary>
    private Dictionary<string, IReadOnlyList<string>> ByReport()
    {
        var found = new Dictionary<string, IReadOnlyList<string>>();
        string? current = null;
        foreach (var (name, value) in _arguments.Options)
        {
            if (name == "configreport")
                current = s_subreports.Contains(value) ? value : throw new LvmMisuseException($"--configreport {value}");
            else if (name == "options")
                found[current ?? throw new LvmMisuseException("fullreport --options before --configreport")] = Columns([value]);
        }

        return found;
    }

    private IReadOnlyList<EmulatedGroup> Groups()
    {
        if (_arguments.Operands.Count > 1)
            throw new LvmMisuseException("a report of one VG, or of all");
        if (_arguments.Operands is [var name])
            return [scope.Group(name.Split('/')[0])];
        return [.. scope.VisibleGroups().Where(IsSelected)];
    }

    private bool IsSelected(EmulatedGroup group) => _arguments.Find("select") switch
    {
        null => true,
        var text when text == $"vg_uuid={group.Uuid}" || text == $"vg_name={group.Name}" => true,
        var text when text.StartsWith("vg_uuid=", StringComparison.Ordinal) || text.StartsWith("vg_name=", StringComparison.Ordinal) => false,
        var text => throw new LvmMisuseException($"--select {text}"),
    };

    private static IReadOnlyList<string> Columns(IEnumerable<string> options) => [.. options.SelectMany(static list => list.Split(','))];

    private IEnumerable<LvmRow> Rows(EmulatedGroup group, string kind, IReadOnlyList<string> columns) => kind switch
    {
        "vg" => [new LvmRow(scope, group)],
        "pv" => group.Disks.Select(disk => new LvmRow(scope, group) { Disk = disk }),
        "lv" or "seg" => Shown(group).SelectMany(volume => Segments(group, volume, kind == "seg" || columns.Any(LvmColumns.IsSegmentColumn))),
        _ => group.Sorted.SelectMany(volume => volume.Segments.Select(segment => new LvmRow(scope, group) { Volume = volume, Segment = segment, Disk = segment.Disk })),
    };

    private IEnumerable<EmulatedVolume> Shown(EmulatedGroup group) => group.Sorted.Where(volume => !volume.IsHidden || _arguments.Has("all"));

    // A linear volume has a segment for each stretch; with columns of segments it has as many rows.
    private IEnumerable<LvmRow> Segments(EmulatedGroup group, EmulatedVolume volume, bool apart) =>
        apart && volume is { SegmentType: "linear", Segments.Count: > 1 }
            ? volume.Segments.Select(segment => new LvmRow(scope, group) { Volume = volume, Segment = segment })
            : [new LvmRow(scope, group) { Volume = volume }];

    private static string Section(string kind, IReadOnlyList<string> columns, IEnumerable<LvmRow> rows)
    {
        var lines = rows.Select(row => $"                  {{{string.Join(
            ", ", columns.Select(column => $"\"{column}\":\"{JsonEncodedText.Encode(LvmColumns.Value(row, column), System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\""))}}}");
        var text = new StringBuilder($"              \"{kind}\": [\n").Append(string.Join(",\n", lines));
        return text.Append(text[^1] == '\n' ? "" : "\n").Append("              ]\n").ToString();
    }

    private static string Wrap(string content) => $"  {{\n      \"report\": [\n{content}      ]\n  }}\n";
}

/// <summary>What a row of a report is about.</summary>
internal sealed record LvmRow(LvmScope Scope, EmulatedGroup Group)
{
    public EmulatedDisk? Disk { get; init; }

    public EmulatedVolume? Volume { get; init; }

    public EmulatedSegment? Segment { get; init; }
}
