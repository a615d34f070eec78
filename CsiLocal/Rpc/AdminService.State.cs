using CsiLocal.Admin.V1;
using CsiLocal.Volumes;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Rpc;

/// <summary>The state against the pools, and pools that were moved here from another node.</summary>
internal sealed partial class AdminService
{
    public override Task<CheckStateResponse> CheckState(CheckStateRequest request, ServerCallContext context)
    {
        var response = new CheckStateResponse();
        foreach (var pool in pools.All)
        {
            if (!pool.IsReady)
            {
                response.NotCompared.Add(pool.Problem ?? $"pool '{pool.Name}' was not looked at yet");
                continue;
            }

            try
            {
                response.Findings.Add(rows.Compare(pool.Name, pool.Backend).Select(decision => Describe(pool.Name, decision)));
            }
            catch (StorageException e)
            {
                response.NotCompared.Add($"pool '{pool.Name}': {e.Describe()}");
            }
        }

        return Task.FromResult(response);
    }

    public override Task<ListForeignVolumesResponse> ListForeignVolumes(ListForeignVolumesRequest request, ServerCallContext context)
    {
        var response = new ListForeignVolumesResponse();
        foreach (var pool in pools.All.Where(static pool => pool.State == PoolState.Foreign))
        {
            foreach (var found in pool.Backend.List())
            {
                if (found.Volume is { } volume)
                    response.Volumes.Add(Describe(pool, volume));
            }
        }

        return Task.FromResult(response);
    }

    public override async Task<TakeOverPoolResponse> TakeOverPool(TakeOverPoolRequest request, ServerCallContext context)
    {
        if (request.FromNode.Length == 0)
            throw new StorageException(StorageError.InvalidArgument, "from_node: it is empty", "name the node that the pool belongs to");

        return new TakeOverPoolResponse { Pool = Describe(await takeOver(request.Pool, request.FromNode, context.CancellationToken)) };
    }

    private static ForeignVolume Describe(Volumes.Pool pool, VolumeRecord volume) => new()
    {
        VolumeId = volume.Id.Value,
        Name = volume.Name,
        Pool = pool.Name,
        Node = pool.ForeignNode,
        SizeBytes = volume.SizeBytes,
        CreatedAt = Timestamp.FromDateTimeOffset(volume.CreatedAt),
    };

    private static StateFinding Describe(string pool, RowDecision decision) => new()
    {
        Pool = pool,
        Target = decision.Target,
        What = decision.What,
        Why = decision.Why,
        MendsItself = decision.IsMendable,
    };
}
