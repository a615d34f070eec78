using CsiLocal.State;
using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Rpc;

public sealed class ForeignOnImages : ForeignPoolTests<ImagePool>;

public sealed class ForeignOnSubvolumes : ForeignPoolTests<BtrfsDirectoryPool>;

public sealed class ForeignOnDirectories : ForeignPoolTests<PlainDirectoryPool>;

[Trait("Vm", "yes")]
public sealed class ForeignOnThickLvm : ForeignPoolTests<ThickLvmPool>;

[Trait("Vm", "yes")]
public sealed class ForeignOnThinLvm : ForeignPoolTests<ThinLvmPool>;

/// <summary>Disks moved to another machine: shown with the node they come from, served only after a person took them over.</summary>
public abstract class ForeignPoolTests<TPool> : DriverTest<TPool>
    where TPool : TestPool, new()
{
    [Fact(Timeout = Limit)]
    public async Task A_pool_of_another_node_is_listed_and_not_served()
    {
        var volume = await CreateAsync("data");
        await MoveAsync("node-b");
        var everything = Pool.Everything();

        var pool = Assert.Single((await Driver.Admin.ListPoolsAsync(new())).Pools);
        Assert.Equal(("foreign", "node-a"), (pool.State, pool.ForeignNode));
        Assert.Contains("csilocal pool take-over", pool.Problem, StringComparison.Ordinal);
        var foreign = Assert.Single((await Driver.Admin.ListForeignVolumesAsync(new())).Volumes);
        Assert.Equal((volume.VolumeId, "data", Pool.Options.Name, "node-a", volume.CapacityBytes),
            (foreign.VolumeId, foreign.Name, foreign.Pool, foreign.Node, foreign.SizeBytes));

        Assert.Empty((await Controller.ListVolumesAsync(new())).Entries);
        await FailsAsync(StatusCode.Unavailable, Controller.CreateVolumeAsync(Create("more", Mount())), "node 'node-a''s");
        await FailsAsync(StatusCode.Unavailable, Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId }));
        await Controller.DeleteVolumeAsync(new() { VolumeId = CsiLocal.Volumes.VolumeId.Mint("gone long ago").Value });
        Assert.Equal(0, (await Controller.GetCapacityAsync(new())).AvailableCapacity);
        Assert.Equal(everything, Pool.Everything());
    }

    [Fact(Timeout = Limit)]
    public async Task Taken_over_it_is_served_with_all_its_data_and_stays_so()
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume);
        Write(Path.Combine(target, "file"), seed: 1);
        var digest = Digest(Path.Combine(target, "file"));
        await UnmountAsync(volume, target);
        var snapshot = (await Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = volume.VolumeId })).Snapshot;
        await MoveAsync("node-b");

        await FailsAsync(StatusCode.FailedPrecondition, Driver.Admin.TakeOverPoolAsync(new() { Pool = Pool.Options.Name, FromNode = "node-c" }), "node-a");
        Assert.Equal(1, (await TakeOverAsync()).VolumeCount);
        Assert.Equal(1, (await TakeOverAsync()).VolumeCount);
        await Driver.RestartAsync();

        Assert.Equal("ready", Assert.Single((await Driver.Admin.ListPoolsAsync(new())).Pools).State);
        Assert.Equal(volume.VolumeId, Assert.Single((await Controller.ListVolumesAsync(new())).Entries).Volume.VolumeId);
        Assert.Equal(snapshot.SnapshotId, Assert.Single((await Controller.ListSnapshotsAsync(new())).Entries).Snapshot.SnapshotId);
        Assert.Equal(digest, Digest(Path.Combine(await MountAsync(volume), "file")));
        Assert.Empty((await Driver.Admin.ListForeignVolumesAsync(new())).Volumes);
    }

    [Fact(Timeout = Limit)]
    public async Task Disks_that_come_back_to_their_first_machine_are_foreign_there_though_its_state_knows_them()
    {
        var home = Driver.StateDirectory;
        await CreateAsync("data");
        await MoveAsync("node-b");
        await TakeOverAsync();
        var since = await CreateAsync("since");
        await Driver.StopAsync();
        (Driver.NodeId, Driver.StateDirectory) = ("node-a", home);
        await Driver.StartAsync();

        Assert.Equal("node-b", Assert.Single((await Driver.Admin.ListPoolsAsync(new())).Pools).ForeignNode);
        await Driver.Admin.TakeOverPoolAsync(new() { Pool = Pool.Options.Name, FromNode = "node-b" });
        Assert.Equal(2, (await Controller.ListVolumesAsync(new())).Entries.Count);
        await MountAsync(since);
    }

    [Fact(Timeout = Limit)]
    public async Task A_node_that_gets_another_name_keeps_its_pools()
    {
        var volume = await CreateAsync("data");
        await Driver.StopAsync();
        Driver.NodeId = "node-a.example.org";
        await Driver.StartAsync();
        Assert.Equal("ready", Assert.Single((await Driver.Admin.ListPoolsAsync(new())).Pools).State);
        await MountAsync(volume);

        // The pool bears the new name: the state is not needed to know whose it is.
        await Driver.StopAsync();
        File.Delete(Path.Combine(Driver.StateDirectory, StateFile.Name));
        await Driver.StartAsync();
        Assert.Equal("ready", Assert.Single((await Driver.Admin.ListPoolsAsync(new())).Pools).State);
    }

    private async Task<Admin.V1.Pool> TakeOverAsync() =>
        (await Driver.Admin.TakeOverPoolAsync(new() { Pool = Pool.Options.Name, FromNode = "node-a" })).Pool;

    private async Task MoveAsync(string node)
    {
        await Driver.StopAsync();
        (Driver.NodeId, Driver.StateDirectory) = (node, Driver.PathOf("state-elsewhere"));
        await Driver.StartAsync();
    }
}
