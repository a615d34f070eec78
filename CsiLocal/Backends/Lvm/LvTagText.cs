using System.Buffers;
using System.Globalization;
using System.Text;

namespace CsiLocal.Backends.Lvm;

/// <summary>Fields as the text of one or more tags of a logical volume, and back.</summary>
/// <remarks>
/// <c>csilocal.volume=1&amp;name=pvc-1&amp;pool=fast</c>: the kind, the schema, then fields. Where that is longer than a tag may be, the first
/// tag ends its schema with the number of tags (<c>=1.3</c>) and the others go on with it: <c>csilocal.2=…</c>, <c>csilocal.3=…</c>.
/// One tag instead of one for each field: every byte counts twice in each metadata area, and a record is there whole or not at all.
/// </remarks>
internal static class LvTagText
{
    public const string Prefix = "csilocal.";

    public const int Schema = 1;

    /// <summary>lvm(8), TAGS.</summary>
    public const int MaxLength = 1024;

    // Of those that lvm(8) allows in tags, & separates fields and # escapes.
    private static readonly SearchValues<char> Plain = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-/!:=");

    private static readonly SearchValues<char> PlainInKeys = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-/!:");

    public static bool IsOurs(string tag) => tag.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Puts the record into as few tags as can be.</summary>
    /// <param name="kind">"volume" or "snapshot".</param>
    /// <param name="fields">As of <see cref="Append"/>.</param>
    public static IReadOnlyList<string> Split(string kind, StringBuilder fields)
    {
        var body = fields.ToString();
        var single = $"{Prefix}{kind}={Schema}{body}";
        if (single.Length <= MaxLength)
            return [single];

        // The first has room for the count, whatever its length; each takes what fits.
        List<string> tags = [""];
        var start = Math.Min(body.Length, MaxLength - $"{Prefix}{kind}={Schema}.999".Length);
        var first = body[..start];
        while (start < body.Length)
        {
            var head = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{tags.Count + 1}=");
            var length = Math.Min(body.Length - start, MaxLength - head.Length);
            tags.Add(string.Concat(head, body.AsSpan(start, length)));
            start += length;
        }

        tags[0] = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{kind}={Schema}.{tags.Count}{first}");
        return tags;
    }

    /// <summary>The fields of a record of that kind; null where there is none.</summary>
    /// <exception cref="FormatException">Two of them, a part of one, or one of another schema.</exception>
    public static string? Join(string kind, IReadOnlyList<string> tags)
    {
        var head = $"{Prefix}{kind}=";
        if (Single(tags, head) is not { } first)
            return null;

        var end = first.IndexOf('&') is >= 0 and var at ? at : first.Length;
        var version = first[..end];
        var dot = version.IndexOf('.');
        var schema = dot < 0 ? version : version[..dot];
        if (schema != "1")
            throw new FormatException($"tag '{head}{version}' has schema {schema}, this driver knows {Schema}");

        var body = new StringBuilder(first, end, first.Length - end, first.Length);
        var count = 1;
        if (dot >= 0 && !int.TryParse(version.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out count))
            throw new FormatException($"tag '{head}{version}' has no number of tags");
        for (var i = 2; i <= count; i++)
        {
            var next = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{i}=");
            body.Append(Single(tags, next) ?? throw new FormatException($"tag '{next}…' is missing, {count} belong together"));
        }

        return body.ToString();
    }

    /// <summary>Whether there are numbered parts although no record begins.</summary>
    public static bool HasOrphanedParts(IReadOnlyList<string> tags)
    {
        var parts = false;
        foreach (var tag in tags)
        {
            if (!IsOurs(tag))
                continue;
            if (char.IsAsciiDigit(tag.Length > Prefix.Length ? tag[Prefix.Length] : ' '))
                parts = true;
            else
                return false;
        }

        return parts;
    }

    /// <param name="value">null: the field is a key alone.</param>
    public static void Append(StringBuilder fields, string key, string? value)
    {
        fields.Append('&');
        Escape(fields, key, PlainInKeys);
        if (value is null)
            return;
        fields.Append('=');
        Escape(fields, value, Plain);
    }

    /// <summary>Key and value (null where it is a key alone) of one field.</summary>
    public static (string Key, string? Value) ReadField(string field)
    {
        var equals = field.IndexOf('=');
        return equals < 0 ? (Unescape(field), null) : (Unescape(field[..equals]), Unescape(field[(equals + 1)..]));
    }

    private static string? Single(IReadOnlyList<string> tags, string head)
    {
        string? found = null;
        foreach (var tag in tags)
        {
            if (!tag.StartsWith(head, StringComparison.Ordinal))
                continue;
            if (found is not null)
                throw new FormatException($"two tags begin with '{head}'");
            found = tag[head.Length..];
        }

        return found;
    }

    private static void Escape(StringBuilder text, string value, SearchValues<char> plain)
    {
        if (!value.AsSpan().ContainsAnyExcept(plain))
        {
            text.Append(value);
            return;
        }

        foreach (var b in Encoding.UTF8.GetBytes(value))
        {
            if (b < 0x80 && plain.Contains((char)b))
                text.Append((char)b);
            else
                text.Append('#').Append(b.ToString("X2", CultureInfo.InvariantCulture));
        }
    }

    private static string Unescape(string text)
    {
        if (!text.Contains('#'))
            return text;

        var bytes = new List<byte>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '#')
            {
                bytes.Add((byte)text[i]);
                continue;
            }

            if (i + 3 > text.Length || !byte.TryParse(text.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
                throw new FormatException($"'{text}' has a # without two hexadecimal digits");
            bytes.Add(value);
            i += 2;
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }
}
