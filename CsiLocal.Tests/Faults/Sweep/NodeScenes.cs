using Csi.V1;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Faults.Sweep;

/// <summary>What is on a volume when it is staged.</summary>
internal enum Staged
{
    /// <summary>Nothing: it is formatted, once.</summary>
    Blank,

    /// <summary>Data of an earlier stage.</summary>
    Used,

    /// <summary>Another volume's file system, with its UUID.</summary>
    Copy,
}

/// <summary>NodeStageVolume.</summary>
internal sealed class StageScene(VolumeCapability capability, Staged staged, long bytes = SweepWorld.SmallBytes) : SweepScene
{
    private Volume volume = null!;
    private Volume? source;
    private string? digest;

    private string DataFile => Path.Combine(World.StagingOf(volume), "file");

    private bool IsFolder => capability.Mount is not null;

    public override async Task SetUpAsync()
    {
        if (staged == Staged.Used)
            (volume, digest) = await World.FilledAsync("used", mounted: false);
        else if (staged == Staged.Copy)
            (source, digest) = await World.FilledAsync("source", mounted: false);
    }

    public override async Task PrepareAsync(int point)
    {
        if (staged == Staged.Blank)
            volume = await World.CreateAsync($"blank-{point}", capability, bytes);
        else if (source is not null)
            volume = (await World.Controller.CreateVolumeAsync(Create($"copy-{point}", capability, bytes).From(source))).Volume;

        World.Faults.CountFormats();
    }

    public override Task CallAsync() => World.StageAsync(volume, capability);

    public override async Task RequireAsync()
    {
        await World.StageAsync(volume, capability);
        if (IsFolder)
        {
            Assert.Single(World.Driver.Mounts());
            var written = digest ?? SweepWorld.Write(DataFile);
            Assert.Equal(written, SweepWorld.Digest(DataFile));
            await World.UnstageAsync(volume);
            await World.StageAsync(volume, capability);
            Assert.Equal(written, SweepWorld.Digest(DataFile));
        }

        if (World.Pool.MakesDevices && World.Pool.IsBlock)
            Assert.Single(World.Pool.DevicesInUse());
        Assert.Equal(IsFolder && World.Pool.IsBlock && staged == Staged.Blank ? 1 : 0, World.Faults.Formats);
    }

    public override async Task CleanUpAsync()
    {
        await World.UnstageAsync(volume);
        if (staged != Staged.Used)
            await World.DeleteAsync(volume);
    }

    public override async Task TearDownAsync()
    {
        if (staged == Staged.Used)
            await World.DeleteAsync(volume);
        if (source is not null)
            await World.DeleteAsync(source);
    }
}

/// <summary>NodePublishVolume and NodeUnpublishVolume of a staged volume.</summary>
internal sealed class PublishScene(VolumeCapability capability, bool undoes, bool readOnly = false) : SweepScene
{
    private Volume volume = null!;
    private string? digest;
    private int mounts;

    private string DataPath => capability.Mount is not null ? Path.Combine(World.TargetOf(volume), "file") : World.TargetOf(volume);

    public override async Task SetUpAsync()
    {
        volume = await World.CreateAsync("shown", capability);
        await World.StageAsync(volume, capability);
        await World.PublishAsync(volume, capability);
        digest = SweepWorld.Write(DataPath);
        await World.UnpublishAsync(volume);
        mounts = World.Driver.Mounts().Count;
    }

    public override async Task PrepareAsync(int point)
    {
        World.Faults.CountFormats();
        if (undoes)
            await World.PublishAsync(volume, capability, readOnly);
    }

    public override Task CallAsync() => undoes ? World.UnpublishAsync(volume) : World.PublishAsync(volume, capability, readOnly);

    public override async Task RequireAsync()
    {
        await CallAsync();
        Assert.Equal(0, World.Faults.Formats);
        if (undoes)
        {
            Assert.False(Path.Exists(World.TargetOf(volume)));
            Assert.Equal(mounts, World.Driver.Mounts().Count);
            await World.PublishAsync(volume, capability, readOnly);
        }

        Assert.Equal(mounts + 1, World.Driver.Mounts().Count);
        Assert.Equal(digest, SweepWorld.Digest(DataPath));
        await World.UnpublishAsync(volume);
    }

    public override Task CleanUpAsync() => Task.CompletedTask;

    public override async Task TearDownAsync()
    {
        await World.UnstageAsync(volume);
        await World.DeleteAsync(volume);
    }
}

/// <summary>NodeUnstageVolume.</summary>
internal sealed class UnstageScene(VolumeCapability capability) : SweepScene
{
    private Volume volume = null!;

    public override async Task SetUpAsync() => volume = await World.CreateAsync("staged", capability);

    public override Task PrepareAsync(int point) => World.StageAsync(volume, capability);

    public override Task CallAsync() => World.UnstageAsync(volume);

    public override async Task RequireAsync()
    {
        await World.UnstageAsync(volume);
        Assert.Empty(World.Driver.Mounts());
        Assert.Empty(World.Pool.DevicesInUse());
    }

    public override Task CleanUpAsync() => Task.CompletedTask;

    public override Task TearDownAsync() => World.DeleteAsync(volume);
}
