using Csi.V1;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Faults.Sweep;

/// <summary>CreateVolume of an empty volume. A raw one shows nothing of its predecessor on the same blocks.</summary>
internal sealed class CreateScene(VolumeCapability capability) : SweepScene
{
    private CreateVolumeRequest request = null!;
    private CreateVolumeResponse answer = null!;

    public override Task PrepareAsync(int point)
    {
        request = Create($"made-{point}", capability, SweepWorld.SmallBytes);
        return Task.CompletedTask;
    }

    public override async Task CallAsync() => answer = await World.Controller.CreateVolumeAsync(request);

    public override async Task RequireAsync()
    {
        Assert.Equal(answer, await World.Controller.CreateVolumeAsync(request));
        Assert.Equal(SweepWorld.SmallBytes, answer.Volume.CapacityBytes);
        if (capability.Block is null)
            return;

        await World.StageAsync(answer.Volume, capability);
        var target = await World.PublishAsync(answer.Volume, capability);
        Assert.Equal(-1, (await File.ReadAllBytesAsync(target)).AsSpan().IndexOfAnyExcept((byte)0));

        // For the next one to find.
        SweepWorld.Write(target);
        await World.UnpublishAsync(answer.Volume);
        await World.UnstageAsync(answer.Volume);
    }

    public override Task CleanUpAsync() => World.DeleteAsync(answer.Volume);
}

/// <summary>CreateVolume from a snapshot, larger than it, or from a volume that is mounted where that is possible.</summary>
internal sealed class CopyScene(bool fromSnapshot) : SweepScene
{
    private Volume source = null!;
    private Snapshot? snapshot;
    private string digest = "";
    private CreateVolumeRequest request = null!;
    private CreateVolumeResponse answer = null!;

    public override async Task SetUpAsync()
    {
        (source, digest) = await World.FilledAsync("source", World.Pool.SnapshotsWhileMounted);
        if (fromSnapshot)
            snapshot = (await World.Controller.CreateSnapshotAsync(new() { Name = "cut", SourceVolumeId = source.VolumeId })).Snapshot;
    }

    public override Task PrepareAsync(int point)
    {
        request = snapshot is not null
            ? Create($"copy-{point}", Mount(), SweepWorld.SmallBytes + (4 * MiB)).From(snapshot)
            : Create($"copy-{point}", Mount(), SweepWorld.SmallBytes).From(source);
        return Task.CompletedTask;
    }

    public override async Task CallAsync() => answer = await World.Controller.CreateVolumeAsync(request);

    public override async Task RequireAsync()
    {
        Assert.Equal(answer, await World.Controller.CreateVolumeAsync(request));
        Assert.Equal(request.CapacityRange.RequiredBytes, answer.Volume.CapacityBytes);
        Assert.Equal(digest, SweepWorld.Digest(Path.Combine(await World.StageAsync(answer.Volume, Mount()), "file")));
        await World.UnstageAsync(answer.Volume);
        Assert.Equal(digest, SweepWorld.Digest(Path.Combine(
            World.Pool.SnapshotsWhileMounted ? World.TargetOf(source) : await World.StageAsync(source, Mount()), "file")));
        if (!World.Pool.SnapshotsWhileMounted)
            await World.UnstageAsync(source);
    }

    public override Task CleanUpAsync() => World.DeleteAsync(answer.Volume);

    public override async Task TearDownAsync()
    {
        if (snapshot is not null)
            await World.PatientlyAsync(async () => await World.Controller.DeleteSnapshotAsync(new() { SnapshotId = snapshot.SnapshotId }));
        if (World.Pool.SnapshotsWhileMounted)
        {
            await World.UnpublishAsync(source);
            await World.UnstageAsync(source);
        }

        await World.DeleteAsync(source);
    }
}

/// <summary>DeleteVolume of a volume that was in use.</summary>
internal sealed class DeleteScene : SweepScene
{
    private Volume volume = null!;

    public override async Task PrepareAsync(int point) => (volume, _) = await World.FilledAsync($"goes-{point}", mounted: false);

    public override Task CallAsync() => World.DeleteAsync(volume);

    public override async Task RequireAsync()
    {
        await World.DeleteAsync(volume);
        Assert.DoesNotContain((await World.Controller.ListVolumesAsync(new())).Entries, entry => entry.Volume.VolumeId == volume.VolumeId);
    }

    public override Task CleanUpAsync() => Task.CompletedTask;
}

/// <summary>ControllerExpandVolume and NodeExpandVolume of a mounted volume, by 4 MiB each time.</summary>
/// <remarks>xfs: to grow a mounted ext4 takes CAP_SYS_RESOURCE, which a machine for tests may not give.</remarks>
internal sealed class ExpandScene(bool onNode) : SweepScene
{
    private readonly VolumeCapability capability = Mount(filesystem: "xfs");
    private Volume volume = null!;
    private string digest = "";
    private long size = 300 * MiB;
    private long overhead;

    private string DataFile => Path.Combine(World.TargetOf(volume), "file");

    public override async Task SetUpAsync()
    {
        (volume, digest) = await World.FilledAsync("grows", mounted: true, World.Pool.IsBlock ? capability : Mount(), size);
        overhead = size - new DriveInfo(World.TargetOf(volume)).TotalSize;
    }

    public override async Task PrepareAsync(int point)
    {
        size += 4 * MiB;
        if (onNode)
            await ExpandAsync();
    }

