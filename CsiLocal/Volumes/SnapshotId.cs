using System.Diagnostics.CodeAnalysis;

namespace CsiLocal.Volumes;

/// <summary>A snapshot's id: <c>s</c> and 20 base32 characters derived from its name.</summary>
internal readonly record struct SnapshotId
{
    private const char Prefix = 's';

    private SnapshotId(string value) => Value = value;

    public string Value { get; }

    public static SnapshotId Mint(string name) => new(MintedId.Mint(Prefix, name));

    public static bool TryParse([NotNullWhen(true)] string? text, out SnapshotId id)
    {
        id = MintedId.HasShape(Prefix, text) ? new SnapshotId(text) : default;
        return id.Value is not null;
    }

    /// <summary>For text that the driver itself wrote (its database, a metadata file).</summary>
    /// <exception cref="FormatException">The text is not a snapshot id.</exception>
    public static SnapshotId Parse(string text) =>
        TryParse(text, out var id) ? id : throw new FormatException($"'{text}' is not a snapshot id");

    public override string ToString() => Value;
}
