using System.Globalization;
using Grpc.Core;

namespace CsiLocal.Grpc;

/// <summary>Names and numbers of gRPC over HTTP/2.</summary>
/// <seealso href="https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md"/>
internal static class GrpcProtocol
{
    public const string ContentType = "application/grpc";
    public const string StatusHeader = "grpc-status";
    public const string MessageHeader = "grpc-message";
    public const string TimeoutHeader = "grpc-timeout";
    public const string EncodingHeader = "grpc-encoding";
    public const string AcceptEncodingHeader = "grpc-accept-encoding";
    public const string IdentityEncoding = "identity";

    /// <summary>One byte of flags and four of length, big-endian, before each message.</summary>
    public const int FrameHeaderBytes = 5;

    /// <summary>What other implementations accept unless told otherwise.</summary>
    public const int DefaultMaxMessageBytes = 4 * 1024 * 1024;

    /// <summary>HTTP/2 error code CANCEL (RFC 9113, section 7).</summary>
    public const int Http2Cancel = 8;

    /// <summary>HTTP/2 error code INTERNAL_ERROR.</summary>
    public const int Http2InternalError = 2;

    private static readonly string[] s_statusTexts =
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"];

    public static string StatusText(StatusCode code) => s_statusTexts[(int)code];

    public static StatusCode ParseStatus(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var code) && code < s_statusTexts.Length
            ? (StatusCode)code
            : StatusCode.Unknown;

    /// <summary><c>application/grpc</c>, also with <c>+proto</c> or parameters; not grpc-web, not another message format.</summary>
    public static bool IsGrpcContentType(string? contentType)
    {
        if (contentType is null)
            return false;

        var media = contentType.AsSpan();
        var parameters = media.IndexOf(';');
        if (parameters >= 0)
            media = media[..parameters];
        media = media.Trim();
        return media.Equals(ContentType, StringComparison.OrdinalIgnoreCase)
            || media.Equals("application/grpc+proto", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>What an HTTP answer that is not 200 means, by gRPC's table (http-grpc-status-mapping.md).</summary>
    public static StatusCode FromHttpStatus(int httpStatus) => httpStatus switch
    {
        400 => StatusCode.Internal,
        401 => StatusCode.Unauthenticated,
        403 => StatusCode.PermissionDenied,
        404 => StatusCode.Unimplemented,
        429 or 502 or 503 or 504 => StatusCode.Unavailable,
        _ => StatusCode.Unknown,
    };

    /// <summary>What the reset of an HTTP/2 stream means, by the table in PROTOCOL-HTTP2.md.</summary>
    public static StatusCode FromHttp2Error(long errorCode) => errorCode switch
    {
        0x7 => StatusCode.Unavailable,
        0x8 => StatusCode.Cancelled,
        0xb => StatusCode.ResourceExhausted,
        0xc => StatusCode.PermissionDenied,
        _ => StatusCode.Internal,
    };
}
