using System.Globalization;
using Csi.V1;
using Google.Protobuf.Reflection;
using Xunit;

namespace CsiLocal.Tests.Wire;

/// <summary>The compiled contract against the wire table, row by row and in both directions.</summary>
public sealed class WireTableTests
{
    private static readonly string[] s_kinds = ["message", "field", "enum", "value", "service", "rpc"];

    [Fact]
    public void Every_row_of_the_table_is_compiled_as_it_stands_there()
    {
        var compiled = CompiledRows().ToDictionary(row => row.Key, StringComparer.Ordinal);

        var problems = TableRows()
            .Where(row => !compiled.TryGetValue(row.Key, out var found) || found != row)
            .Select(row => compiled.TryGetValue(row.Key, out var found) ? $"{row.Key}: the table has {row}, compiled is {found}" : $"{row.Key}: not compiled");

        Assert.Empty(problems);
    }

    [Fact]
    public void Nothing_is_compiled_that_the_table_does_not_have()
    {
        var table = TableRows().Select(row => row.Key).ToHashSet(StringComparer.Ordinal);

        var extra = CompiledRows().Select(row => row.Key).Except(table, StringComparer.Ordinal);

        Assert.Empty(extra);
    }

    [Fact]
    public void Table_names_each_thing_once_and_knows_no_other_kinds()
    {
        var rows = TableRows().ToList();

        Assert.Equal(436, rows.Count);
        Assert.Empty(rows.GroupBy(row => row.Key, StringComparer.Ordinal).Where(group => group.Count() > 1).Select(group => group.Key));
        Assert.All(rows, row => Assert.Contains(row.Kind, s_kinds));
    }

    private static IEnumerable<Row> TableRows()
    {
        var path = Path.Combine(AppContext.BaseDirectory, "TestData", "csi-wire.tsv");
        foreach (var line in File.ReadLines(path).Skip(1))
        {
            var cells = line.Split('\t');
            var options = cells[6].Split([' ', ','], StringSplitOptions.RemoveEmptyEntries);
            yield return new Row(cells[0], cells[1], cells[2], cells[3], cells[4], cells[5], string.Join(' ', options.Order(StringComparer.Ordinal)));
        }
    }

    private static IEnumerable<Row> CompiledRows()
    {
        var file = CsiReflection.Descriptor;
        return file.EnumTypes.SelectMany(EnumRows).Concat(file.MessageTypes.SelectMany(MessageRows)).Concat(file.Services.SelectMany(ServiceRows));
    }

    private static IEnumerable<Row> MessageRows(MessageDescriptor message)
    {
        yield return new Row("message", NameOf(message), "", "", "", "", Options(alpha: message.GetOptions()?.GetExtension(CsiExtensions.AlphaMessage)));
        foreach (var field in message.Fields.InFieldNumberOrder())
        {
            var options = field.GetOptions();
            yield return new Row(
                "field",
                NameOf(message),
                field.Name,
                Number(field.FieldNumber),
                TypeOf(field),
                field.RealContainingOneof?.Name ?? "",
                Options(options?.GetExtension(CsiExtensions.AlphaField), options?.GetExtension(CsiExtensions.CsiSecret)));
        }
        // Maps compile to nested entry messages, which the table writes as the field's type.
        foreach (var row in message.EnumTypes.SelectMany(EnumRows).Concat(message.NestedTypes.Where(nested => nested.GetOptions() is not { MapEntry: true }).SelectMany(MessageRows)))
            yield return row;
    }

    private static IEnumerable<Row> EnumRows(EnumDescriptor type)
    {
        yield return new Row("enum", NameOf(type), "", "", "", "", Options(type.GetOptions()?.GetExtension(CsiExtensions.AlphaEnum)));
        foreach (var value in type.Values)
            yield return new Row("value", NameOf(type), value.Name, Number(value.Number), "", "", Options(value.GetOptions()?.GetExtension(CsiExtensions.AlphaEnumValue)));
    }

    private static IEnumerable<Row> ServiceRows(ServiceDescriptor service)
    {
        yield return new Row("service", service.Name, "", "", "", "", Options(service.GetOptions()?.GetExtension(CsiExtensions.AlphaService)));
        foreach (var method in service.Methods)
        {
            var type = $"{Streamed(method.IsClientStreaming, method.InputType)} -> {Streamed(method.IsServerStreaming, method.OutputType)}";
            yield return new Row("rpc", service.Name, method.Name, "", type, "", Options(method.GetOptions()?.GetExtension(CsiExtensions.AlphaMethod)));
        }
    }

    private static string TypeOf(FieldDescriptor field)
    {
        if (field.IsMap)
            return $"map<{TypeOf(field.MessageType.FindFieldByNumber(1))},{TypeOf(field.MessageType.FindFieldByNumber(2))}>";
        var type = field.FieldType switch
        {
            FieldType.Message => NameOf(field.MessageType),
            FieldType.Enum => NameOf(field.EnumType),
            FieldType.String or FieldType.Bool or FieldType.Int32 or FieldType.Int64 => field.FieldType.ToString().ToLowerInvariant(),
            // A type the contract does not use: named, so that the comparison shows it.
            var other => $"{other}",
        };
        return field.IsRepeated ? $"repeated {type}" : type;
    }

    private static string Streamed(bool isStreaming, MessageDescriptor type) => isStreaming ? $"stream {NameOf(type)}" : NameOf(type);

    /// <summary>The full name without this contract's own package.</summary>
    private static string NameOf(IDescriptor type) =>
        type.FullName.StartsWith("csi.v1.", StringComparison.Ordinal) ? type.FullName["csi.v1.".Length..] : type.FullName;

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Options(bool? alpha, bool? secret = false) =>
        string.Join(' ', new[] { alpha == true ? "alpha" : "", secret == true ? "csi_secret" : "" }.Where(option => option.Length > 0));

    private sealed record Row(string Kind, string Owner, string Name, string Number, string Type, string Oneof, string Options)
    {
        public string Key => Name.Length == 0 ? $"{Kind} {Owner}" : $"{Kind} {Owner}.{Name}";

        public override string ToString() => $"[{Number}] '{Type}' oneof '{Oneof}' options '{Options}'";
    }
}
