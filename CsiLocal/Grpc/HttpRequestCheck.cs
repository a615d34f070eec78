using Microsoft.AspNetCore.Http;

namespace CsiLocal.Grpc;

/// <summary>What a request must be before it is taken for gRPC at all.</summary>
internal static class HttpRequestCheck
{
    /// <summary>True if the request is not gRPC; the HTTP status of the refusal is then set.</summary>
    public static bool Refuse(HttpContext http)
    {
        var response = http.Response;
        if (!HttpProtocol.IsHttp2(http.Request.Protocol))
        {
            response.StatusCode = StatusCodes.Status426UpgradeRequired;
            response.Headers.Upgrade = "h2c";
            return true;
        }
        if (!HttpMethods.IsPost(http.Request.Method))
        {
            response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            response.Headers.Allow = HttpMethods.Post;
            return true;
        }
        if (!GrpcProtocol.IsGrpcContentType(http.Request.ContentType))
        {
            response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
            return true;
        }
        return false;
    }
}
