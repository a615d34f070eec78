using CsiLocal.Configuration;
using CsiLocal.Tests.Rpc;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Csi.V1;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Hosting;

/// <summary>Pools that come, go, change and fail while the driver runs.</summary>
public sealed class PoolHostingTests : DriverTest<ImagePool>
{
    private PoolOptions Second => new() { Name = "second", Backend = BackendKind.Image, Path = Path.Combine(Pool.Folder, "second") };

    private protected override void Prepare(TestDriver driver) => driver.Seams = new() { PoolRetry = TimeSpan.FromMilliseconds(1) };

    [Fact(Timeout = Limit)]
    public async Task A_reload_adds_a_pool_and_drops_an_empty_one()
    {
        Configure(Pool.Options, Second);
        Assert.Equal(["pool 'second' added"], await ReloadAsync());
        var volume = await CreateInAsync("second", "data");
        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });

        Configure(Pool.Options);
        Assert.Equal(["pool 'second' removed"], await ReloadAsync());
        Assert.Single((await Driver.Admin.ListPoolsAsync(new())).Pools);
        Assert.Empty(await ReloadAsync());
    }

    [Fact(Timeout = Limit)]
    public async Task A_reload_changes_limits_at_once()
    {
        var before = (await Controller.GetCapacityAsync(new())).AvailableCapacity;
        Driver.Reconfigure = options => options with
        {
            File = options.File with { Pools = [Pool.Options with { ReserveBytes = 1L << 50 }], MaxVolumesPerNode = 7, PublishRoots = ["/srv"] },
        };

        var changes = await ReloadAsync();

        Assert.Equal(3, changes.Count);
        Assert.True(before > 0);
        Assert.Equal(0, (await Controller.GetCapacityAsync(new())).AvailableCapacity);
        Assert.Equal(7, (await Node.NodeGetInfoAsync(new())).MaxVolumesPerNode);
        Configure(Pool.Options);
        await ReloadAsync();
        var volume = await CreateAsync("data");
        Configure(Pool.Options with { ReserveBytes = 1L << 50 });
        await ReloadAsync();
        await FailsAsync(StatusCode.ResourceExhausted, Controller.CreateVolumeAsync(Create("more", Mount())));
        await MountAsync(volume);
    }

    [Fact(Timeout = Limit)]
    public async Task Pools_that_hold_something_are_not_dropped_and_every_problem_is_told()
    {
        Configure(Pool.Options, Second);
        await ReloadAsync();
        var volume = await CreateAsync("data");
        await Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = (await CreateInAsync("second", "other")).VolumeId });

        Driver.Reconfigure = static options => options with { File = options.File with { Pools = [], DefaultPool = null, MaxVolumesPerNode = 9 } };
        await FailsAsync(StatusCode.FailedPrecondition, Driver.Admin.ReloadAsync(new()), "nothing was changed", "images", "second");

        Assert.Equal(2, (await Driver.Admin.ListPoolsAsync(new())).Pools.Count);
        Assert.Equal(0, (await Node.NodeGetInfoAsync(new())).MaxVolumesPerNode);
        await MountAsync(volume);
    }

    [Fact(Timeout = Limit)]
    public async Task A_file_that_cannot_be_read_changes_nothing()
    {
        Driver.Reconfigure = static _ => throw new ConfigurationException(
            [new ConfigurationProblem("a.yaml", 1, 2, "pools[0].name", "it is empty"), new ConfigurationProblem("a.yaml", 9, 1, "colour", "unknown")]);

        await FailsAsync(StatusCode.FailedPrecondition, Driver.Admin.ReloadAsync(new()), "pools[0].name", "colour", "nothing was changed");

        await CreateAsync("data");
    }

    [Fact(Timeout = Limit)]
    public async Task A_pool_that_cannot_be_used_is_reported_stops_no_other_and_comes_back_by_itself()
    {
        await File.WriteAllTextAsync(Second.Path, "in the way");
        Configure(Pool.Options, Second);
        await ReloadAsync();

        await CreateAsync("data");
        var pool = (await Driver.Admin.ListPoolsAsync(new())).Pools.Single(static pool => pool.Name == "second");
        Assert.Equal("unavailable", pool.State);
        Assert.Contains(Second.Path, pool.Problem, StringComparison.Ordinal);
        var health = Assert.Single((await Node.NodeGetStorageHealthAsync(new())).BackendHealth);
        Assert.Equal(StorageHealthErrorType.StorageUnreachable, health.Status);
        Assert.Contains("second", health.Message, StringComparison.Ordinal);
        var request = Create("there", Mount());
        request.Parameters["pool"] = "second";
        await FailsAsync(StatusCode.Unavailable, Controller.CreateVolumeAsync(request), "second");
        Assert.Equal(0, (await Controller.GetCapacityAsync(new() { Parameters = { ["pool"] = "second" } })).AvailableCapacity);
        Assert.True((await Driver.Identity.ProbeAsync(new())).Ready);

        File.Delete(Second.Path);
        while ((await Node.NodeGetStorageHealthAsync(new())).BackendHealth.Count > 0)
            await Task.Delay(20);

        await Controller.CreateVolumeAsync(request);
    }

    [Fact(Timeout = Limit)]
    public async Task A_pool_folder_that_is_not_the_one_known_is_refused_and_its_volumes_are_kept()
    {
        var volume = await CreateAsync("data");
        await Driver.StopAsync();
        var aside = Pool.Options.Path + ".aside";
        Directory.Move(Pool.Options.Path, aside);
        Configure(Second);
        var other = TestDriver.Stopped(Second with { Path = Pool.Options.Path });
        await other.StartAsync();
        await other.DisposeAsync();

        await Driver.StartAsync();
        Assert.Contains("identity", Assert.Single((await Driver.Admin.ListPoolsAsync(new())).Pools).Problem, StringComparison.Ordinal);
        await FailsAsync(StatusCode.Unavailable, Controller.CreateVolumeAsync(Create("more", Mount())), "identity");
        await FailsAsync(StatusCode.Unavailable, Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId }));
        await FailsAsync(StatusCode.Unavailable, Node.NodeStageVolumeAsync(Stage(volume, StagingOf(volume), Mount())));
        Assert.Equal(volume, Assert.Single((await Controller.ListVolumesAsync(new())).Entries).Volume);

        await Driver.StopAsync();
        Directory.Delete(Pool.Options.Path, recursive: true);
        Directory.Move(aside, Pool.Options.Path);
        await Driver.StartAsync();
        await MountAsync(volume);
    }

    private void Configure(params PoolOptions[] pools) =>
        Driver.Reconfigure = options => options with { File = options.File with { Pools = pools } };

    private async Task<IReadOnlyList<string>> ReloadAsync() => (await Driver.Admin.ReloadAsync(new())).Changes;

    private Task<Volume> CreateInAsync(string pool, string name)
    {
        var request = Create(name, Mount());
        request.Parameters["pool"] = pool;
        return CreateAsync(request);
    }
}
