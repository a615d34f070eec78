using CsiLocal.Admin.V1;
using CsiLocal.Volumes;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using ControllerRpc = Csi.V1.ControllerServiceCapability.Types.RPC.Types.Type;
using NodeRpc = Csi.V1.NodeServiceCapability.Types.RPC.Types.Type;
using PluginService = Csi.V1.PluginCapability.Types.Service.Types.Type;
using Proto = Csi.V1;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Tests.Fakes;

internal sealed class FakeCsiIdentity(FakeCsiState state) : Proto.Identity.IdentityBase
{
    public override async Task<Proto.GetPluginInfoResponse> GetPluginInfo(Proto.GetPluginInfoRequest request, ServerCallContext context)
    {
        await state.EnterAsync("GetPluginInfo", request);
        return new Proto.GetPluginInfoResponse { Name = "fake.csilocal.dev", VendorVersion = "1.2.3" };
    }

    public override Task<Proto.GetPluginCapabilitiesResponse> GetPluginCapabilities(Proto.GetPluginCapabilitiesRequest request,
        ServerCallContext context) =>
        Task.FromResult(new Proto.GetPluginCapabilitiesResponse
        {
            Capabilities =
            {
                new Proto.PluginCapability
                {
                    Service = new Proto.PluginCapability.Types.Service { Type = PluginService.ControllerService },
                },
            },
        });
}

internal sealed class FakeCsiController(FakeCsiState state) : Proto.Controller.ControllerBase
{
    /// <summary>Small, so that paging happens.</summary>
    private const int LargestPage = 3;

