using System.Buffers.Text;
using Grpc.Core;

namespace CsiLocal.Grpc;

/// <summary>Metadata to and from HTTP headers: text as it is, bytes as base64.</summary>
internal static class MetadataCodec
{
    /// <summary>The entry's header value.</summary>
    public static string Encode(Metadata.Entry entry) =>
        entry.IsBinary ? Convert.ToBase64String(entry.ValueBytes).TrimEnd('=') : entry.Value;

    /// <summary>
    /// Adds a received header. Transport headers are left out; so are values that are no metadata (not ASCII, bad base64):
    /// the call itself does not depend on them.
    /// </summary>
    public static void AddReceived(Metadata metadata, string key, string? value)
    {
        if (value is null || IsTransport(key) || !Metadata.Entry.IsValidKey(key))
            return;

        if (!key.EndsWith(Metadata.BinaryHeaderSuffix, StringComparison.OrdinalIgnoreCase))
        {
            if (Metadata.Entry.IsValidText(value))
                metadata.Add(key, value);
            return;
        }

        // Repeated binary headers may have been joined by commas on the way.
        foreach (var range in value.AsSpan().Split(','))
        {
            if (TryDecodeBase64(value.AsSpan(range).Trim(), out var bytes))
                metadata.Add(key, bytes);
        }
    }

    private static bool IsTransport(string key) =>
        key.StartsWith(':') || key.ToLowerInvariant()
            is "content-type" or "content-length" or "te" or "host" or "date" or "server" or "accept-encoding"
            or GrpcProtocol.StatusHeader or GrpcProtocol.MessageHeader or GrpcProtocol.TimeoutHeader
            or GrpcProtocol.EncodingHeader or GrpcProtocol.AcceptEncodingHeader;

    private static bool TryDecodeBase64(ReadOnlySpan<char> text, out byte[] bytes)
    {
        bytes = [];
        var padded = string.Concat(text.TrimEnd('='), "===".AsSpan(0, (4 - (text.TrimEnd('=').Length % 4)) % 4));
        if (!Base64.IsValid(padded))
            return false;
        bytes = Convert.FromBase64String(padded);
        return true;
    }
}
