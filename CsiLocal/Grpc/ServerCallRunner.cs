using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Grpc;

/// <summary>Runs one call from its headers to its status. The edge of the server: every exception ends here as a status.</summary>
internal sealed partial class ServerCallRunner(GrpcServerOptions options, ILogger logger)
{
    public async Task RunAsync(HttpContext http, string path, IServerMethod method)
    {
        using var call = new HttpServerCallContext(http, path, options);
        if (CheckHeaders(http, out var timeout) is { } refusal)
        {
            await call.EndAsync(refusal);
            return;
        }

        call.Start(timeout);
        Status status;
        try
        {
            await method.InvokeAsync(call);
            status = call.Status;
        }
        catch (RpcException e)
        {
            foreach (var trailer in e.Trailers)
                call.ResponseTrailers.Add(trailer);
            status = e.StatusCode == StatusCode.OK ? new Status(StatusCode.Unknown, "the handler failed with the status OK") : e.Status;
        }
        catch (OperationCanceledException) when (call.CancellationToken.IsCancellationRequested)
        {
            status = Status.DefaultCancelled;
        }
        catch (Exception e)
        {
            // What went wrong is for the log; a client gets no internals.
            LogUnhandled(e, path);
            status = new Status(StatusCode.Unknown, "the handler failed unexpectedly; see the log");
        }
        await call.EndAsync(status);
    }

    public async Task RefuseAsync(HttpContext http, string path, Status status)
    {
        using var call = new HttpServerCallContext(http, path, options);
        await call.EndAsync(status);
    }

    private static Status? CheckHeaders(HttpContext http, out TimeSpan? timeout)
    {
        timeout = null;
        // Missing where a proxy that drops trailers stands in between, and with it the status of every call.
        if (http.Request.Headers.TE != "trailers")
            return new Status(StatusCode.Internal, "the request lacks the header 'te: trailers'");

        if (!http.Request.Headers.TryGetValue(GrpcProtocol.TimeoutHeader, out var text))
            return null;
        if (!GrpcTimeout.TryParse(text.ToString(), out var parsed))
            return new Status(StatusCode.Internal, $"the header {GrpcProtocol.TimeoutHeader} is malformed");
        timeout = parsed;
        return parsed == TimeSpan.Zero ? HttpServerCallContext.DeadlineStatus : null;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "unhandled exception in {Method}")]
    private partial void LogUnhandled(Exception exception, string method);
}
