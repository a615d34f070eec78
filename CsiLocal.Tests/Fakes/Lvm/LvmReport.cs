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
        var selection = LvmSelection.Parse(_arguments.Find("select"));
        var rows = Groups().SelectMany(group => Rows(group, kind, columns)).Where(selection.Takes).ToList();
        return Wrap($"          {{\n{Section(kind, columns, rows)}          }}\n");
    }

    private string FullReport()
    {
        var (asked, selections) = ByReport();
        if (s_subreports.FirstOrDefault(kind => !asked.ContainsKey(kind)) is { } missing)
            throw new LvmMisuseException($"fullreport without columns of its report '{missing}' prints all there are");
        if (asked["lv"].FirstOrDefault(LvmColumns.IsSegmentColumn) is { } column)
        {
            throw new LvmFailureException(
                $"  Subreport of type \"lv\" for VG contains columns which lead to change of report type. Add these columns to proper subreport type. ({column})\n");
        }

        var groups = Groups().Select(group => $"          {{\n{string.Join(
            "              ,\n",
            s_subreports.Select(kind => Section(kind, asked[kind], Rows(group, kind, asked[kind]).Where(selections[kind].Takes))))}          }}\n");
        return Wrap(string.Join("          ,\n", groups));
    }

    /// <summary>Options after --configreport belong to that report.</summary>
    private (Dictionary<string, IReadOnlyList<string>> Columns, Dictionary<string, LvmSelection> Selections) ByReport()
    {
        var columns = new Dictionary<string, IReadOnlyList<string>>();
        var selections = s_subreports.ToDictionary(static kind => kind, static _ => LvmSelection.Parse(null));
        string? current = null;
        foreach (var (name, value) in _arguments.Options)
        {
            if (name == "configreport")
                current = s_subreports.Contains(value) ? value : throw new LvmMisuseException($"--configreport {value}");
            else if (name == "options")
                columns[current ?? throw new LvmMisuseException("fullreport --options before --configreport")] = Columns([value]);
            else if (name == "select")
                selections[current ?? throw new LvmMisuseException("fullreport --select before --configreport")] = LvmSelection.Parse(value);
        }

        return (columns, selections);
    }

    private IReadOnlyList<EmulatedGroup> Groups() => _arguments.Operands switch
    {
        [] => scope.VisibleGroups(),
        [var name] => [scope.Group(name.Split('/')[0])],
        _ => throw new LvmMisuseException("a report of one VG, or of all"),
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