    public static readonly Timestamp CreatedAt = Timestamp.FromDateTimeOffset(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));

    public override Task<Proto.ControllerGetCapabilitiesResponse> ControllerGetCapabilities(
        Proto.ControllerGetCapabilitiesRequest request, ServerCallContext context)
    {
        var response = new Proto.ControllerGetCapabilitiesResponse();
        response.Capabilities.Add(Capability(ControllerRpc.CreateDeleteVolume));
        if (state.OffersControllerPublish)
            response.Capabilities.Add(Capability(ControllerRpc.PublishUnpublishVolume));
        return Task.FromResult(response);
    }

    public override async Task<Proto.CreateVolumeResponse> CreateVolume(Proto.CreateVolumeRequest request, ServerCallContext context)
    {
        await state.EnterAsync("CreateVolume", request);
        var id = VolumeId.Mint(request.Name).Value;
        var capability = request.VolumeCapabilities[0];
        var volume = state.Volumes.GetOrAdd(id, _ => new VolumeDetail
        {
            VolumeId = id,
            Name = request.Name,
            Pool = request.Parameters.TryGetValue("pool", out var pool) ? pool : "scratch",
            Backend = "image",
            SizeBytes = request.CapacityRange.RequiredBytes,
            AccessType = capability.Block is not null ? "block" : "mount",
            Filesystem = capability.Block is not null ? "" : capability.Mount.FsType.Length > 0 ? capability.Mount.FsType : "ext4",
            State = "ready",
            Location = $"/pool/volumes/{id}.img",
            CreatedAt = CreatedAt,
        });
        return new Proto.CreateVolumeResponse
        {
            Volume = new Proto.Volume { VolumeId = id, CapacityBytes = volume.SizeBytes, VolumeContext = { ["from"] = "create" } },
        };
    }

    public override async Task<Proto.DeleteVolumeResponse> DeleteVolume(Proto.DeleteVolumeRequest request, ServerCallContext context)
    {
        await state.EnterAsync("DeleteVolume", request);
        if (state.Volumes.TryGetValue(request.VolumeId, out var volume) && volume.Publications.Count > 0)
            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"delete volume {request.VolumeId}: in use"));
        state.Volumes.TryRemove(request.VolumeId, out _);
        return new Proto.DeleteVolumeResponse();
    }

    public override async Task<Proto.ControllerPublishVolumeResponse> ControllerPublishVolume(
        Proto.ControllerPublishVolumeRequest request, ServerCallContext context)
    {
        await state.EnterAsync("ControllerPublishVolume", request);
        return new Proto.ControllerPublishVolumeResponse { PublishContext = { ["from"] = "publish" } };
    }

    public override async Task<Proto.ControllerUnpublishVolumeResponse> ControllerUnpublishVolume(
        Proto.ControllerUnpublishVolumeRequest request, ServerCallContext context)
    {
        await state.EnterAsync("ControllerUnpublishVolume", request);
        return new Proto.ControllerUnpublishVolumeResponse();
    }

    public override async Task<Proto.ListVolumesResponse> ListVolumes(Proto.ListVolumesRequest request, ServerCallContext context)
    {
        await state.EnterAsync("ListVolumes", request);
        var (page, next) = Page(state.Volumes.Values.OrderBy(volume => volume.VolumeId, StringComparer.Ordinal), request.StartingToken);
        var response = new Proto.ListVolumesResponse { NextToken = next };
        response.Entries.AddRange(page.Select(volume => new Proto.ListVolumesResponse.Types.Entry
        {
            Volume = new Proto.Volume { VolumeId = volume.VolumeId, CapacityBytes = volume.SizeBytes },
        }));
        return response;
    }

    public override async Task<Proto.ControllerExpandVolumeResponse> ControllerExpandVolume(
        Proto.ControllerExpandVolumeRequest request, ServerCallContext context)
    {
        await state.EnterAsync("ControllerExpandVolume", request);
        state.Volume(request.VolumeId).SizeBytes = request.CapacityRange.RequiredBytes;
        return new Proto.ControllerExpandVolumeResponse
        {
            CapacityBytes = request.CapacityRange.RequiredBytes,
            NodeExpansionRequired = state.RequiresNodeExpansion,
        };
    }

    public override async Task<Proto.CreateSnapshotResponse> CreateSnapshot(Proto.CreateSnapshotRequest request, ServerCallContext context)
    {
        await state.EnterAsync("CreateSnapshot", request);
        var snapshot = new Proto.Snapshot
        {
            SnapshotId = SnapshotId.Mint(request.Name).Value,
            SourceVolumeId = request.SourceVolumeId,
            SizeBytes = state.Volume(request.SourceVolumeId).SizeBytes,
            CreationTime = CreatedAt,
            ReadyToUse = true,
        };
        var kept = state.Snapshots.GetOrAdd(snapshot.SnapshotId, (snapshot, request.Name));
        return new Proto.CreateSnapshotResponse { Snapshot = kept.Snapshot };
    }

    public override async Task<Proto.DeleteSnapshotResponse> DeleteSnapshot(Proto.DeleteSnapshotRequest request, ServerCallContext context)
    {
        await state.EnterAsync("DeleteSnapshot", request);
        state.Snapshots.TryRemove(request.SnapshotId, out _);
        return new Proto.DeleteSnapshotResponse();
    }

    public override async Task<Proto.ListSnapshotsResponse> ListSnapshots(Proto.ListSnapshotsRequest request, ServerCallContext context)
    {
        await state.EnterAsync("ListSnapshots", request);
        var matching = state.Snapshots.Values.Select(entry => entry.Snapshot)
            .Where(snapshot => request.SnapshotId.Length == 0 || snapshot.SnapshotId == request.SnapshotId)
            .Where(snapshot => request.SourceVolumeId.Length == 0 || snapshot.SourceVolumeId == request.SourceVolumeId)
            .OrderBy(snapshot => snapshot.SnapshotId, StringComparer.Ordinal);
        var (page, next) = Page(matching, request.StartingToken);
        var response = new Proto.ListSnapshotsResponse { NextToken = next };
        response.Entries.AddRange(page.Select(snapshot => new Proto.ListSnapshotsResponse.Types.Entry { Snapshot = snapshot }));
        return response;
    }

    private static (IReadOnlyList<T> Page, string Next) Page<T>(IEnumerable<T> all, string token)
    {
        var start = token.Length == 0 ? 0 : int.Parse(token, null);
        var rest = all.Skip(start).ToList();
        return ([.. rest.Take(LargestPage)], rest.Count > LargestPage ? $"{start + LargestPage}" : "");
    }

    private static Proto.ControllerServiceCapability Capability(ControllerRpc type) =>
        new() { Rpc = new Proto.ControllerServiceCapability.Types.RPC { Type = type } };
}