    public override Task CallAsync() => onNode ? ExpandOnNodeAsync() : ExpandAsync();

    public override async Task RequireAsync()
    {
        await ExpandAsync();
        await ExpandOnNodeAsync();
        Assert.Equal(size, (await World.Controller.ControllerGetVolumeAsync(new() { VolumeId = volume.VolumeId })).Volume.CapacityBytes);
        Assert.Equal(digest, SweepWorld.Digest(DataFile));
        if (World.Pool.IsBlock)
            Assert.InRange(size - new DriveInfo(World.TargetOf(volume)).TotalSize, overhead - MiB, overhead + MiB);
    }

    public override Task CleanUpAsync() => Task.CompletedTask;

    public override async Task TearDownAsync()
    {
        await World.UnpublishAsync(volume);
        await World.UnstageAsync(volume);
        await World.DeleteAsync(volume);
    }

    private async Task ExpandAsync()
    {
        var answer = await World.Controller.ControllerExpandVolumeAsync(
            new() { VolumeId = volume.VolumeId, CapacityRange = new() { RequiredBytes = size } });
        Assert.Equal(size, answer.CapacityBytes);
    }

    private async Task ExpandOnNodeAsync() => await World.Node.NodeExpandVolumeAsync(new()
    {
        VolumeId = volume.VolumeId,
        VolumePath = World.TargetOf(volume),
        StagingTargetPath = World.StagingOf(volume),
        CapacityRange = new() { RequiredBytes = size },
    });
}

/// <summary>ControllerExpandVolume of a raw volume that nobody uses: what is added shows no old bytes.</summary>
internal sealed class ExpandRawScene : SweepScene
{
    private const long GrownBytes = SweepWorld.SmallBytes + (4 * MiB);

    private Volume volume = null!;
    private string digest = "";

    public override async Task PrepareAsync(int point)
    {
        volume = await World.CreateAsync($"raw-{point}", Block(), SweepWorld.SmallBytes);
        digest = await OnTargetAsync(SweepWorld.Write);
    }

    public override async Task CallAsync()
    {
        var answer = await World.Controller.ControllerExpandVolumeAsync(
            new() { VolumeId = volume.VolumeId, CapacityRange = new() { RequiredBytes = GrownBytes }, VolumeCapability = Block() });
        Assert.Equal(GrownBytes, answer.CapacityBytes);
    }

    public override async Task RequireAsync()
    {
        await World.PatientlyAsync(CallAsync);
        var content = await OnTargetAsync(File.ReadAllBytes);
        Assert.Equal(GrownBytes, content.Length);
        Assert.Equal(-1, content.AsSpan((int)SweepWorld.SmallBytes).IndexOfAnyExcept((byte)0));
        Assert.Equal(digest, await OnTargetAsync(SweepWorld.Digest));
    }

    public override Task CleanUpAsync() => World.DeleteAsync(volume);

    private async Task<T> OnTargetAsync<T>(Func<string, T> work)
    {
        await World.StageAsync(volume, Block());
        var result = work(await World.PublishAsync(volume, Block()));
        await World.UnpublishAsync(volume);
        await World.UnstageAsync(volume);
        return result;
    }
}

/// <summary>CreateSnapshot and DeleteSnapshot of a volume that is mounted where that is possible.</summary>
internal sealed class SnapshotScene(bool deletes) : SweepScene
{
    private Volume source = null!;
    private string digest = "";
    private CreateSnapshotRequest request = null!;
    private CreateSnapshotResponse answer = null!;

    public override async Task SetUpAsync() => (source, digest) = await World.FilledAsync("source", World.Pool.SnapshotsWhileMounted);

    public override async Task PrepareAsync(int point)
    {
        request = new() { Name = $"cut-{point}", SourceVolumeId = source.VolumeId };
        if (deletes)
            answer = await World.Controller.CreateSnapshotAsync(request);
    }

    public override async Task CallAsync()
    {
        if (deletes)
            await DeleteAsync();
        else
            answer = await World.Controller.CreateSnapshotAsync(request);
    }

    public override async Task RequireAsync()
    {
        if (deletes)
        {
            await DeleteAsync();
            Assert.Empty((await World.Controller.ListSnapshotsAsync(new())).Entries);
            return;
        }

        Assert.Equal(answer, await World.Controller.CreateSnapshotAsync(request));
        Assert.True(answer.Snapshot.ReadyToUse);
        Assert.Equal(answer.Snapshot, Assert.Single((await World.Controller.ListSnapshotsAsync(new())).Entries).Snapshot);
        var copy = (await World.Controller.CreateVolumeAsync(Create($"of-{request.Name}", Mount(), SweepWorld.SmallBytes).From(answer.Snapshot))).Volume;
        Assert.Equal(digest, SweepWorld.Digest(Path.Combine(await World.StageAsync(copy, Mount()), "file")));
        await World.UnstageAsync(copy);
        await World.DeleteAsync(copy);
    }

    public override Task CleanUpAsync() => deletes ? Task.CompletedTask : DeleteAsync();

    public override async Task TearDownAsync()
    {
        if (World.Pool.SnapshotsWhileMounted)
        {
            await World.UnpublishAsync(source);
            await World.UnstageAsync(source);
        }

        await World.DeleteAsync(source);
    }

    private Task DeleteAsync() => World.PatientlyAsync(async () =>
        await World.Controller.DeleteSnapshotAsync(new() { SnapshotId = answer.Snapshot.SnapshotId }));
}
