using CsiLocal.Diagnostics;
using CsiLocal.Grpc;
using CsiLocal.State;
using CsiLocal.Volumes;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Rpc;

/// <summary>Around every call: refuses what comes too early or too late, keeps the journal, logs one line, maps failures.</summary>
/// <param name="audit">Gets one line for each call that changes something, whatever became of it.</param>
internal sealed class CallInterceptor(
    StateStore store, Readiness readiness, TimeProvider clock, ILogger<CallInterceptor> log, ILogger audit) : IServerInterceptor
{
    /// <summary>Category of the audit's log lines.</summary>
    public const string AuditCategory = "CsiLocal.Audit";

    public async Task<TResponse> UnaryAsync<TRequest, TResponse>(
        TRequest request, ServerCallContext context, Func<TRequest, ServerCallContext, Task<TResponse>> next)
        where TRequest : class
        where TResponse : class
    {
        var call = Begin(request, context);
        try
        {
            RequireReady(context);
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
            RequireReady(context);
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
        var entry = new CallEntry(rpc, CallTargets.Of(request), context.Peer);
        long? operation = null;
        if (CallTargets.Changes(rpc))
        {
            entry = Complete(entry with { Name = CallTargets.NameIn(request), Source = CallTargets.SourceOf(request) });
            operation = store.BeginOperation(entry);
        }

        OperationScope.Current = operation;
        return new Call(entry, operation, clock.GetTimestamp());
    }

    /// <summary>The name of what a call is about that has an id only, while the row is still there; one in the trash by the id that its history has.</summary>
    private CallEntry Complete(CallEntry entry)
    {
        try
        {
            if (TrashId.TryParse(entry.Target, out var id) && store.FindTrash(id)?.Volume is { } deleted)
                return entry with { Target = deleted.Id.Value, Name = deleted.Name };
            return entry with { Name = entry.Name ?? NameOf(entry.Target) };
        }
        catch (StorageException)
        {
            // A state that cannot be read fails the call where it matters; here only a name is missing.
            return entry;
        }
    }

    private string? NameOf(string? target) => VolumeId.TryParse(target, out var volume) ? store.FindVolume(volume)?.Name
        : SnapshotId.TryParse(target, out var snapshot) ? store.FindSnapshot(snapshot)?.Name
        : null;

    private void RequireReady(ServerCallContext context)
    {
        if (readiness.Reason is { } reason && !context.Method.StartsWith("/csi.v1.Identity/", StringComparison.Ordinal))
            throw new RpcException(new Status(StatusCode.Unavailable, $"the driver is not ready: {reason}; try again later"));
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
        var (rpc, target) = (call.Entry.Rpc, call.Entry.Target ?? "-");
        if (call.Operation is { } operation)
        {
            store.EndOperation(operation, code, status.Detail);
            Log.Audited(audit, rpc, target, call.Entry.Name ?? "-", code, milliseconds, call.Entry.Peer ?? "-", operation);
        }

        if (failure is null)
            Log.CallAnswered(log, rpc, target, code, milliseconds);
        else if (status.StatusCode is StatusCode.Internal or StatusCode.DataLoss or StatusCode.Unknown)
            Log.CallFailed(log, failure, rpc, target, code, milliseconds, status.Detail);
        else
            Log.CallRefused(log, rpc, target, code, milliseconds, status.Detail);
    }

    private readonly record struct Call(CallEntry Entry, long? Operation, long StartedAt);
}
