namespace CsiLocal.Backends.Lvm;

/// <summary>What a thin pool was asked for and may not have done yet, as the volume group's own metadata has it: no report tells.</summary>
/// <param name="TransactionId">How many changes LVM has asked of it, the queued ones included.</param>
/// <param name="Creates">Names of the thin volumes that it is asked to make.</param>
internal sealed record QueuedMessages(long TransactionId, IReadOnlyList<string> Creates);

/// <summary>The text format of LVM's metadata (lib/format_text/export.c), as far as it is needed: one setting to a line, sections in braces.</summary>
internal sealed class LvmMetadataText
{
    private readonly Dictionary<string, string> _settings = new(StringComparer.Ordinal);

    private LvmMetadataText()
    {
    }

    /// <exception cref="FormatException">Its braces do not match.</exception>
    public static LvmMetadataText Parse(string text)
    {
        var parsed = new LvmMetadataText();
        var sections = new List<string>();
        foreach (var whole in text.Split('\n'))
        {
            var line = whole.Trim();
            if (line.EndsWith('{'))
                sections.Add(line[..^1].TrimEnd());
            else if (line == "}" && sections.Count > 0)
                sections.RemoveAt(sections.Count - 1);
            else if (line == "}")
                throw new FormatException("a section ends that never began");
            else if (line.Split(" = ", 2) is [var name, var value])
                parsed._settings.TryAdd($"{string.Join('/', sections)}/{name}", value);
        }

        return sections.Count == 0 ? parsed : throw new FormatException($"section {sections[^1]} does not end");
    }

    /// <summary>Which volume group it is of; null: not such a text.</summary>
    public string? GroupUuid(string group) => Find($"{group}/id");

    /// <summary>The messages of a thin pool; null where it is not there.</summary>
    public QueuedMessages? MessagesOf(string group, string pool)
    {
        var segment = $"{group}/logical_volumes/{pool}/segment1";
        if (Find($"{segment}/type") != "thin-pool" || !long.TryParse(Find($"{segment}/transaction_id"), out var transaction))
            return null;

        var creates = new List<string>();
        foreach (var (path, value) in _settings)
        {
            if (path.StartsWith($"{segment}/message", StringComparison.Ordinal) && path.EndsWith("/create", StringComparison.Ordinal))
                creates.Add(Unquoted(value));
        }

        return new QueuedMessages(transaction, creates);
    }

    /// <summary>The tags of a logical volume; none where it is not there.</summary>
    public IReadOnlyList<string> TagsOf(string group, string volume)
    {
        var tags = new List<string>();
        if (_settings.GetValueOrDefault($"{group}/logical_volumes/{volume}/tags") is ['[', .. var list, ']'])
        {
            foreach (var tag in list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
                tags.Add(Unquoted(tag));
        }

        return tags;
    }

    // A comment may follow a number ("extent_count = 1\t# 4 Megabytes"), and none follows a name.
    private string? Find(string path) => _settings.TryGetValue(path, out var value)
        ? Unquoted(value.StartsWith('"') ? value : value.Split('\t')[0])
        : null;

    private static string Unquoted(string value) => value is ['"', .. var inner, '"'] ? inner : value;
}
