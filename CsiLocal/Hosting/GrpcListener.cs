using CsiLocal.Grpc;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CsiLocal.Hosting;

/// <summary>Kestrel on the daemon's socket, and nothing around it: no host builder, no container, no configuration system. A quicker start and a smaller file.</summary>
internal sealed class GrpcListener : IDisposable
{
    /// <summary>Connections at a time; a CO and its sidecars keep a handful.</summary>
    private const int MaxConnections = 1024;

    private readonly KestrelServer server;
    private readonly GrpcServiceMap calls;

    public GrpcListener(string socketPath, GrpcServiceMap calls, ILoggerFactory loggers)
    {
        this.calls = calls;
        var options = new KestrelServerOptions { AddServerHeader = false };
        options.Limits.MaxConcurrentConnections = MaxConnections;
        options.ListenUnixSocket(socketPath, static listen => listen.Protocols = HttpProtocols.Http2);
        server = new KestrelServer(
            Options.Create(options), new SocketTransportFactory(Options.Create(new SocketTransportOptions()), loggers), loggers);
    }

    public Task StartAsync(CancellationToken cancellationToken) => server.StartAsync(new Application(calls), cancellationToken);

    /// <summary>Takes no new calls and waits for those that run.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => server.StopAsync(cancellationToken);

    public void Dispose() => server.Dispose();

    private sealed class Application(GrpcServiceMap calls) : IHttpApplication<HttpContext>
    {
        public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

        public Task ProcessRequestAsync(HttpContext context) => calls.HandleAsync(context);

        public void DisposeContext(HttpContext context, Exception? exception)
        {
            // Nothing is kept for a call.
        }
    }
}
