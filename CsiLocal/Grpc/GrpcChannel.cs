using Grpc.Core;

namespace CsiLocal.Grpc;

/// <summary>A lasting connection to one server, made at the first call and again whenever it is lost.</summary>
internal sealed class GrpcChannel : ChannelBase, IDisposable
{
    private readonly HttpMessageInvoker _http;
    private readonly HttpClientCallInvoker _invoker;

    private GrpcChannel(GrpcEndpoint endpoint, GrpcChannelOptions options) : base(endpoint.Name)
    {
        _http = new HttpMessageInvoker(options.HttpHandler ?? CreateHandler(endpoint), disposeHandler: options.HttpHandler is null);
        _invoker = new HttpClientCallInvoker(_http, endpoint, options);
    }

    /// <exception cref="FormatException">The endpoint is malformed; see <see cref="GrpcEndpoint"/>.</exception>
    public static GrpcChannel ForAddress(string endpoint) => ForAddress(endpoint, new GrpcChannelOptions());

    /// <inheritdoc cref="ForAddress(string)"/>
    public static GrpcChannel ForAddress(string endpoint, GrpcChannelOptions options) => new(GrpcEndpoint.Parse(endpoint), options);

    public override CallInvoker CreateCallInvoker() => _invoker;

    public void Dispose() => _http.Dispose();

    private static SocketsHttpHandler CreateHandler(GrpcEndpoint endpoint)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            EnableMultipleHttp2Connections = true,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
        };
        if (endpoint.SocketPath is not null)
            handler.ConnectCallback = (_, cancellationToken) => endpoint.ConnectSocketAsync(cancellationToken);
        return handler;
    }
}
