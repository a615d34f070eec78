using System.Globalization;

namespace CsiLocal.Configuration;

/// <summary>How an option's text becomes its value.</summary>
internal delegate bool OptionParser<T>(string text, out T value);

/// <summary>Reads one mapping option by option. Whatever is wrong goes to the report; the value is then the fallback.</summary>
internal sealed class OptionReader
{
    private const string MergeKey = "<<";

    private readonly Dictionary<string, (OptionNode Key, OptionNode Value)> options = new(StringComparer.Ordinal);
    private readonly HashSet<OptionNode> merged = new(ReferenceEqualityComparer.Instance);
    private readonly OptionNode.Mapping mapping;
    private readonly string prefix;
    private readonly ProblemReport report;

    /// <param name="mapping">The mapping to read.</param>
    /// <param name="prefix">Path of the mapping with its dot (<c>pools[1].</c>), or empty.</param>
    /// <param name="report">Takes the problems.</param>
    public OptionReader(OptionNode.Mapping mapping, string prefix, ProblemReport report)
    {
        this.mapping = mapping;
        this.prefix = prefix;
        this.report = report;
        Take(mapping, isMerged: false);
        Merge(mapping);
    }

    public bool Has(string key) => options.ContainsKey(key);

    public string PathOf(string key) => prefix + key;

    /// <summary>The option's value as it stands, or null.</summary>
    public OptionNode? Find(string key) => options.TryGetValue(key, out var option) ? option.Value : null;

    /// <summary>Reports at the option's value; at the mapping where the option is absent.</summary>
    public void Report(string key, string message) => report.Add(Find(key) ?? mapping, PathOf(key), message);

    /// <summary>Reports at an item of the list that the option is.</summary>
    public void ReportItem(string key, int index, string message) =>
        report.Add(List(key)[index], string.Create(CultureInfo.InvariantCulture, $"{PathOf(key)}[{index}]"), message);

    /// <summary>Reports every key that is not in <paramref name="known"/>.</summary>
    public void RefuseOthers(IReadOnlyList<string> known, Func<string, string?> explain)
    {
        foreach (var (key, option) in options)
        {
            if (known.Contains(key))
                continue;
            var message = explain(key) ?? $"unknown option{Suggestion.DidYouMean(key, known)}";
            report.Add(option.Key, PathOf(OptionText.OneLine(key)), message);
        }
    }

    /// <summary>The option's text, or null where it is absent or not a single value.</summary>
    public string? Text(string key)
    {
        switch (Find(key))
        {
            case null:
                return null;
            case OptionNode.Scalar { IsNull: false } scalar:
                return scalar.Value;
            case OptionNode.Scalar:
                Report(key, "has no value; give one or remove the line");
                return null;
            case var other:
                Report(key, $"is {other.Kind}; a single value is expected");
                return null;
        }
    }

    /// <summary>As <see cref="Text(string)"/>, with a rule that answers what is wrong with the text, or null.</summary>
    public string? Text(string key, Func<string, string?> rule)
    {
        if (Text(key) is not { } text)
            return null;
        if (rule(text) is not { } problem)
            return text;
        Report(key, problem);
        return null;
    }

    /// <summary>As <see cref="Text(string,Func{string,string})"/>; an absent option is reported, too.</summary>
    public string? Required(string key, Func<string, string?> rule)
    {
        if (!Has(key))
            Report(key, "is required");
        return Text(key, rule);
    }

    /// <summary>The parsed option; <paramref name="fallback"/> where it is absent or wrong.</summary>
    public T Value<T>(string key, T fallback, OptionParser<T> parse, string expectation, Func<T, string?> rule)
    {
        if (Text(key) is not { } text)
            return fallback;
        if (!parse(text, out var value))
        {
            Report(key, $"{OptionText.Quote(text)} is not {expectation}");
            return fallback;
        }

        if (rule(value) is not { } problem)
            return value;
        Report(key, problem);
        return fallback;
    }

    /// <summary>The items of a list; empty where the option is absent, has no value, or is no list.</summary>
    public IReadOnlyList<OptionNode> List(string key)
    {
        switch (Find(key))
        {
            case null or OptionNode.Scalar { IsNull: true }:
                return [];
            case OptionNode.Sequence sequence:
                return sequence.Items;
            case var other:
                Report(key, $"is {other.Kind}; a list is expected, each item after '- '");
                return [];
        }
    }

    /// <summary>The options of a mapping within this one; null where it is absent, or no mapping, which is reported.</summary>
    public OptionReader? Mapping(string key, string expectation)
    {
        switch (Find(key))
        {
            case null or OptionNode.Scalar { IsNull: true }:
                return null;
            case OptionNode.Mapping inner:
                return new OptionReader(inner, $"{PathOf(key)}.", report);
            case var other:
                Report(key, $"is {other.Kind}; {expectation}");
                return null;
        }
    }

    private void Take(OptionNode.Mapping source, bool isMerged)
    {
        foreach (var (key, value) in source.Entries)
        {
            if (IsMergeKey(key))
                continue;
            if (key is not OptionNode.Scalar { IsNull: false } name)
            {
                if (!isMerged)
                    report.Add(key, prefix.TrimEnd('.'), $"the name of an option is {key.Kind}; plain text is expected");
            }
            else if (!options.TryAdd(name.Value, (key, value)) && !isMerged)
            {
                report.Add(key, PathOf(OptionText.OneLine(name.Value)), $"given twice; first in line {options[name.Value].Key.Line}");
            }
        }
    }

    // YAML's merge key: what a mapping does not say itself comes from the mappings named there, the first that says it.
    // Each mapping is visited once: a few lines of aliases could otherwise stand for millions of visits.
    private void Merge(OptionNode.Mapping source)
    {
        foreach (var (key, value) in source.Entries.Where(entry => IsMergeKey(entry.Key)))
        {
            foreach (var item in value is OptionNode.Sequence sequence ? sequence.Items : [value])
            {
                if (item is not OptionNode.Mapping inherited)
                {
                    report.Add(key, PathOf(MergeKey), $"is {item.Kind}; a mapping is expected");
                }
                else if (merged.Add(inherited))
                {
                    Take(inherited, isMerged: true);
                    Merge(inherited);
                }
            }
        }
    }

    private static bool IsMergeKey(OptionNode key) => key is OptionNode.Scalar { Value: MergeKey, IsQuoted: false };
}
