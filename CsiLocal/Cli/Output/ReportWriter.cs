using Spectre.Console;

namespace CsiLocal.Cli.Output;

/// <summary>Writes what a command has to say: tables and sentences for people, or one JSON document.</summary>
internal sealed class ReportWriter(CliEnvironment environment, OutputFormat format, bool color)
{
    /// <summary>Longest path in a table on a narrow terminal; in a pipe and on a wide one it is shown whole.</summary>
    public int PathWidth => environment.Width >= 160 ? int.MaxValue : 24;

    public bool IsJson => format == OutputFormat.Json;

    /// <summary>For people only: nothing but the document is on standard output when JSON is asked for.</summary>
    public void Line(string text)
    {
        if (!IsJson)
            environment.Out.WriteLine(PlainText.OneLine(text));
    }

    /// <summary>As <see cref="Line(string)"/>, with its beginning so that the eye finds it; where there are no colours, just a line.</summary>
    public void Line(string emphasized, Tone tone, string rest)
    {
        if (IsJson)
            return;

        var mark = PlainText.OneLine(emphasized);
        if (color && environment.OutIsTerminal)
            mark = $"\e[{(int)tone}m{mark}\e[0m";
        environment.Out.WriteLine($"{mark}{PlainText.OneLine(rest)}");
    }

    public void Json(IJsonShape document)
    {
        if (IsJson)
            environment.Out.WriteLine(JsonText.Of(document));
    }

    public void Json(IReadOnlyList<IJsonShape> documents)
    {
        if (IsJson)
            environment.Out.WriteLine(JsonText.Of(documents));
    }

    /// <summary>What another program is to read, whoever looks on: YAML, or JSON when that is asked for.</summary>
    public void Manifest(IJsonShape document)
    {
        if (IsJson)
            Json(document);
        else
            environment.Out.Write(YamlText.Of(document));
    }

    /// <summary>Columns apart by two spaces, no lines: it can be read, cut and grepped.</summary>
    public void Table(IReadOnlyList<TableColumn> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        if (IsJson)
            return;

        var table = new Table().NoBorder();
        foreach (var column in columns)
            table.AddColumn(Column(column, isLast: column == columns[^1]));
        foreach (var row in rows)
            table.AddRow(row.Select(cell => new Text(PlainText.OneLine(cell))));

        WriteRendered(table);
    }

    /// <summary>One thing with its properties, one a line; empty values are left out.</summary>
    public void Properties(IEnumerable<Property> properties)
    {
        if (IsJson)
            return;

        var grid = new Grid();
        grid.AddColumn(new GridColumn { NoWrap = true, Padding = new Padding(0, 0, 2, 0) });
        grid.AddColumn(new GridColumn { Padding = new Padding(0) });
        foreach (var (name, value) in properties)
        {
            if (!string.IsNullOrEmpty(value) && value != PlainText.None)
                grid.AddRow(new Text(name + ":"), new Text(PlainText.OneLine(value)));
        }

        WriteRendered(grid);
    }

    private static Spectre.Console.TableColumn Column(TableColumn column, bool isLast)
    {
        var header = new Text(column.Header, new Style(decoration: Decoration.Bold));
        return new Spectre.Console.TableColumn(header)
        {
            NoWrap = !column.MayFold,
            Alignment = column.IsNumber ? Justify.Right : Justify.Left,
            Padding = new Padding(0, 0, isLast ? 0 : 2, 0),
        };
    }

    private void WriteRendered(Spectre.Console.Rendering.IRenderable content)
    {
        // Spectre pads every line to the full width; cut that, so that a line copied from the terminal is only what is seen.
        using var buffer = new StringWriter();
        var console = Consoles.Create(buffer, environment.Width, color && environment.OutIsTerminal);
        console.Write(content);
        foreach (var line in buffer.ToString().TrimEnd('\n').Split('\n'))
            environment.Out.WriteLine(line.TrimEnd());
    }
}

/// <summary>How something is brought to the eye; the numbers are those of ECMA-48 (SGR).</summary>
internal enum Tone
{
    Normal = 0,
    Heading = 1,
    Bad = 31,
    Good = 32,
    Warning = 33,
}
