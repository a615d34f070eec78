using CsiLocal.Volumes;
using Grpc.Core;
using Proto = Csi.V1;

namespace CsiLocal.Rpc;

/// <summary>CSI Node. Each method parses, calls, maps.</summary>
internal sealed class NodeService(
    MountManager mounts, VolumeManager volumes, PoolRegistry pools, HealthInspector health, NodeIdentity node, Func<long> maxVolumes,
    CapabilitySet capabilities, Messages messages) : Proto.Node.NodeBase
{
    public override async Task<Proto.NodeStageVolumeResponse> NodeStageVolume(Proto.NodeStageVolumeRequest request, ServerCallContext context)
    {
        FieldRules.Required("volume_id", request.VolumeId);
        RequirePath("staging_target_path", request.StagingTargetPath);
        var usage = CapabilityParser.Parse(request.VolumeCapability, StorageError.FailedPrecondition);
        RequireMaps(request.PublishContext, request.VolumeContext, request.Secrets);
        await mounts.StageAsync(
            FieldRules.VolumeId("volume_id", request.VolumeId), request.StagingTargetPath, usage, context.CancellationToken);
        return new Proto.NodeStageVolumeResponse();
    }

    public override async Task<Proto.NodeUnstageVolumeResponse> NodeUnstageVolume(Proto.NodeUnstageVolumeRequest request, ServerCallContext context)
    {
        FieldRules.Required("volume_id", request.VolumeId);
        RequirePath("staging_target_path", request.StagingTargetPath);
        await mounts.UnstageAsync(FieldRules.VolumeId("volume_id", request.VolumeId), request.StagingTargetPath, context.CancellationToken);
        return new Proto.NodeUnstageVolumeResponse();
    }

    public override async Task<Proto.NodePublishVolumeResponse> NodePublishVolume(Proto.NodePublishVolumeRequest request, ServerCallContext context)
    {
        FieldRules.Required("volume_id", request.VolumeId);
        RequirePath("target_path", request.TargetPath);
        var usage = CapabilityParser.Parse(request.VolumeCapability, StorageError.FailedPrecondition);
        RequireMaps(request.PublishContext, request.VolumeContext, request.Secrets);
        var id = FieldRules.VolumeId("volume_id", request.VolumeId);

        // The driver has STAGE_UNSTAGE_VOLUME: the staging path is then required (CSI NodePublishVolumeRequest).
        if (request.StagingTargetPath.Length == 0)
            throw new StorageException(StorageError.FailedPrecondition, "staging_target_path: it is empty", "stage the volume and name the path");

        await mounts.PublishAsync(id, request.StagingTargetPath, request.TargetPath, usage, request.Readonly, context.CancellationToken);
        return new Proto.NodePublishVolumeResponse();
    }

    public override async Task<Proto.NodeUnpublishVolumeResponse> NodeUnpublishVolume(
        Proto.NodeUnpublishVolumeRequest request, ServerCallContext context)
    {
        FieldRules.Required("volume_id", request.VolumeId);
        RequirePath("target_path", request.TargetPath);
        await mounts.UnpublishAsync(FieldRules.VolumeId("volume_id", request.VolumeId), request.TargetPath, context.CancellationToken);
        return new Proto.NodeUnpublishVolumeResponse();
    }

    public override Task<Proto.NodeGetVolumeStatsResponse> NodeGetVolumeStats(Proto.NodeGetVolumeStatsRequest request, ServerCallContext context)
    {
        FieldRules.Required("volume_id", request.VolumeId);
        RequirePath("volume_path", request.VolumePath);
        var record = volumes.Require(FieldRules.VolumeId("volume_id", request.VolumeId));
        var stats = mounts.Measure(record, request.VolumePath);
        var response = new Proto.NodeGetVolumeStatsResponse { VolumeCondition = Messages.Condition(health.Inspect(record)) };
        response.Usage.Add(new Proto.VolumeUsage
        {
            Unit = Proto.VolumeUsage.Types.Unit.Bytes,
            Total = stats.TotalBytes,
            Used = stats.UsedBytes,
            Available = stats.AvailableBytes,
        });
        if (stats.TotalInodes > 0)
        {
            response.Usage.Add(new Proto.VolumeUsage
            {
                Unit = Proto.VolumeUsage.Types.Unit.Inodes,
                Total = stats.TotalInodes,
                Used = stats.UsedInodes,
                Available = stats.AvailableInodes,
            });
        }

        return Task.FromResult(response);
    }

    public override async Task<Proto.NodeExpandVolumeResponse> NodeExpandVolume(Proto.NodeExpandVolumeRequest request, ServerCallContext context)
    {
        FieldRules.Required("volume_id", request.VolumeId);
        RequirePath("volume_path", request.VolumePath);
        var (required, limit) = ControllerRequests.Range(request.CapacityRange, mandatory: false);
        FieldRules.Map("secrets", request.Secrets);
        var id = FieldRules.VolumeId("volume_id", request.VolumeId);
        if (request.VolumeCapability is not null)
            CapabilityParser.Parse(request.VolumeCapability, StorageError.FailedPrecondition);

        var size = await mounts.ExpandAsync(id, request.VolumePath, required, limit, context.CancellationToken);
        return new Proto.NodeExpandVolumeResponse { CapacityBytes = size };
    }

    public override Task<Proto.NodeGetVolumeHealthResponse> NodeGetVolumeHealth(Proto.NodeGetVolumeHealthRequest request, ServerCallContext context)
    {
        // May be asked of a volume whose staging failed: the paths are not needed to tell (CSI 1.13).
        var record = volumes.Require(FieldRules.VolumeId("volume_id", request.VolumeId));
        return Task.FromResult(new Proto.NodeGetVolumeHealthResponse { VolumeHealth = Messages.Health(record.Id, health.Inspect(record)) });
    }

    public override Task<Proto.NodeGetStorageHealthResponse> NodeGetStorageHealth(Proto.NodeGetStorageHealthRequest request, ServerCallContext context)
    {
        FieldRules.Map("secrets", request.Secrets);
        var response = new Proto.NodeGetStorageHealthResponse();
        foreach (var pool in pools.All.Where(static pool => pool.State == PoolState.Unavailable))
        {
            response.BackendHealth.Add(new Proto.NodeGetStorageHealthResponse.Types.StorageBackendHealth
            {
                Status = Proto.StorageHealthErrorType.StorageUnreachable,
                Reason = "PoolUnavailable",
                Message = $"pool '{pool.Name}': {pool.Problem}",
            });
        }

        foreach (var pool in pools.All.Where(static pool => pool.IsReady))
        {
            foreach (var finding in pool.Backend.InspectPool())
                response.BackendHealth.Add(Messages.StorageHealth(pool.Name, finding));
        }

        return Task.FromResult(response);
    }

    public override Task<Proto.NodeGetCapabilitiesResponse> NodeGetCapabilities(Proto.NodeGetCapabilitiesRequest request, ServerCallContext context) =>
        Task.FromResult(new Proto.NodeGetCapabilitiesResponse { Capabilities = { capabilities.Node() } });

    public override Task<Proto.NodeGetInfoResponse> NodeGetInfo(Proto.NodeGetInfoRequest request, ServerCallContext context) =>
        Task.FromResult(new Proto.NodeGetInfoResponse
        {
            NodeId = node.NodeId,
            MaxVolumesPerNode = maxVolumes(),
            AccessibleTopology = messages.Topology(),
        });

    private static void RequirePath(string field, string value)
    {
        // Paths have the operating system's limit, not the 128 bytes of other strings; SafePath checks the rest.
        if (value.Length == 0)
            throw FieldRules.Invalid($"{field}: it is empty", "set it");
    }

    private static void RequireMaps(
        IDictionary<string, string> publishContext, IDictionary<string, string> volumeContext, IDictionary<string, string> secrets)
    {
        FieldRules.Map("publish_context", publishContext);
        FieldRules.Map("volume_context", volumeContext);
        FieldRules.Map("secrets", secrets);
    }
}
