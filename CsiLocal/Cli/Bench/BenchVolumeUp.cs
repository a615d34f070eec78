using CsiLocal.Cli.Daemon;
using Google.Protobuf.Collections;
using Grpc.Core;
using Proto = Csi.V1;

namespace CsiLocal.Cli.Bench;

/// <summary>One volume from nothing to published.</summary>
internal sealed class BenchVolumeUp(
    DaemonClient endpoint, BenchPlan plan, BenchTarget target, CallRecorder recorder, TimeProvider time)
{
    private static readonly TimeSpan CreateLimit = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan CreateRetry = TimeSpan.FromMilliseconds(200);

    /// <summary>Goes as far as the plan says, or to the first failure, which the recorder has counted.</summary>
    public async Task RunAsync(BenchVolume volume, CancellationToken stop)
    {
        try
        {
            await CreateAsync(volume, stop);
            if (plan.Until >= BenchStep.Stage && !stop.IsCancellationRequested)
                await StageAsync(volume);
            if (plan.Until >= BenchStep.Publish && !stop.IsCancellationRequested)
                await PublishAsync(volume);
        }
        catch (RpcException)
        {
            // Counted; what was done of this volume is undone with the others.
        }
    }

    /// <summary>Apart from the rest, so that it does not count into the time to publish.</summary>
    public async Task GetStatsAsync(BenchVolume volume)
    {
        var stats = new Proto.NodeGetVolumeStatsRequest
        {
            VolumeId = volume.Created!.VolumeId,
            VolumePath = volume.TargetPath,
            StagingTargetPath = target.Stage ? volume.StagingPath : "",
        };
        try
        {
            await MeasureAsync("NodeGetVolumeStats", call => endpoint.Node.NodeGetVolumeStatsAsync(stats, call));
        }
        catch (RpcException)
        {
            // Counted.
        }
    }

    /// <summary>Takes the volume away from its target and brings it back.</summary>
    public async Task RepublishAsync(BenchVolume volume)
    {
        var unpublish = new Proto.NodeUnpublishVolumeRequest { VolumeId = volume.Created!.VolumeId, TargetPath = volume.TargetPath };
        try
        {
            await MeasureAsync("NodeUnpublishVolume", call => endpoint.Node.NodeUnpublishVolumeAsync(unpublish, call));
            await PublishAsync(volume);
        }
        catch (RpcException)
        {
            // Counted; the volume is undone with the others.
        }
    }

    private async Task CreateAsync(BenchVolume volume, CancellationToken stop)
    {
        var request = new Proto.CreateVolumeRequest
        {
            Name = volume.Name,
            CapacityRange = new Proto.CapacityRange { RequiredBytes = plan.SizeBytes },
            VolumeCapabilities = { plan.Capability },
        };
        Copy(plan.Parameters, request.Parameters);
        if (target.Topology is { } topology)
            request.AccessibilityRequirements = new Proto.TopologyRequirement { Requisite = { topology }, Preferred = { topology } };

        volume.CreateAttempted = true;
        var response = await recorder.MeasureAsync("CreateVolume", () => CreateToTheEndAsync(request, stop));
        volume.Created = response.Volume;
    }

    // A creation that outlasts a call, because blocks have to be erased first, goes on in the driver, which answers ABORTED meanwhile:
    // it is asked again, as a CO does, and counts as one call that took that long.
    private async Task<Proto.CreateVolumeResponse> CreateToTheEndAsync(Proto.CreateVolumeRequest request, CancellationToken stop)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            try
            {
                return await endpoint.CallRawAsync(call => endpoint.Controller.CreateVolumeAsync(request, call), CancellationToken.None);
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.Aborted or StatusCode.DeadlineExceeded
                && !stop.IsCancellationRequested && time.GetElapsedTime(started) < CreateLimit)
            {
                await Task.Delay(CreateRetry, time, CancellationToken.None);
            }
        }
    }

    private async Task StageAsync(BenchVolume volume)
    {
        if (target.ControllerPublish)
        {
            var publish = new Proto.ControllerPublishVolumeRequest
            {
                VolumeId = volume.Created!.VolumeId,
                NodeId = target.NodeId,
                VolumeCapability = plan.Capability,
            };
            Copy(volume.Created.VolumeContext, publish.VolumeContext);
            volume.ControllerPublishAttempted = true;
            var response = await MeasureAsync("ControllerPublishVolume",
                call => endpoint.Controller.ControllerPublishVolumeAsync(publish, call));
            volume.PublishContext = response.PublishContext;
        }

        if (!target.Stage)
            return;

        Directory.CreateDirectory(volume.StagingPath);
        var stage = new Proto.NodeStageVolumeRequest
        {
            VolumeId = volume.Created!.VolumeId,
            StagingTargetPath = volume.StagingPath,
            VolumeCapability = plan.Capability,
        };
        Copy(volume.Created.VolumeContext, stage.VolumeContext);
        Copy(volume.PublishContext, stage.PublishContext);
        volume.StageAttempted = true;
        await MeasureAsync("NodeStageVolume", call => endpoint.Node.NodeStageVolumeAsync(stage, call));
    }

    private async Task PublishAsync(BenchVolume volume)
    {
        var publish = new Proto.NodePublishVolumeRequest
        {
            VolumeId = volume.Created!.VolumeId,
            TargetPath = volume.TargetPath,
            VolumeCapability = plan.Capability,
            StagingTargetPath = target.Stage ? volume.StagingPath : "",
        };
        Copy(volume.Created.VolumeContext, publish.VolumeContext);
        Copy(volume.PublishContext, publish.PublishContext);
        volume.PublishAttempted = true;
        await MeasureAsync("NodePublishVolume", call => endpoint.Node.NodePublishVolumeAsync(publish, call));
        volume.Published = true;
    }

    // Never cancelled: a call given up half-way has an outcome nobody knows.
    private Task<T> MeasureAsync<T>(string rpc, Func<CallOptions, AsyncUnaryCall<T>> call) =>
        recorder.MeasureAsync(rpc, () => endpoint.CallRawAsync(call, CancellationToken.None));

    private static void Copy(IEnumerable<KeyValuePair<string, string>> from, MapField<string, string> to)
    {
        foreach (var (key, value) in from)
            to.Add(key, value);
    }
}
