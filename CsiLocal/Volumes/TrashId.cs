using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace CsiLocal.Volumes;

/// <summary>The id of a deleted volume: <c>t</c> and 20 base32 characters.</summary>
/// <remarks>
/// Derived from the volume's id and the moment of its creation, so that a deletion that is repeated after a crash means the same
/// object, and the next volume of that name another one.
/// </remarks>
internal readonly record struct TrashId
{
    private const char Prefix = 't';

    private TrashId(string value) => Value = value;

    public string Value { get; }

    public static TrashId Of(VolumeRecord volume) => new(MintedId.Mint(
        Prefix, string.Create(CultureInfo.InvariantCulture, $"{volume.Id.Value}/{volume.CreatedAt.UtcTicks}")));

    public static bool TryParse([NotNullWhen(true)] string? text, out TrashId id)
    {
        id = MintedId.HasShape(Prefix, text) ? new TrashId(text) : default;
        return id.Value is not null;
    }

    /// <summary>For text that the driver itself wrote.</summary>
    /// <exception cref="FormatException">The text is not such an id.</exception>
    public static TrashId Parse(string text) =>
        TryParse(text, out var id) ? id : throw new FormatException($"'{text}' is not the id of a deleted volume");

    public override string ToString() => Value;
}