internal sealed class FakeCsiNode(FakeCsiState state) : Proto.Node.NodeBase
{
    public override Task<Proto.NodeGetInfoResponse> NodeGetInfo(Proto.NodeGetInfoRequest request, ServerCallContext context) =>
        Task.FromResult(new Proto.NodeGetInfoResponse { NodeId = "node-1" });

    public override Task<Proto.NodeGetCapabilitiesResponse> NodeGetCapabilities(Proto.NodeGetCapabilitiesRequest request,
        ServerCallContext context)
    {
        var response = new Proto.NodeGetCapabilitiesResponse();
        if (state.OffersStage)
            response.Capabilities.Add(Capability(NodeRpc.StageUnstageVolume));
        response.Capabilities.Add(Capability(NodeRpc.GetVolumeStats));
        return Task.FromResult(response);
    }

    public override async Task<Proto.NodeStageVolumeResponse> NodeStageVolume(Proto.NodeStageVolumeRequest request,
        ServerCallContext context)
    {
        await state.EnterAsync("NodeStageVolume", request);
        Add(request.VolumeId, "stage", request.StagingTargetPath, isReadOnly: false);
        return new Proto.NodeStageVolumeResponse();
    }

    public override async Task<Proto.NodeUnstageVolumeResponse> NodeUnstageVolume(Proto.NodeUnstageVolumeRequest request,
        ServerCallContext context)
    {
        await state.EnterAsync("NodeUnstageVolume", request);
        Remove(request.VolumeId, request.StagingTargetPath);
        return new Proto.NodeUnstageVolumeResponse();
    }

    public override async Task<Proto.NodePublishVolumeResponse> NodePublishVolume(Proto.NodePublishVolumeRequest request,
        ServerCallContext context)
    {
        await state.EnterAsync("NodePublishVolume", request);
        Add(request.VolumeId, "publish", request.TargetPath, request.Readonly);
        return new Proto.NodePublishVolumeResponse();
    }

    public override async Task<Proto.NodeUnpublishVolumeResponse> NodeUnpublishVolume(Proto.NodeUnpublishVolumeRequest request,
        ServerCallContext context)
    {
        await state.EnterAsync("NodeUnpublishVolume", request);
        Remove(request.VolumeId, request.TargetPath);
        return new Proto.NodeUnpublishVolumeResponse();
    }

    public override async Task<Proto.NodeGetVolumeStatsResponse> NodeGetVolumeStats(Proto.NodeGetVolumeStatsRequest request,
        ServerCallContext context)
    {
        await state.EnterAsync("NodeGetVolumeStats", request);
        return new Proto.NodeGetVolumeStatsResponse();
    }

    public override async Task<Proto.NodeExpandVolumeResponse> NodeExpandVolume(Proto.NodeExpandVolumeRequest request,
        ServerCallContext context)
    {
        await state.EnterAsync("NodeExpandVolume", request);
        return new Proto.NodeExpandVolumeResponse { CapacityBytes = request.CapacityRange.RequiredBytes };
    }

    private void Add(string id, string kind, string path, bool isReadOnly)
    {
        var volume = state.Volume(id);
        lock (volume)
        {
            if (volume.Publications.All(publication => publication.Path != path))
                volume.Publications.Add(new Publication { Kind = kind, Path = path, Readonly = isReadOnly });
        }
    }

    private void Remove(string id, string path)
    {
        if (!state.Volumes.TryGetValue(id, out var volume))
            return;

        lock (volume)
        {
            if (volume.Publications.FirstOrDefault(publication => publication.Path == path) is { } publication)
                volume.Publications.Remove(publication);
        }
    }

    private static Proto.NodeServiceCapability Capability(NodeRpc type) =>
        new() { Rpc = new Proto.NodeServiceCapability.Types.RPC { Type = type } };
}

internal sealed class FakeAdmin(FakeCsiState state) : Admin.V1.Admin.AdminBase
{
    public override async Task<ListPoolsResponse> ListPools(ListPoolsRequest request, ServerCallContext context)
    {
        await state.EnterAsync("ListPools", request);
        return new ListPoolsResponse { Pools = { state.Pools } };
    }

