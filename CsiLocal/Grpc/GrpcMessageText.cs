using System.Text;

namespace CsiLocal.Grpc;

/// <summary>The escapes of <c>grpc-message</c>: UTF-8, with all but printable ASCII, and the per cent sign itself, as %XX.</summary>
internal static class GrpcMessageText
{
    private const string Hex = "0123456789ABCDEF";

    public static string Encode(string text)
    {
        if (text.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0 && !text.Contains('%', StringComparison.Ordinal))
            return text;

        var builder = new StringBuilder(text.Length + 16);
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            if (b is >= (byte)' ' and <= (byte)'~' and not (byte)'%')
                builder.Append((char)b);
            else
                builder.Append('%').Append(Hex[b >> 4]).Append(Hex[b & 15]);
        }
        return builder.ToString();
    }

    /// <summary>Decodes what can be decoded: a broken escape stays as it is, for no message is worth losing over its spelling.</summary>
    public static string Decode(string text)
    {
        if (!text.Contains('%', StringComparison.Ordinal))
            return text;

        var source = Encoding.UTF8.GetBytes(text);
        var bytes = new byte[source.Length];
        var length = 0;
        for (var i = 0; i < source.Length; i++)
        {
            if (source[i] == '%' && i + 2 < source.Length && IsHex(source[i + 1]) && IsHex(source[i + 2]))
            {
                bytes[length++] = (byte)((FromHex(source[i + 1]) << 4) | FromHex(source[i + 2]));
                i += 2;
            }
            else
            {
                bytes[length++] = source[i];
            }
        }
        return Encoding.UTF8.GetString(bytes, 0, length);
    }

    private static bool IsHex(byte digit) => char.IsAsciiHexDigit((char)digit);

    private static int FromHex(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
