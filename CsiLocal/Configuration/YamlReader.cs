using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace CsiLocal.Configuration;

/// <summary>YAML text to <see cref="OptionNode"/>s, from the parser's events: no reflection, every node with its place, duplicate
/// keys kept.</summary>
internal sealed class YamlReader(string text, ProblemReport report)
{
    // Options nest three deep; the limit keeps a hostile file from exhausting the stack.
    private const int MaxDepth = 16;

    private readonly Dictionary<string, OptionNode> anchors = new(StringComparer.Ordinal);
    private readonly Parser parser = new(new StringReader(text));

    /// <summary>The document; null where the file is empty or cannot be read as YAML, which is then reported.</summary>
    public OptionNode? Read()
    {
        try
        {
            parser.Consume<StreamStart>();
            if (!parser.TryConsume<DocumentStart>(out _))
                return null;
            var root = ReadNode(depth: 0);
            parser.Consume<DocumentEnd>();
            if (parser.TryConsume<DocumentStart>(out var second))
                report.Add((int)second.Start.Line, (int)second.Start.Column, "a second document; write one document without '---' between");
            return root;
        }
        catch (YamlException failure)
        {
            Report(failure.Start, failure.End, failure.Message);
            return null;
        }
        catch (Exception failure) when (failure is InvalidOperationException or ArgumentException)
        {
            // The scanner gives up on some malformed flow mappings without a place of its own.
            var near = parser.Current?.End ?? Mark.Empty;
            Report(near, near, "malformed after this place");
            return null;
        }
    }

    private OptionNode ReadNode(int depth)
    {
        if (parser.TryConsume<AnchorAlias>(out var alias))
        {
            return anchors.TryGetValue(alias.Value.Value, out var target)
                ? target
                : throw new YamlException(alias.Start, alias.End, $"'*{alias.Value.Value}' refers to an anchor that is not defined above");
        }

        if (!parser.Accept<NodeEvent>(out var start))
            throw new YamlException(parser.Current!.Start, parser.Current.End, "a value is missing");
        if (depth > MaxDepth)
            throw new YamlException(start.Start, start.End, $"nested more than {MaxDepth} deep");
        var node = ReadContent(depth, (int)start.Start.Line, (int)start.Start.Column);
        if (!start.Anchor.IsEmpty)
            anchors[start.Anchor.Value] = node;
        return node;
    }

    private OptionNode ReadContent(int depth, int line, int column)
    {
        if (parser.TryConsume<Scalar>(out var scalar))
            return new OptionNode.Scalar(scalar.Value, scalar.Style != ScalarStyle.Plain, line, column);
        if (parser.TryConsume<SequenceStart>(out _))
        {
            var items = new List<OptionNode>();
            while (!parser.TryConsume<SequenceEnd>(out _))
                items.Add(ReadNode(depth + 1));
            return new OptionNode.Sequence(items, line, column);
        }

        parser.Consume<MappingStart>();
        var entries = new List<OptionEntry>();
        while (!parser.TryConsume<MappingEnd>(out _))
            entries.Add(new OptionEntry(ReadNode(depth + 1), ReadNode(depth + 1)));
        return new OptionNode.Mapping(entries, line, column);
    }

    private void Report(Mark start, Mark end, string message)
    {
        // The scanner's own words for a tab speak of keys, and it notices a line late.
        var lines = text.Split('\n');
        for (var i = (int)start.Line - 1; i <= end.Line && i < lines.Length; i++)
        {
            var indentation = lines[i].AsSpan(0, lines[i].Length - lines[i].AsSpan().TrimStart().Length);
            if (indentation.IndexOf('\t') is >= 0 and var column)
            {
                report.Add(i + 1, column + 1, "a tab in the indentation; use spaces");
                return;
            }
        }

        report.Add((int)start.Line, (int)start.Column, $"not valid YAML: {OptionText.OneLine(message)}");
    }
}
