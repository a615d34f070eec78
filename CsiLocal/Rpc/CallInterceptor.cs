using CsiLocal.Diagnostics;
using CsiLocal.Grpc;
using CsiLocal.State;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Rpc;

/// <summary>Around every call: refuses what comes too early or too late, keeps the journal, logs one line, maps failures.</summary>
internal sealed class CallInterceptor(StateStore store, Readiness readiness, TimeProvider clock, ILogger<CallInterceptor> log) : IServerInterceptor
{
    public async Task<TResponse> UnaryAsync<TRequest, TResponse>(
        TRequest request, ServerCallContext context, Func<TRequest, ServerCallContext, Task<TResponse>> next)
        where TRequest : class
        where TResponse : class
    {
        var call = Begin(request, context);
        try
        {
            var response = await next(request, context);
            End(call, Status.DefaultSuccess, null);
            return response;
        }
        catch (Exception e)
        {
            // The edge: every failure is logged here, once, and leaves as a status.
            throw Fail(call, e);
        }
    }

    public async Task ServerStreamingAsync<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        Func<TRequest, IServerStreamWriter<TResponse>, ServerCallContext, Task> next)
        where TRequest : class
        where TResponse : class
    {
        var call = Begin(request, context);
        try
        {
            await next(request, responseStream, context);
            End(call, Status.DefaultSuccess, null);
        }
        catch (Exception e)
        {
            // The edge, as above.
            throw Fail(call, e);
        }
    }

    private Call Begin<TRequest>(TRequest request, ServerCallContext context)
        where TRequest : class
    {
        var rpc = context.Method[(context.Method.LastIndexOf('/') + 1)..];
        if (readiness.Reason is { } reason && !context.Method.StartsWith("/csi.v1.Identity/", StringComparison.Ordinal))
            throw new RpcException(new Status(StatusCode.Unavailable, $"the driver is not ready: {reason}; try again later"));

        var target = CallTargets.Of(request);
        long? operation = CallTargets.Changes(rpc) ? store.BeginOperation(rpc, target, context.Peer) : null;
        OperationScope.Current = operation;
        return new Call(rpc, target ?? "-", operation, clock.GetTimestamp());
    }

    private RpcException Fail(Call call, Exception failure)
    {
        var status = StatusMapping.ToStatus(failure);
        End(call, status, failure);
        return new RpcException(status);
    }

    private void End(Call call, Status status, Exception? failure)
    {
        var milliseconds = Math.Round(clock.GetElapsedTime(call.StartedAt).TotalMilliseconds, 2);
        var code = status.StatusCode.ToString();
        if (call.Operation is { } operation)
            store.EndOperation(operation, code, status.Detail);

        if (failure is null && call.Operation is null)
            Log.CallAnswered(log, call.Rpc, call.Target, code, milliseconds);
        else if (failure is null)
            Log.CallSucceeded(log, call.Rpc, call.Target, code, milliseconds);
        else if (status.StatusCode is StatusCode.Internal or StatusCode.DataLoss or StatusCode.Unknown)
            Log.CallFailed(log, failure, call.Rpc, call.Target, code, milliseconds, status.Detail);
        else
            Log.CallRefused(log, call.Rpc, call.Target, code, milliseconds, status.Detail);
    }

    private readonly record struct Call(string Rpc, string Target, long? Operation, long StartedAt);
}