    public override async Task<VolumeDetail> GetVolumeDetail(GetVolumeDetailRequest request, ServerCallContext context)
    {
        await state.EnterAsync("GetVolumeDetail", request);
        var volume = state.Volume(request.Volume);
        lock (volume)
            return volume.Clone();
    }

    public override async Task<SnapshotDetail> GetSnapshotDetail(GetSnapshotDetailRequest request, ServerCallContext context)
    {
        await state.EnterAsync("GetSnapshotDetail", request);
        return state.Snapshots.TryGetValue(request.SnapshotId, out var entry)
            ? new SnapshotDetail { SnapshotId = request.SnapshotId, Name = entry.Name, Pool = "scratch" }
            : throw new RpcException(new Status(StatusCode.NotFound, $"snapshot {request.SnapshotId}: does not exist"));
    }

    public override async Task<ListTasksResponse> ListTasks(ListTasksRequest request, ServerCallContext context)
    {
        await state.EnterAsync("ListTasks", request);
        return new ListTasksResponse { Tasks = { state.Tasks } };
    }

    public override async Task<ListTrashResponse> ListTrash(ListTrashRequest request, ServerCallContext context)
    {
        await state.EnterAsync("ListTrash", request);
        return new ListTrashResponse { Volumes = { state.Trash } };
    }

    public override async Task<VolumeDetail> UndeleteVolume(UndeleteVolumeRequest request, ServerCallContext context)
    {
        await state.EnterAsync("UndeleteVolume", request);
        var item = state.Trash.Single(item => item.Name == request.Volume || item.TrashId == request.Volume);
        state.Trash.Remove(item);
        var name = request.NewName.Length == 0 ? item.Name : request.NewName;
        return new VolumeDetail
        {
            VolumeId = CsiLocal.Volumes.VolumeId.Mint(name).Value,
            Name = name,
            Pool = item.Pool,
            SizeBytes = item.SizeBytes,
            AccessType = "mount",
            Filesystem = "ext4",
            State = "ready",
        };
    }

    public override async Task<AdoptVolumeResponse> AdoptVolume(AdoptVolumeRequest request, ServerCallContext context)
    {
        await state.EnterAsync("AdoptVolume", request);
        return state.Adoption!;
    }

    public override async Task<AdoptVolumeResponse> PlanAdoption(AdoptVolumeRequest request, ServerCallContext context)
    {
        await state.EnterAsync("PlanAdoption", request);
        return state.Adoption!;
    }

    public override async Task<ListAdoptableResponse> ListAdoptable(ListAdoptableRequest request, ServerCallContext context)
    {
        await state.EnterAsync("ListAdoptable", request);
        return new ListAdoptableResponse { Candidates = { state.Adoptable } };
    }

    public override async Task<EmptyTrashResponse> EmptyTrash(EmptyTrashRequest request, ServerCallContext context)
    {
        await state.EnterAsync("EmptyTrash", request);
        var items = state.Trash.Where(item => request.All || request.Pool == item.Pool || request.Volumes.Contains(item.Name)).ToList();
        foreach (var item in items)
            item.State = item.Error.Length > 0 ? "failed" : "erased";
        return new EmptyTrashResponse { Volumes = { items } };
    }

    public override async Task<ReloadResponse> Reload(ReloadRequest request, ServerCallContext context)
    {
        await state.EnterAsync("Reload", request);
        return new ReloadResponse { Changes = { state.ReloadChanges } };
    }

    public override async Task Explain(ExplainRequest request, IServerStreamWriter<ExplainResponse> responseStream, ServerCallContext context)
    {
        await state.EnterAsync("Explain", request);
        foreach (var part in state.Explanation)
            await responseStream.WriteAsync(part);
    }

    public override async Task<ExamineResponse> Examine(ExamineRequest request, ServerCallContext context)
    {
        await state.EnterAsync("Examine", request);
        return new ExamineResponse { Findings = { state.Findings } };
    }

    public override async Task<RecoverResponse> Recover(RecoverRequest request, ServerCallContext context)
    {
        await state.EnterAsync("Recover", request);
        return new RecoverResponse { Decisions = { state.Decisions } };
    }
}
