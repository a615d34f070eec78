using CsiLocal.Admin.V1;
using CsiLocal.Backends;
using CsiLocal.State;
using CsiLocal.Volumes;
using CsiLocal.Volumes.Diagnosis;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Rpc;

/// <summary>What csilocal's own command line asks beyond CSI (proto/csilocal/v1/admin.proto).</summary>
internal sealed partial class AdminService(
    StateStore store, PoolRegistry pools, CapacityManager capacity, TrashManager trash, AdoptionManager adoptions, RowReconciler rows,
    Explainer explainer, Examiner examiner, NodeIdentity node, Messages messages, Func<string, string, CancellationToken, Task<Volumes.Pool>> takeOver,
    Func<CancellationToken, Task<IReadOnlyList<string>>> reload, Func<CancellationToken, Task> recover)
    : Admin.V1.Admin.AdminBase
{
    public override Task<ListPoolsResponse> ListPools(ListPoolsRequest request, ServerCallContext context)
    {
        var response = new ListPoolsResponse();
        foreach (var pool in pools.All)
            response.Pools.Add(Describe(pool));

        return Task.FromResult(response);
    }

    public override Task<VolumeDetail> GetVolumeDetail(GetVolumeDetailRequest request, ServerCallContext context)
    {
        var given = request.Volume;
        var record = (VolumeId.TryParse(given, out var id) ? store.FindVolume(id) : null)
            ?? store.FindVolume(VolumeId.Mint(given))
            ?? throw new StorageException(StorageError.NotFound, $"there is no volume '{FieldRules.Printable(given)}'");
        return Task.FromResult(Describe(record));
    }

    public override Task<SnapshotDetail> GetSnapshotDetail(GetSnapshotDetailRequest request, ServerCallContext context)
    {
        var record = (SnapshotId.TryParse(request.SnapshotId, out var id) ? store.FindSnapshot(id) : null)
            ?? throw new StorageException(StorageError.NotFound, $"there is no snapshot '{FieldRules.Printable(request.SnapshotId)}'");
        return Task.FromResult(new SnapshotDetail { SnapshotId = record.Id.Value, Name = record.Name, Pool = record.Pool });
    }

    public override Task<ListTasksResponse> ListTasks(ListTasksRequest request, ServerCallContext context)
    {
        var response = new ListTasksResponse();
        foreach (var task in store.AllTasks())
        {
            response.Tasks.Add(new Admin.V1.Task
            {
                TargetId = task.TargetId,
                Kind = Word(task.Kind),
                State = task.Error is null ? "running" : "failed",
                DoneBytes = task.DoneBytes,
                TotalBytes = task.TotalBytes,
                Error = task.Error ?? "",
                StartedAt = Timestamp.FromDateTimeOffset(task.StartedAt),
            });
        }

        return Task.FromResult(response);
    }

    public override async Task<ReloadResponse> Reload(ReloadRequest request, ServerCallContext context) =>
        new() { Changes = { await reload(context.CancellationToken) } };

    private Admin.V1.Pool Describe(Volumes.Pool pool)
    {
        var volumes = store.VolumesOfPool(pool.Name);
        var snapshots = store.SnapshotsOfPool(pool.Name);
        var space = pool.IsReady ? pool.Backend.MeasureSpace(volumes, snapshots, []) : null;
        var described = new Admin.V1.Pool
        {
            Name = pool.Name,
            Backend = MetadataNames.Of(pool.Options.Backend),
            Location = pool.Options.Location,
            State = Word(pool.State),
            Problem = pool.Problem ?? "",
            ForeignNode = pool.ForeignNode ?? "",
            Filesystem = pool.Options.Lvm is null ? pool.Facts?.FilesystemName ?? "" : "",
            TotalBytes = space?.TotalBytes ?? 0,
            AvailableBytes = pool.IsReady ? capacity.Available(pool) : 0,
            ProvisionedBytes = volumes.Sum(static volume => volume.SizeBytes),
            VolumeCount = volumes.Count,
            SnapshotCount = snapshots.Count,
            IsDefault = pools.DefaultPool == pool.Name,
        };
        if (!pool.IsReady)
            return described;

        described.Features.Add(Features(pool.Backend.Features));
        described.Findings.Add(pool.Backend.InspectPool().Select(static finding => finding.Message));
        if ((pool.Backend as IThinPoolUse)?.MeasureUse() is { } use)
        {
            described.DataPercent = use.DataPercent;
            described.MetadataPercent = use.MetadataPercent;
        }

        return described;
    }

    private static IEnumerable<string> Features(BackendFeatures features)
    {
        yield return "mount";
        if (features.Block)
            yield return "block";

        if (features.Snapshots)
            yield return features.SnapshotsNeedSource ? "snapshot-cow" : features.InstantCopy ? "snapshot-instant" : "snapshot-copy";

        if (features.HardLimit)
            yield return "hard-limit";

        if (features.Shrink)
            yield return "shrink";
    }

    private VolumeDetail Describe(VolumeRecord record)
    {
        var detail = new VolumeDetail
        {
            VolumeId = record.Id.Value,
            Name = record.Name,
            Pool = record.Pool,
            Backend = MetadataNames.Of(record.Backend),
            SizeBytes = record.SizeBytes,
            AccessType = Word(record.Access),
            Filesystem = record.Filesystem is { } filesystem ? Word(filesystem) : "",
            FilesystemUuid = record.Format == FormatState.Formatted ? record.FilesystemUuid?.ToString() ?? "" : "",
            State = Word(record.State),
            Location = pools.Find(record.Pool)?.Backend.Location(record) ?? "",
            Source = record.Source switch
            {
                ContentSource.FromSnapshot(var id) => id.Value,
                ContentSource.FromVolume(var id) => id.Value,
                _ => "",
            },
            CreatedAt = Timestamp.FromDateTimeOffset(record.CreatedAt),
            FormattedAt = record.FormattedAt is { } at ? Timestamp.FromDateTimeOffset(at) : null,
        };
        detail.Publications.Add(store.PublicationsOf(record.Id).Select(static use => new Publication
        {
            Kind = Word(use.Kind),
            Path = use.Path,
            Readonly = use.ReadOnly,
        }));
        return detail;
    }

    private static string Word<T>(T value) where T : struct, System.Enum => value.ToString().ToLowerInvariant();
}
