using CsiLocal.Admin.V1;
using CsiLocal.Configuration;
using CsiLocal.State;
using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;
using Task = System.Threading.Tasks.Task;
using Volume = Csi.V1.Volume;

namespace CsiLocal.Tests.Rpc;

public sealed class TrashRpcOnImages : TrashRpcTests<ImagePool>;

public sealed class TrashRpcOnReflinkImages : TrashRpcTests<XfsImagePool>;

public sealed class TrashRpcOnSubvolumes : TrashRpcTests<BtrfsDirectoryPool>;

public sealed class TrashRpcOnDirectories : TrashRpcTests<PlainDirectoryPool>;

[Trait("Vm", "yes")]
[Trait("Run", "long")]
public sealed class TrashRpcOnThickLvm : TrashRpcTests<ThickLvmPool>;

[Trait("Vm", "yes")]
[Trait("Run", "long")]
public sealed class TrashRpcOnThinLvm : TrashRpcTests<ThinLvmPool>;

[Trait("Needs", "vm")]
[Trait("Run", "long")]
public sealed class TrashRpcOnXfsQuota : TrashRpcTests<XfsQuotaDirectoryPool>;

/// <summary>Deleted volumes: their way into the trash, back, and out of it for good.</summary>
public abstract class TrashRpcTests<TPool> : DriverTest<TPool>
    where TPool : TestPool, new()
{
    private const string File = "file";

    private protected override void Prepare(TestDriver driver) => driver.Trash = new TrashOptions();

    [Fact(Timeout = Limit)]
    public async Task A_deleted_volume_comes_back_as_it_was()
    {
        var (volume, digest) = await FilledAsync("data", seed: 1);
        var before = await DetailAsync("data");
        await DeleteAsync(volume);
        Assert.Empty((await Controller.ListVolumesAsync(new())).Entries);
        Assert.Empty(Pool.Volumes());
        await DeleteAsync(volume);

        var back = await Driver.Admin.UndeleteVolumeAsync(new() { Volume = "data" });

        Assert.Equal(before, back);
        Assert.Equal(volume, await CreateAsync("data"));
        await RequireAsync(volume, digest);
        Assert.Empty(await TrashAsync());
    }

    [Fact(Timeout = Limit)]
    public async Task Its_name_is_free_at_once_and_it_comes_back_beside_its_successor()
    {
        var (volume, digest) = await FilledAsync("data", seed: 1);
        await DeleteAsync(volume);
        var next = await CreateAsync("data");
        Assert.Equal(volume.VolumeId, next.VolumeId);
        var target = await MountAsync(next);
        Assert.False(System.IO.File.Exists(Path.Combine(target, File)));
        Write(Path.Combine(target, File), seed: 2);
        var other = Digest(Path.Combine(target, File));

        await FailsAsync(StatusCode.AlreadyExists, Driver.Admin.UndeleteVolumeAsync(new() { Volume = "data" }), "--name");
        var back = await Driver.Admin.UndeleteVolumeAsync(new() { Volume = Assert.Single(await TrashAsync()).TrashId, NewName = "data-before" });

        await RequireAsync(await CreateAsync("data-before"), digest);
        Assert.Equal(("data-before", CsiLocal.Volumes.VolumeId.Mint("data-before").Value), (back.Name, back.VolumeId));
        Assert.Equal(other, Digest(Path.Combine(target, File)));
        Assert.Equal(2, (await Controller.ListVolumesAsync(new())).Entries.Count);
    }

    [Fact(Timeout = Limit)]
    public async Task Several_of_one_name_are_told_apart_by_their_ids()
    {
        var (first, digest) = await FilledAsync("data", seed: 1);
        await DeleteAsync(first);
        await DeleteAsync((await FilledAsync("data", seed: 2)).Volume);
        var trash = await TrashAsync();

        await FailsAsync(
            StatusCode.FailedPrecondition, Driver.Admin.UndeleteVolumeAsync(new() { Volume = "data" }), trash[0].TrashId, trash[1].TrashId);
        await Driver.Admin.UndeleteVolumeAsync(new() { Volume = trash[0].TrashId });

        await RequireAsync(first, digest);
        Assert.Equal(trash[1].TrashId, Assert.Single(await TrashAsync()).TrashId);
    }

    [Fact(Timeout = Limit)]
    public async Task It_is_erased_when_its_time_is_over_and_the_history_says_so()
    {
        Driver.Trash = new TrashOptions { Grace = TimeSpan.FromMilliseconds(300) };
        await Driver.RestartAsync();
        var (volume, _) = await FilledAsync("data", seed: 1);
        await DeleteAsync(volume);
        var trash = await TrashAsync();

        await UntilEmptyAsync();

        await FailsAsync(StatusCode.NotFound, Driver.Admin.UndeleteVolumeAsync(new() { Volume = "data" }));
        Assert.Empty((await Driver.Admin.ListTasksAsync(new())).Tasks);
        await Driver.StopAsync();
        string[] told = [.. Driver.HistoryOf(volume.VolumeId).OfType<HistoryEntry.Event>().Select(static entry => entry.What)];
        Assert.Equal(["is being deleted", "is in the trash", "is being erased", "is erased"], told[^4..]);
        if (trash.Count > 0)
            Assert.Equal(told[^3..], Driver.HistoryOf(trash[0].TrashId).OfType<HistoryEntry.Event>().Select(static entry => entry.What));
        await Driver.StartAsync();
        await FailsAsync(StatusCode.NotFound, Driver.Admin.UndeleteVolumeAsync(new() { Volume = volume.VolumeId }));
    }

    [Fact(Timeout = Limit)]
    public async Task The_trash_is_known_again_when_the_state_is_lost()
    {
        var (volume, digest) = await FilledAsync("data", seed: 1);
        await DeleteAsync(volume);
        await DeleteAsync((await FilledAsync("other", seed: 2)).Volume);
        var before = await TrashAsync();
        await Driver.StopAsync();
        foreach (var part in Directory.EnumerateFiles(Driver.StateDirectory, $"{StateFile.Name}*"))
            System.IO.File.Delete(part);

        await Driver.StartAsync();

        Assert.Equal(before, await TrashAsync());
        await Driver.Admin.UndeleteVolumeAsync(new() { Volume = "data" });
        Assert.Equal(volume, await CreateAsync("data"));
        await RequireAsync(volume, digest);
    }

    [Fact(Timeout = Limit)]
    public async Task What_is_named_is_erased_at_once_and_nothing_else()
    {
        foreach (var name in new[] { "a", "b", "c", "d" })
            await DeleteAsync(await CreateAsync(name));

        await FailsAsync(StatusCode.InvalidArgument, Driver.Admin.EmptyTrashAsync(new()), "exactly one");
        await FailsAsync(StatusCode.NotFound, Driver.Admin.EmptyTrashAsync(new() { Volumes = { "a", "nosuch" } }));
        Assert.Equal(4, (await TrashAsync()).Count);
        var emptied = await Driver.Admin.EmptyTrashAsync(new() { Volumes = { "a", CsiLocal.Volumes.VolumeId.Mint("b").Value } });
        Assert.Equal(["a erased", "b erased"], emptied.Volumes.Select(static volume => $"{volume.Name} {volume.State}"));
        Assert.Equal(["c", "d"], (await TrashAsync()).Select(static volume => volume.Name));

        await Driver.Admin.EmptyTrashAsync(new() { Pool = Pool.Options.Name });
        Assert.Empty(await TrashAsync());
        Assert.Empty((await Driver.Admin.EmptyTrashAsync(new() { All = true })).Volumes);
    }

    [Fact(Timeout = Limit)]
    public async Task A_volumes_own_parameters_outrank_its_pools()
    {
        var request = Create("data", Mount());
        request.Parameters["trashGrace"] = "0";
        await DeleteAsync(await CreateAsync(request));
        Assert.Empty(await TrashAsync());

        request.Parameters["trashGrace"] = "30d";
        request.Parameters["erase"] = "none";
        await DeleteAsync(await CreateAsync(request));
        var kept = Assert.Single(await TrashAsync());
        Assert.Equal(TimeSpan.FromDays(30), kept.Deadline.ToDateTimeOffset() - kept.DeletedAt.ToDateTimeOffset());
        Assert.Equal(("none", "kept"), (kept.Erase, kept.State));

        foreach (var (key, value) in new[] { ("erase", "shred"), ("trashGrace", "soon") })
        {
            var bad = Create("bad", Mount());
            bad.Parameters[key] = value;
            await FailsAsync(StatusCode.InvalidArgument, Controller.CreateVolumeAsync(bad), key, value);
        }
    }

    private async Task<(Volume Volume, string Digest)> FilledAsync(string name, int seed)
    {
        var volume = await CreateAsync(name);
        var target = await MountAsync(volume);
        Write(Path.Combine(target, File), seed);
        var digest = Digest(Path.Combine(target, File));
        await UnmountAsync(volume, target);
        return (volume, digest);
    }

    private async Task RequireAsync(Volume volume, string digest)
    {
        var target = await MountAsync(volume, name: "again");
        Assert.Equal(digest, Digest(Path.Combine(target, File)));
        await UnmountAsync(volume, target);
    }

    private async Task DeleteAsync(Volume volume) => await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });

    private async Task<VolumeDetail> DetailAsync(string name) => await Driver.Admin.GetVolumeDetailAsync(new() { Volume = name });

    private async Task<IReadOnlyList<TrashedVolume>> TrashAsync() => (await Driver.Admin.ListTrashAsync(new())).Volumes;

    private async Task UntilEmptyAsync()
    {
        while ((await TrashAsync()).Count > 0)
            await Task.Delay(50, TestContext.Current.CancellationToken);
    }
}
