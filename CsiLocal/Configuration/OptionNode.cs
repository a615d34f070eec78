namespace CsiLocal.Configuration;

/// <summary>A piece of the configuration file, with its place. Lines and columns count from 1.</summary>
internal abstract record OptionNode(int Line, int Column)
{
    /// <summary>What it is, for a message: "a list".</summary>
    public abstract string Kind { get; }

    /// <summary>A single value. Quoted text is never read as nothing (<c>~</c>, <c>null</c>).</summary>
    public sealed record Scalar(string Value, bool IsQuoted, int Line, int Column) : OptionNode(Line, Column)
    {
        public override string Kind => IsNull ? "empty" : "a single value";

        public bool IsNull => !IsQuoted && Value is ("" or "~" or "null" or "Null" or "NULL");
    }

    public sealed record Sequence(IReadOnlyList<OptionNode> Items, int Line, int Column) : OptionNode(Line, Column)
    {
        public override string Kind => "a list";
    }

    /// <summary>Entries as written: duplicates and <c>&lt;&lt;</c> merges included.</summary>
    public sealed record Mapping(IReadOnlyList<OptionEntry> Entries, int Line, int Column)
        : OptionNode(Line, Column)
    {
        public override string Kind => "a mapping";
    }
}

/// <summary>One entry of a mapping.</summary>
internal sealed record OptionEntry(OptionNode Key, OptionNode Value);
