using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace CsiLocal.Volumes;

/// <summary>The form of all ids: one letter and 20 lower-case base32 characters (RFC 4648 alphabet) of SHA-256 of the name.</summary>
/// <remarks>Ids are minted, never echoed: only this shape ever reaches a path or an argument list (design §2.5).</remarks>
internal static class MintedId
{
    public const int Length = 21;

    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";

    public static string Mint(char prefix, string name)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(name));
        return string.Create(Length, (prefix, hash), static (span, state) =>
        {
            span[0] = state.prefix;
            for (var i = 1; i < span.Length; i++)
            {
                // Character i takes bits 5(i-1) .. 5(i-1)+4 of the hash; 100 bits in all.
                var bit = (i - 1) * 5;
                var pair = (state.hash[bit / 8] << 8) | state.hash[(bit / 8) + 1];
                span[i] = Alphabet[(pair >> (11 - (bit % 8))) & 31];
            }
        });
    }

    public static bool HasShape(char prefix, [NotNullWhen(true)] string? text)
    {
        if (text is null || text.Length != Length || text[0] != prefix)
            return false;

        foreach (var c in text.AsSpan(1))
        {
            if (!Alphabet.Contains(c))
                return false;
        }

        return true;
    }
}
