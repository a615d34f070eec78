using Grpc.Core;

namespace CsiLocal.Grpc;

/// <summary>
/// Stands around every handler: logs, refuses, or turns exceptions into an <see cref="RpcException"/>. The first one given is the
/// outermost. The request has been read in full when an interceptor sees it.
/// </summary>
internal interface IServerInterceptor
{
    Task<TResponse> UnaryAsync<TRequest, TResponse>(
        TRequest request, ServerCallContext context, Func<TRequest, ServerCallContext, Task<TResponse>> next)
        where TRequest : class
        where TResponse : class;

    Task ServerStreamingAsync<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        Func<TRequest, IServerStreamWriter<TResponse>, ServerCallContext, Task> next)
        where TRequest : class
        where TResponse : class;
}
