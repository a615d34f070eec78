using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Grpc;

/// <summary>
/// The services of a server and the way to them: bind each with its generated <c>BindService(map, implementation)</c>, then give
/// <see cref="HandleAsync"/> to <c>app.Run</c>. Binding ends before the first call.
/// </summary>
internal sealed class GrpcServiceMap(
    GrpcServerOptions options, IReadOnlyList<IServerInterceptor> interceptors, ILogger<GrpcServiceMap> logger) : ServiceBinderBase
{
    private readonly Dictionary<string, IServerMethod> _methods = new(StringComparer.Ordinal);
    private readonly HashSet<string> _services = new(StringComparer.Ordinal);
    private readonly ServerCallRunner _runner = new(options, logger);

    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
    {
        if (handler is null)
            return;

        Func<TRequest, ServerCallContext, Task<TResponse>> chain = handler.Invoke;
        foreach (var interceptor in interceptors.Reverse())
        {
            var next = chain;
            chain = (request, context) => interceptor.UnaryAsync(request, context, next);
        }
        Add(method, new UnaryMethod<TRequest, TResponse>(method, chain));
    }

    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
    {
        if (handler is null)
            return;

        Func<TRequest, IServerStreamWriter<TResponse>, ServerCallContext, Task> chain = handler.Invoke;
        foreach (var interceptor in interceptors.Reverse())
        {
            var next = chain;
            chain = (request, stream, context) => interceptor.ServerStreamingAsync(request, stream, context, next);
        }
        Add(method, new ServerStreamingMethod<TRequest, TResponse>(method, chain));
    }

    /// <summary>Answers one HTTP request. Returns when the handler has returned, which may be after the client has its answer.</summary>
    public Task HandleAsync(HttpContext http)
    {
        if (HttpRequestCheck.Refuse(http))
            return Task.CompletedTask;

        var path = http.Request.Path.Value ?? "";
        return _methods.TryGetValue(path, out var method)
            ? _runner.RunAsync(http, path, method)
            : _runner.RefuseAsync(http, path, new Status(StatusCode.Unimplemented, DescribeUnknown(path)));
    }

    private void Add<TRequest, TResponse>(Method<TRequest, TResponse> method, IServerMethod serverMethod)
    {
        _methods.Add(method.FullName, serverMethod);
        _services.Add(method.ServiceName);
    }

    private string DescribeUnknown(string path)
    {
        var slash = path.LastIndexOf('/');
        var service = slash > 0 ? path[1..slash] : "";
        return _services.Contains(service)
            ? $"unknown method {path[(slash + 1)..]} of service {service}"
            : $"unknown service {service}";
    }
}
