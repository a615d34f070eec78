using System.Text.RegularExpressions;

namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>--select of one condition (lvmreport(7), Selection).</summary>
internal sealed partial class LvmSelection
{
    private readonly string? _column;
    private readonly string _operator = "";
    private readonly string _value = "";

    private LvmSelection()
    {
    }

    private LvmSelection(string column, string comparison, string value) => (_column, _operator, _value) = (column, comparison, value);

    public static LvmSelection Parse(string? text) => text is null
        ? new LvmSelection()
        : Condition().Match(text) is { Success: true } match
            ? new LvmSelection(match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value.Trim('"'))
            : throw new LvmMisuseException($"--select {text}");

    public bool Takes(LvmRow row)
    {
        if (_column is null)
            return true;
        var value = LvmColumns.Value(row, _column);
        return _operator switch
        {
            "=" => value == _value,
            "!=" => value != _value,
            "=~" => Regex.IsMatch(value, _value),
            _ => !Regex.IsMatch(value, _value),
        };
    }

    [GeneratedRegex("^([a-z_]+)(=~|!~|!=|=)(.+)$")]
    private static partial Regex Condition();
}
