using CsiLocal.Cli.Daemon;
using Grpc.Core;
using Proto = Csi.V1;

namespace CsiLocal.Cli.Bench;

/// <summary>One volume from wherever it got back to nothing.</summary>
internal sealed class BenchVolumeDown(DaemonClient endpoint, BenchTarget target, CallRecorder recorder, TimeProvider time)
{
    private const int Attempts = 20;

    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(500);

    /// <exception cref="RpcException">A step failed for good; later steps, which would act on a mounted volume, were not tried.</exception>
    public async Task RunAsync(BenchVolume volume, CancellationToken cancellationToken)
    {
        var id = await FindIdAsync(volume, cancellationToken);
        if (id is null)
            return;

        if (volume.PublishAttempted)
        {
            var unpublish = new Proto.NodeUnpublishVolumeRequest { VolumeId = id, TargetPath = volume.TargetPath };
            await RetryAsync("NodeUnpublishVolume", call => endpoint.Node.NodeUnpublishVolumeAsync(unpublish, call), cancellationToken);
        }

        if (volume.StageAttempted)
        {
            var unstage = new Proto.NodeUnstageVolumeRequest { VolumeId = id, StagingTargetPath = volume.StagingPath };
            await RetryAsync("NodeUnstageVolume", call => endpoint.Node.NodeUnstageVolumeAsync(unstage, call), cancellationToken);
            RemoveEmptyFolder(volume.StagingPath);
        }

        if (volume.ControllerPublishAttempted)
        {
            var unpublish = new Proto.ControllerUnpublishVolumeRequest { VolumeId = id, NodeId = target.NodeId };
            await RetryAsync("ControllerUnpublishVolume", call => endpoint.Controller.ControllerUnpublishVolumeAsync(unpublish, call),
                cancellationToken);
        }

        var delete = new Proto.DeleteVolumeRequest { VolumeId = id };
        await RetryAsync("DeleteVolume", call => endpoint.Controller.DeleteVolumeAsync(delete, call), cancellationToken);
    }

    // A creation that failed may yet have made something: only where the ids are our own do we know what it would be called.
    private async Task<string?> FindIdAsync(BenchVolume volume, CancellationToken cancellationToken)
    {
        if (volume.Created is { } created)
            return created.VolumeId;

        try
        {
            var minted = CsiLocal.Volumes.VolumeId.Mint(volume.Name).Value;
            return await endpoint.FindVolumeDetailAsync(minted, cancellationToken) is null ? null : minted;
        }
        catch (CliException)
        {
            return null;
        }
    }

    // Only the first attempt is measured; those after it are about cleaning up.
    private async Task RetryAsync<T>(string rpc, Func<CallOptions, AsyncUnaryCall<T>> call, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                if (attempt == 1)
                    await recorder.MeasureAsync(rpc, () => endpoint.CallRawAsync(call, cancellationToken));
                else
                    await endpoint.CallRawAsync(call, cancellationToken);
                return;
            }
            catch (RpcException e) when (attempt < Attempts && IsTransient(e.StatusCode))
            {
                await Task.Delay(RetryDelay, time, cancellationToken);
            }
        }
    }

    private static bool IsTransient(StatusCode code) => code is StatusCode.Aborted or StatusCode.Unavailable or StatusCode.DeadlineExceeded;

    // Never recursive: if the mount is still there, its files are somebody's data.
    private static void RemoveEmptyFolder(string path)
    {
        try
        {
            Directory.Delete(path);
        }
        catch (IOException)
        {
            // Gone already, or not empty: shown by the run's own folder, which then stays, too.
        }
    }
}
