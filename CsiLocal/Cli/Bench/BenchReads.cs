using CsiLocal.Cli.Daemon;
using Grpc.Core;
using Proto = Csi.V1;

namespace CsiLocal.Cli.Bench;

/// <summary>The calls that a CO polls: pages of volumes, capacity, one volume.</summary>
internal sealed class BenchReads(DaemonClient endpoint, BenchPlan plan, BenchTarget target, CallRecorder recorder)
{
    /// <summary>Entries of a page, as external-attacher and external-health-monitor ask for.</summary>
    private const int PageSize = 100;

    /// <summary>Makes <see cref="BenchPlan.Reads"/> rounds, one call of each kind that the endpoint offers. Failures are counted, not thrown.</summary>
    public async Task RunAsync(IReadOnlyList<BenchVolume> volumes, CancellationToken stop)
    {
        var token = "";
        for (var round = 0; round < plan.Reads && !stop.IsCancellationRequested; round++)
        {
            try
            {
                if (target.List)
                {
                    // Page after page, then from the start again: no page is always the warm one.
                    var page = await MeasureAsync("ListVolumes", options => endpoint.Controller.ListVolumesAsync(
                        new Proto.ListVolumesRequest { MaxEntries = PageSize, StartingToken = token }, options), stop);
                    token = page.NextToken;
                }

                if (target.Capacity)
                    await MeasureAsync("GetCapacity", options => endpoint.Controller.GetCapacityAsync(Capacity(), options), stop);

                if (target.GetVolume && volumes[round % volumes.Count].Created is { } volume)
                {
                    await MeasureAsync("ControllerGetVolume", options => endpoint.Controller.ControllerGetVolumeAsync(
                        new Proto.ControllerGetVolumeRequest { VolumeId = volume.VolumeId }, options), stop);
                }
            }
            catch (RpcException)
            {
                // Counted by the recorder; the next round starts afresh.
                token = "";
            }
        }
    }

    private Task<T> MeasureAsync<T>(string rpc, Func<CallOptions, AsyncUnaryCall<T>> call, CancellationToken stop) =>
        recorder.MeasureAsync(rpc, () => endpoint.CallRawAsync(call, stop));

    private Proto.GetCapacityRequest Capacity()
    {
        var request = new Proto.GetCapacityRequest { VolumeCapabilities = { plan.Capability } };
        foreach (var (key, value) in plan.Parameters)
            request.Parameters.Add(key, value);

        return request;
    }
}
