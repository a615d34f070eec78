using CsiLocal.Admin.V1;
using Grpc.Core;
using Proto = Csi.V1;

namespace CsiLocal.Cli.Daemon;

/// <summary>The services on the daemon's socket, with deadlines and failures as this program wants them.</summary>
internal sealed class DaemonClient(CallInvoker invoker, string endpoint, TimeSpan callTimeout, TimeProvider time)
{
    public string Endpoint { get; } = endpoint;

    public Proto.Identity.IdentityClient Identity { get; } = new(invoker);

    public Proto.Controller.ControllerClient Controller { get; } = new(invoker);

    public Proto.Node.NodeClient Node { get; } = new(invoker);

    public Admin.V1.Admin.AdminClient Admin { get; } = new(invoker);

    /// <exception cref="CliException">The call failed, with its reason.</exception>
    /// <exception cref="OperationCanceledException">The person gave up.</exception>
    public async Task<T> CallAsync<T>(Func<CallOptions, AsyncUnaryCall<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await CallRawAsync(call, cancellationToken);
        }
        catch (RpcException e)
        {
            throw RpcFailure.Translate(e, Endpoint);
        }
    }

    /// <summary>As <see cref="CallAsync"/>, for callers to whom the status code matters.</summary>
    /// <exception cref="RpcException">The call failed.</exception>
    public async Task<T> CallRawAsync<T>(Func<CallOptions, AsyncUnaryCall<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            var deadline = time.GetUtcNow().UtcDateTime + callTimeout;
            using var running = call(new CallOptions(Deadline: deadline, CancellationToken: cancellationToken));
            return await running;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Cancelled && cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException("cancelled", e, cancellationToken);
        }
    }

    /// <summary>All that a stream has; as <see cref="CallAsync"/> else.</summary>
    /// <exception cref="CliException">The call failed, with its reason.</exception>
    public async Task<IReadOnlyList<T>> ReadAllAsync<T>(Func<CallOptions, AsyncServerStreamingCall<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            var deadline = time.GetUtcNow().UtcDateTime + callTimeout;
            using var running = call(new CallOptions(Deadline: deadline, CancellationToken: cancellationToken));
            var messages = new List<T>();
            while (await running.ResponseStream.MoveNext(cancellationToken))
                messages.Add(running.ResponseStream.Current);
            return messages;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Cancelled && cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException("cancelled", e, cancellationToken);
        }
        catch (RpcException e)
        {
            throw RpcFailure.Translate(e, Endpoint);
        }
    }

    /// <summary>Null where it does not exist.</summary>
    public async Task<VolumeDetail?> FindVolumeDetailAsync(string volumeId, CancellationToken cancellationToken)
    {
        try
        {
            return await CallRawAsync(
                options => Admin.GetVolumeDetailAsync(new GetVolumeDetailRequest { Volume = volumeId }, options), cancellationToken);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
        {
            return null;
        }
        catch (RpcException e)
        {
            throw RpcFailure.Translate(e, Endpoint);
        }
    }

    /// <summary>Null where it does not exist.</summary>
    public async Task<Proto.Snapshot?> FindSnapshotAsync(string snapshotId, CancellationToken cancellationToken)
    {
        var response = await CallAsync(
            options => Controller.ListSnapshotsAsync(new Proto.ListSnapshotsRequest { SnapshotId = snapshotId }, options),
            cancellationToken);
        return response.Entries.Select(entry => entry.Snapshot).FirstOrDefault();
    }

    /// <summary>The name and pool of a snapshot; null where the endpoint does not tell (they are no part of CSI).</summary>
    public async Task<SnapshotDetail?> FindSnapshotDetailAsync(string snapshotId, CancellationToken cancellationToken)
    {
        try
        {
            return await CallRawAsync(
                options => Admin.GetSnapshotDetailAsync(new GetSnapshotDetailRequest { SnapshotId = snapshotId }, options),
                cancellationToken);
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.NotFound or StatusCode.Unimplemented)
        {
            return null;
        }
        catch (RpcException e)
        {
            throw RpcFailure.Translate(e, Endpoint);
        }
    }

    public async Task<IReadOnlyList<Admin.V1.Task>> ListTasksAsync(CancellationToken cancellationToken) =>
        (await CallAsync(options => Admin.ListTasksAsync(new ListTasksRequest(), options), cancellationToken)).Tasks;
}
