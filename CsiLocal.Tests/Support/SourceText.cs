using System.Text;

namespace CsiLocal.Tests.Support;

/// <summary>Splits C# text into its code and its string literals, so that rules about code are not fooled by words.</summary>
/// <remarks>A lexer of just what hides code: comments, characters and every kind of string, interpolation included.</remarks>
internal sealed class SourceText
{
    private readonly StringBuilder code = new();
    private readonly List<string> literals = [];
    private readonly string text;
    private int at;

    public SourceText(string text)
    {
        this.text = text;
        ReadCode(closing: '\0');
    }

    /// <summary>The text with comments and literals left out; lines stay where they are.</summary>
    public string Code => code.ToString();

    /// <summary>The contents of the string literals, without what is interpolated.</summary>
    public IReadOnlyList<string> Literals => literals;

    private void ReadCode(char closing)
    {
        var depth = 0;
        while (at < text.Length)
        {
            var c = text[at];
            if (c == closing && depth == 0)
                return;
            depth += c == '{' ? 1 : c == '}' ? -1 : 0;
            if (StartsWith("//"))
                SkipTo("\n", including: false);
            else if (StartsWith("/*"))
                SkipTo("*/", including: true);
            else if (c == '\'')
                SkipCharacter();
            else if (!TryReadString())
                Keep();
        }
    }

    private bool TryReadString()
    {
        var start = at;
        while (start < text.Length && text[start] is '$' or '@')
            start++;
        if (start == text.Length || text[start] != '"')
            return false;
        var prefix = text[at..start];
        var quotes = 0;
        while (start + quotes < text.Length && text[start + quotes] == '"')
            quotes++;
        var isRaw = quotes >= 3 && !prefix.Contains('@');
        at = start + (isRaw ? quotes : 1);
        code.Append('"');
        ReadLiteral(new Quoting(prefix.Count(c => c == '$'), isRaw ? quotes : 1, isRaw, prefix.Contains('@')));
        return true;
    }

    private void ReadLiteral(Quoting quoting)
    {
        var literal = new StringBuilder();
        var end = new string('"', quoting.Quotes);
        while (at < text.Length && !(StartsWith(end) && !(quoting.IsVerbatim && StartsWith("\"\""))))
        {
            var c = text[at];
            if (quoting.Dollars > 0 && c is '{' or '}')
                ReadBraces(quoting, literal);
            else
                Take(literal, quoting is { IsRaw: false, IsVerbatim: false } && c == '\\' ? 2 : quoting.IsVerbatim && c == '"' ? 2 : 1);
        }

        at = Math.Min(text.Length, at + quoting.Quotes);
        literals.Add(literal.ToString());
    }

    private void ReadBraces(Quoting quoting, StringBuilder literal)
    {
        var run = 0;
        while (at + run < text.Length && text[at + run] == text[at])
            run++;
        if (text[at] == '}' || run < quoting.Dollars || (!quoting.IsRaw && run % 2 == 0))
        {
            Take(literal, run);
            return;
        }

        at += run;
        code.Append(' ');
        ReadCode(closing: '}');
        at = Math.Min(text.Length, at + quoting.Dollars);
        code.Append(' ');
    }

    private void SkipCharacter()
    {
        at++;
        while (at < text.Length && text[at] != '\'')
            at += text[at] == '\\' ? 2 : 1;
        at = Math.Min(text.Length, at + 1);
    }

    private void SkipTo(string mark, bool including)
    {
        var end = text.IndexOf(mark, at, StringComparison.Ordinal);
        var target = end < 0 ? text.Length : end + (including ? mark.Length : 0);
        code.Append('\n', text.AsSpan(at, target - at).Count('\n'));
        at = target;
    }

    private void Take(StringBuilder literal, int count)
    {
        for (var end = Math.Min(text.Length, at + count); at < end; at++)
        {
            literal.Append(text[at]);
            if (text[at] == '\n')
                code.Append('\n');
        }
    }

    private void Keep() => code.Append(text[at++]);

    private bool StartsWith(string mark) => string.CompareOrdinal(text, at, mark, 0, mark.Length) == 0;

    private readonly record struct Quoting(int Dollars, int Quotes, bool IsRaw, bool IsVerbatim);
}
