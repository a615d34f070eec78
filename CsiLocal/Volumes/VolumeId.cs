using System.Diagnostics.CodeAnalysis;

namespace CsiLocal.Volumes;

/// <summary>A volume's id: <c>v</c> and 20 base32 characters derived from its name.</summary>
internal readonly record struct VolumeId
{
    private const char Prefix = 'v';

    private VolumeId(string value) => Value = value;

    public string Value { get; }

    public static VolumeId Mint(string name) => new(MintedId.Mint(Prefix, name));

    public static bool TryParse([NotNullWhen(true)] string? text, out VolumeId id)
    {
        id = MintedId.HasShape(Prefix, text) ? new VolumeId(text) : default;
        return id.Value is not null;
    }

    /// <summary>For text that the driver itself wrote (its database, a metadata file).</summary>
    /// <exception cref="FormatException">The text is not a volume id.</exception>
    public static VolumeId Parse(string text) =>
        TryParse(text, out var id) ? id : throw new FormatException($"'{text}' is not a volume id");

    public override string ToString() => Value;
}
