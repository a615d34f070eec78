using Grpc.Core;

namespace CsiLocal.Grpc;

/// <summary>One bound method: reads its request, calls the handler, writes what comes back.</summary>
internal interface IServerMethod
{
    Task InvokeAsync(HttpServerCallContext call);
}

internal sealed class UnaryMethod<TRequest, TResponse>(
    Method<TRequest, TResponse> method, Func<TRequest, ServerCallContext, Task<TResponse>> handler) : IServerMethod
    where TRequest : class
    where TResponse : class
{
    public async Task InvokeAsync(HttpServerCallContext call)
    {
        var request = await call.ReadRequestAsync(method.RequestMarshaller);
        var response = await handler(request, call);
        if (call.Status.StatusCode == StatusCode.OK)
            call.WriteUnaryResponse(method.ResponseMarshaller, response);
    }
}

internal sealed class ServerStreamingMethod<TRequest, TResponse>(
    Method<TRequest, TResponse> method, Func<TRequest, IServerStreamWriter<TResponse>, ServerCallContext, Task> handler) : IServerMethod
    where TRequest : class
    where TResponse : class
{
    public async Task InvokeAsync(HttpServerCallContext call)
    {
        var request = await call.ReadRequestAsync(method.RequestMarshaller);
        await handler(request, new StreamWriter(call, method.ResponseMarshaller), call);
    }

    private sealed class StreamWriter(HttpServerCallContext call, Marshaller<TResponse> marshaller) : IServerStreamWriter<TResponse>
    {
        public Task WriteAsync(TResponse message) => WriteAsync(message, CancellationToken.None);

        public Task WriteAsync(TResponse message, CancellationToken cancellationToken) =>
            call.WriteStreamedAsync(marshaller, message, cancellationToken);
    }
}
