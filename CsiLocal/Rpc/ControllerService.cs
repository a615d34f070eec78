using CsiLocal.State;
using CsiLocal.Volumes;
using Grpc.Core;
using Proto = Csi.V1;

namespace CsiLocal.Rpc;

/// <summary>CSI Controller: volumes. Each method parses, calls, maps; snapshots and reports are in the other parts.</summary>
internal sealed partial class ControllerService(
    VolumeManager volumes, SnapshotManager snapshots, CapacityManager capacity, PoolRegistry pools, StateStore store,
    HealthInspector health, NodeIdentity node, Messages messages) : Proto.Controller.ControllerBase
{
    public override async Task<Proto.CreateVolumeResponse> CreateVolume(Proto.CreateVolumeRequest request, ServerCallContext context)
    {
        var spec = ControllerRequests.Parse(request);
        var record = await volumes.CreateAsync(spec, context.CancellationToken);
        return new Proto.CreateVolumeResponse { Volume = messages.Volume(record) };
    }

    public override async Task<Proto.DeleteVolumeResponse> DeleteVolume(Proto.DeleteVolumeRequest request, ServerCallContext context)
    {
        // A foreign shape was never ours: there is nothing to delete, and nothing is touched.
        if (FieldRules.VolumeIdOrForeign("volume_id", request.VolumeId) is { } id)
            await volumes.DeleteAsync(id, context.CancellationToken);

        return new Proto.DeleteVolumeResponse();
    }

    public override Task<Proto.ValidateVolumeCapabilitiesResponse> ValidateVolumeCapabilities(
        Proto.ValidateVolumeCapabilitiesRequest request, ServerCallContext context)
    {
        var id = FieldRules.Required("volume_id", request.VolumeId);
        if (request.VolumeCapabilities.Count == 0)
            throw FieldRules.Invalid("volume_capabilities: it is empty", "name at least one capability");

        FieldRules.Map("volume_context", request.VolumeContext);
        FieldRules.Map("parameters", request.Parameters);
        FieldRules.Map("secrets", request.Secrets);
        var record = volumes.Require(FieldRules.VolumeId("volume_id", id));
        var response = new Proto.ValidateVolumeCapabilitiesResponse();
        if (WhyNot(record, request) is { } reason)
        {
            response.Message = reason;
        }
        else
        {
            response.Confirmed = new()
            {
                VolumeContext = { request.VolumeContext },
                VolumeCapabilities = { request.VolumeCapabilities },
                Parameters = { request.Parameters },
            };
        }

        return Task.FromResult(response);
    }

    public override async Task<Proto.ControllerExpandVolumeResponse> ControllerExpandVolume(
        Proto.ControllerExpandVolumeRequest request, ServerCallContext context)
    {
        FieldRules.Required("volume_id", request.VolumeId);
        var (required, limit) = ControllerRequests.Range(request.CapacityRange, mandatory: true);
        FieldRules.Map("secrets", request.Secrets);
        var id = FieldRules.VolumeId("volume_id", request.VolumeId);
        if (request.VolumeCapability is not null)
            RequireAccess(volumes.Require(id), CapabilityParser.Parse(request.VolumeCapability, StorageError.InvalidArgument));

        var record = await volumes.ExpandAsync(id, required, limit, context.CancellationToken);
        return new Proto.ControllerExpandVolumeResponse
        {
            CapacityBytes = record.SizeBytes,
            NodeExpansionRequired = record.Filesystem is not null,
        };
    }

    public override Task<Proto.ControllerGetCapabilitiesResponse> ControllerGetCapabilities(
        Proto.ControllerGetCapabilitiesRequest request, ServerCallContext context) =>
        Task.FromResult(new Proto.ControllerGetCapabilitiesResponse { Capabilities = { CapabilitySet.Controller() } });

    /// <summary>The reason why the volume does not satisfy the request; null where it does.</summary>
    private string? WhyNot(VolumeRecord record, Proto.ValidateVolumeCapabilitiesRequest request)
    {
        try
        {
            foreach (var usage in CapabilityParser.ParseAll(request.VolumeCapabilities))
                RequireAccess(record, usage);

            ControllerRequests.VolumeParametersOf(request.Parameters);
        }
        catch (StorageException e) when (e.Error == StorageError.InvalidArgument)
        {
            // "Not confirmed" is an answer of this call, not an error (CSI ValidateVolumeCapabilitiesResponse.message).
            return e.Describe();
        }

        if (request.MutableParameters.Count > 0)
            return "mutable_parameters: the driver does not have MODIFY_VOLUME";

        var own = messages.Volume(record).VolumeContext;
        return request.VolumeContext.Count == 0 || request.VolumeContext.Equals(own)
            ? null
            : "volume_context: it is not the volume's";
    }

    private static void RequireAccess(VolumeRecord record, Usage usage)
    {
        if (usage.Access != record.Access)
        {
            throw FieldRules.Invalid(
                $"volume_capability: volume {record.Id} is a {record.Access.ToString().ToLowerInvariant()} volume",
                "ask for what it was created as");
        }

        if (usage.Filesystem is { } asked && record.Filesystem is { } has && asked != has)
            throw FieldRules.Invalid($"volume_capability.mount.fs_type: volume {record.Id} carries {has.ToString().ToLowerInvariant()}");
    }
}
