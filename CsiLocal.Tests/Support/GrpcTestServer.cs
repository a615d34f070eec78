using System.Net.Sockets;
using CsiLocal.Grpc;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace CsiLocal.Tests.Support;

/// <summary>The gRPC layer on a real Kestrel, on a Unix socket in a folder of its own.</summary>
internal sealed class GrpcTestServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly string? _folder;

    private GrpcTestServer(WebApplication app, string? folder, string socketPath)
    {
        _app = app;
        _folder = folder;
        SocketPath = socketPath;
        Channel = GrpcChannel.ForAddress(Endpoint);
    }

    public string SocketPath { get; }

    public string Endpoint => $"unix://{SocketPath}";

    public GrpcChannel Channel { get; }

    public static Task<GrpcTestServer> StartAsync(Action<GrpcServiceMap> bind) => StartAsync(bind, new GrpcServerOptions(), []);

    public static Task<GrpcTestServer> StartAsync(
        Action<GrpcServiceMap> bind, GrpcServerOptions options, IReadOnlyList<IServerInterceptor> interceptors)
    {
        var folder = Directory.CreateTempSubdirectory("csilocal-grpc-").FullName;
        return StartAsync(folder, Path.Combine(folder, "csi.sock"), bind, options, interceptors);
    }

    /// <summary>Takes over the socket path of a server that was stopped; the folder stays that server's to delete.</summary>
    public static Task<GrpcTestServer> StartAtAsync(string socketPath, Action<GrpcServiceMap> bind) =>
        StartAsync(folder: null, socketPath, bind, new GrpcServerOptions(), []);

    private static async Task<GrpcTestServer> StartAsync(
        string? folder, string socketPath, Action<GrpcServiceMap> bind, GrpcServerOptions options, IReadOnlyList<IServerInterceptor> interceptors)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.ListenUnixSocket(socketPath, listen => listen.Protocols = HttpProtocols.Http2);
        });
        var map = new GrpcServiceMap(options, interceptors, NullLogger<GrpcServiceMap>.Instance);
        bind(map);
        var app = builder.Build();
        app.Run(map.HandleAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new GrpcTestServer(app, folder, socketPath);
    }

    /// <summary>A bare HTTP/2 client, for what a gRPC client would never send.</summary>
    public HttpMessageInvoker CreateHttpClient() => new(new SocketsHttpHandler
    {
        ConnectCallback = (_, cancellationToken) => GrpcEndpoint.Parse(Endpoint).ConnectSocketAsync(cancellationToken),
    });

    public async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), TestContext.Current.CancellationToken);
        return socket;
    }

    public Task StopAsync() => _app.StopAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await _app.DisposeAsync();
        if (_folder is not null)
            Directory.Delete(_folder, recursive: true);
    }
}
