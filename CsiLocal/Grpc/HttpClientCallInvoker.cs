using System.Collections.Concurrent;
using Grpc.Core;

namespace CsiLocal.Grpc;

/// <summary>Makes calls over HTTP/2 with an <see cref="HttpMessageInvoker"/>.</summary>
internal sealed class HttpClientCallInvoker(HttpMessageInvoker http, GrpcEndpoint endpoint, GrpcChannelOptions options) : CallInvoker
{
    private readonly ConcurrentDictionary<string, Uri> _addresses = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public override TResponse BlockingUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        using var call = AsyncUnaryCall(method, host, options, request);
        return call.GetAwaiter().GetResult();
    }

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var call = Start(method, options, request);
        return new AsyncUnaryCall<TResponse>(
            call.ReadUnaryAsync(), call.ResponseHeadersAsync, call.GetStatus, call.GetTrailers, call.Dispose);
    }

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var call = Start(method, options, request);
        return new AsyncServerStreamingCall<TResponse>(call, call.ResponseHeadersAsync, call.GetStatus, call.GetTrailers, call.Dispose);
    }

    private HttpClientCall<TRequest, TResponse> Start<TRequest, TResponse>(
        Method<TRequest, TResponse> method, CallOptions callOptions, TRequest request)
        where TRequest : class
        where TResponse : class
    {
        var address = _addresses.GetOrAdd(method.FullName, static (path, root) => new Uri(root, path), endpoint.BaseAddress);
        var call = new HttpClientCall<TRequest, TResponse>(method, endpoint, options, callOptions);
        call.Send(http, address, request);
        return call;
    }
}
