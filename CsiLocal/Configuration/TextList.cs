namespace CsiLocal.Configuration;

/// <summary>A list of texts that equals another one with the same texts, so that records of options can be compared.</summary>
internal sealed class TextList(params IReadOnlyList<string> items) : IEquatable<TextList>
{
    public static readonly TextList Empty = new();

    public IReadOnlyList<string> Items { get; } = items;

    public bool Equals(TextList? other) => other is not null && Items.SequenceEqual(other.Items, StringComparer.Ordinal);

    public override bool Equals(object? obj) => Equals(obj as TextList);

    public override int GetHashCode() => string.Join('\0', Items).GetHashCode(StringComparison.Ordinal);

    public override string ToString() => string.Join(' ', Items);
}
