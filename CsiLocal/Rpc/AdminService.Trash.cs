using CsiLocal.Admin.V1;
using CsiLocal.Backends;
using CsiLocal.Volumes;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Rpc;

/// <summary>The trash: what is in it, and how it gets out.</summary>
internal sealed partial class AdminService
{
    public override Task<ListTrashResponse> ListTrash(ListTrashRequest request, ServerCallContext context) =>
        Task.FromResult(new ListTrashResponse { Volumes = { Of(request.Pool).Select(item => Describe(item)) } });

    public override async Task<VolumeDetail> UndeleteVolume(UndeleteVolumeRequest request, ServerCallContext context)
    {
        var item = trash.Find(FieldRules.Required("volume", request.Volume));
        var name = request.NewName.Length == 0 ? null : FieldRules.Name("new_name", request.NewName);
        return Describe(await trash.UndeleteAsync(item.Id, name, context.CancellationToken));
    }

    public override async Task<EmptyTrashResponse> EmptyTrash(EmptyTrashRequest request, ServerCallContext context)
    {
        var items = Chosen(request);
        var left = await trash.EmptyAsync(items, context.CancellationToken);
        var response = new EmptyTrashResponse();
        foreach (var item in items)
        {
            var isLeft = left.TryGetValue(item.Id, out var problem);
            var described = Describe(store.FindTrash(item.Id) ?? item, isGone: !isLeft);
            if (!string.IsNullOrEmpty(problem))
                (described.State, described.Error) = ("failed", problem);
            response.Volumes.Add(described);
        }

        return response;
    }

    private List<TrashRecord> Chosen(EmptyTrashRequest request)
    {
        var ways = (request.Volumes.Count > 0 ? 1 : 0) + (request.Pool.Length > 0 ? 1 : 0) + (request.All ? 1 : 0);
        if (ways != 1)
            throw FieldRules.Invalid("volumes, pool, all: exactly one of them has to say what is erased", "name volumes, or a pool, or all");

        var named = request.Volumes.Select(trash.Find).DistinctBy(static item => item.Id).ToList();
        return request.Volumes.Count > 0 ? named : [.. Of(request.Pool)];
    }

    private IReadOnlyList<TrashRecord> Of(string pool)
    {
        if (pool.Length > 0 && pools.Find(pool) is null)
            throw new StorageException(StorageError.NotFound, $"pool: there is no pool '{FieldRules.Printable(pool)}'");

        return pool.Length == 0 ? store.AllTrash() : store.TrashOfPool(pool);
    }

    private TrashedVolume Describe(TrashRecord item, bool isGone = false)
    {
        var task = isGone ? null : store.FindTask(item.Id.Value);
        return new TrashedVolume
        {
            TrashId = item.Id.Value,
            VolumeId = item.Volume.Id.Value,
            Name = item.Volume.Name,
            Pool = item.Volume.Pool,
            SizeBytes = item.Volume.SizeBytes,
            DeletedAt = Timestamp.FromDateTimeOffset(item.DeletedAt),
            Deadline = Timestamp.FromDateTimeOffset(item.Deadline),
            Erase = MetadataNames.Of(item.Erase),
            State = isGone ? "erased"
                : task?.Error is not null ? "failed"
                : item.Erasing ? "erasing"
                : item.RestoreAs is not null ? "restoring" : "kept",
            DoneBytes = task?.DoneBytes ?? 0,
            TotalBytes = task?.TotalBytes ?? 0,
            Error = task?.Error ?? "",
        };
    }
}
