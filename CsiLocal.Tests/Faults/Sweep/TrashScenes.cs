using Csi.V1;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Faults.Sweep;

/// <summary>What a call with the trash in it may be.</summary>
internal enum TrashCall
{
    /// <summary>DeleteVolume of a volume that is kept for a while.</summary>
    Delete,

    /// <summary>UndeleteVolume.</summary>
    Undelete,

    /// <summary>EmptyTrash of a volume that is to be overwritten where its pool can do that.</summary>
    Empty,
}

/// <summary>A volume goes into the trash, comes back with its data, or is erased.</summary>
internal sealed class TrashScene(TrashCall what) : SweepScene
{
    private Volume volume = null!;
    private string digest = "";

    public override async Task PrepareAsync(int point)
    {
        var request = Create($"kept-{point}", Mount(), SweepWorld.SmallBytes);
        request.Parameters["trashGrace"] = "30d";
        volume = (await World.Controller.CreateVolumeAsync(request)).Volume;
        digest = SweepWorld.Write(Path.Combine(await World.StageAsync(volume, Mount()), "file"));
        await World.UnstageAsync(volume);
        if (what != TrashCall.Delete)
            await World.DeleteAsync(volume);
    }

    public override async Task CallAsync()
    {
        switch (what)
        {
            case TrashCall.Delete:
                await World.DeleteAsync(volume);
                break;
            case TrashCall.Undelete:
                await UndeleteAsync();
                break;
            default:
                await World.Driver.Admin.EmptyTrashAsync(new() { All = true });
                break;
        }
    }

    public override async Task RequireAsync()
    {
        if (what == TrashCall.Empty)
        {
            await EmptyAsync();
            return;
        }

        if (what == TrashCall.Delete)
        {
            await World.DeleteAsync(volume);
            Assert.Equal(volume.VolumeId, Assert.Single((await World.Driver.Admin.ListTrashAsync(new())).Volumes).VolumeId);
        }

        await UndeleteAsync();
        Assert.Empty((await World.Driver.Admin.ListTrashAsync(new())).Volumes);
        Assert.Equal(digest, SweepWorld.Digest(Path.Combine(await World.StageAsync(volume, Mount()), "file")));
        await World.UnstageAsync(volume);
    }

    public override async Task CleanUpAsync()
    {
        await World.DeleteAsync(volume);
        await EmptyAsync();
    }

    /// <summary>Repeated after it has succeeded, it finds nothing in the trash, and says that there is such a volume.</summary>
    private Task UndeleteAsync() => World.PatientlyAsync(async () =>
    {
        try
        {
            Assert.Equal(volume.VolumeId, (await World.Driver.Admin.UndeleteVolumeAsync(new() { Volume = volume.VolumeId })).VolumeId);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
        {
            Assert.Contains("there is a volume 'kept-", e.Status.Detail, StringComparison.Ordinal);
        }
    });

    /// <summary>What is not erased within its time goes on in the background.</summary>
    private async Task EmptyAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while ((await World.Driver.Admin.ListTrashAsync(new())).Volumes.Count > 0)
        {
            await World.Driver.Admin.EmptyTrashAsync(new() { All = true });
            await Task.Delay(10, limit.Token);
        }
    }
}
