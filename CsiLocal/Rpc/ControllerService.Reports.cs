using System.Globalization;
using CsiLocal.State;
using CsiLocal.Volumes;
using Grpc.Core;
using Proto = Csi.V1;

namespace CsiLocal.Rpc;

/// <summary>CSI Controller: what only reads. None of these starts a process.</summary>
internal sealed partial class ControllerService
{
    public override Task<Proto.ListVolumesResponse> ListVolumes(Proto.ListVolumesRequest request, ServerCallContext context)
    {
        var page = Page(request.MaxEntries, request.StartingToken);
        var published = store.PublishedVolumes();
        var response = new Proto.ListVolumesResponse { NextToken = Next(page) };
        var inspect = health.ForPage();
        foreach (var record in page.Items)
        {
            var status = new Proto.ListVolumesResponse.Types.VolumeStatus { VolumeCondition = Messages.Condition(inspect(record)) };
            if (published.Contains(record.Id))
                status.PublishedNodeIds.Add(node.NodeId);

            response.Entries.Add(new Proto.ListVolumesResponse.Types.Entry { Volume = messages.Volume(record), Status = status });
        }

        return Task.FromResult(response);
    }

    public override Task<Proto.ControllerGetVolumeResponse> ControllerGetVolume(Proto.ControllerGetVolumeRequest request, ServerCallContext context)
    {
        var record = volumes.Require(FieldRules.VolumeId("volume_id", request.VolumeId));
        var status = new Proto.ControllerGetVolumeResponse.Types.VolumeStatus { VolumeCondition = Messages.Condition(health.Inspect(record)) };
        if (store.PublicationsOf(record.Id).Count > 0)
            status.PublishedNodeIds.Add(node.NodeId);

        return Task.FromResult(new Proto.ControllerGetVolumeResponse { Volume = messages.Volume(record), Status = status });
    }

    public override Task<Proto.ControllerListVolumeHealthResponse> ControllerListVolumeHealth(
        Proto.ControllerListVolumeHealthRequest request, ServerCallContext context)
    {
        FieldRules.Map("secrets", request.Secrets);
        var page = Page(request.MaxEntries, request.StartingToken);
        var inspect = health.ForPage();
        return Task.FromResult(new Proto.ControllerListVolumeHealthResponse
        {
            NextToken = Next(page),
            Entries = { page.Items.Select(record => Messages.Health(record.Id, inspect(record))) },
        });
    }

    public override Task<Proto.ControllerGetVolumeHealthResponse> ControllerGetVolumeHealth(
        Proto.ControllerGetVolumeHealthRequest request, ServerCallContext context)
    {
        FieldRules.Map("secrets", request.Secrets);
        var record = volumes.Require(FieldRules.VolumeId("volume_id", request.VolumeId));
        return Task.FromResult(new Proto.ControllerGetVolumeHealthResponse { VolumeHealth = Messages.Health(record.Id, health.Inspect(record)) });
    }

    public override Task<Proto.GetCapacityResponse> GetCapacity(Proto.GetCapacityRequest request, ServerCallContext context)
    {
        var parameters = ControllerRequests.VolumeParametersOf(request.Parameters);
        var usages = request.VolumeCapabilities.Count == 0 ? [] : CapabilityParser.ParseAll(request.VolumeCapabilities);
        if (request.AccessibleTopology is { } topology && !node.Matches(FieldRules.Map("accessible_topology", topology.Segments)))
            return Task.FromResult(new Proto.GetCapacityResponse { MaximumVolumeSize = 0 });

        var block = usages.Any(static usage => usage.Access == AccessType.Block);
        var (sum, largest) = (0L, 0L);
        foreach (var pool in PoolsFor(parameters.GetValueOrDefault(ParameterNames.Pool)))
        {
            if (pool.State != PoolState.Ready || (block && !pool.Backend.Features.Block))
                continue;
            var available = capacity.Available(pool);
            (sum, largest) = (sum + available, Math.Max(largest, available));
        }

        var filesystem = usages.Count > 0 ? usages[0].Filesystem : null;
        return Task.FromResult(new Proto.GetCapacityResponse
        {
            AvailableCapacity = sum,
            MaximumVolumeSize = Math.Min(largest, VolumePlanner.MaximumBytes),
            MinimumVolumeSize = VolumePlanner.MinimumBytes(filesystem),
        });
    }

    /// <summary>The pools that a request with this parameter would use. None where the pool's disks are on other nodes: capacity 0, not an error.</summary>
    private IEnumerable<Pool> PoolsFor(string? name) => (string.IsNullOrEmpty(name) ? pools.DefaultPool : name) switch
    {
        null => pools.All,
        var named => pools.Find(named) is { } pool ? [pool] : [],
    };

    private Page<VolumeRecord> Page(int maxEntries, string startingToken) => store.ListVolumes(
        ControllerRequests.Token(FieldRules.Optional("starting_token", startingToken)), ControllerRequests.MaxEntries(maxEntries), readyOnly: true);

    private static string Next(Page<VolumeRecord> page) => page.NextSequence?.ToString(CultureInfo.InvariantCulture) ?? "";
}
