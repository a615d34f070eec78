using Csi.V1;
using Grpc.Core;

namespace CsiLocal.Tests.Grpc;

/// <summary>An Identity whose answers each test chooses.</summary>
internal sealed class FakeIdentity : Identity.IdentityBase
{
    public Func<ProbeRequest, ServerCallContext, Task<ProbeResponse>> OnProbe { get; set; } =
        (_, _) => Task.FromResult(new ProbeResponse { Ready = true });

    public Func<ServerCallContext, Task<GetPluginInfoResponse>> OnGetPluginInfo { get; set; } =
        _ => Task.FromResult(new GetPluginInfoResponse { Name = "fake" });

    public override Task<ProbeResponse> Probe(ProbeRequest request, ServerCallContext context) => OnProbe(request, context);

    public override Task<GetPluginInfoResponse> GetPluginInfo(GetPluginInfoRequest request, ServerCallContext context) => OnGetPluginInfo(context);
}

/// <summary>A SnapshotMetadata that streams as many blocks, one a message, as the request asks for.</summary>
internal sealed class FakeSnapshotMetadata : SnapshotMetadata.SnapshotMetadataBase
{
    public Func<GetMetadataAllocatedRequest, IServerStreamWriter<GetMetadataAllocatedResponse>, ServerCallContext, Task> OnAllocated { get; set; } =
        async (request, stream, context) =>
        {
            for (var i = 0; i < request.MaxResults; i++)
                await stream.WriteAsync(Block(i), context.CancellationToken);
        };

    public static GetMetadataAllocatedResponse Block(long offset) =>
        new() { VolumeCapacityBytes = 1, BlockMetadata = { new BlockMetadata { ByteOffset = offset, SizeBytes = 1 } } };

    public override Task GetMetadataAllocated(
        GetMetadataAllocatedRequest request, IServerStreamWriter<GetMetadataAllocatedResponse> responseStream, ServerCallContext context) =>
        OnAllocated(request, responseStream, context);
}

/// <summary>A Controller that takes any volume: the one request here that can be long.</summary>
internal sealed class FakeController : Controller.ControllerBase
{
    public override Task<CreateVolumeResponse> CreateVolume(CreateVolumeRequest request, ServerCallContext context) =>
        Task.FromResult(new CreateVolumeResponse { Volume = new Volume { VolumeId = request.Name } });
}
