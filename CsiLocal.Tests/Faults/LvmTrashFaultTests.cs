using CsiLocal.Admin.V1;
using CsiLocal.Configuration;
using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using CsiLocal.Volumes;
using Grpc.Core;
using Xunit;
using Task = System.Threading.Tasks.Task;
using Volume = Csi.V1.Volume;

namespace CsiLocal.Tests.Faults;

public sealed class LvmTrashFaultsOnThick : LvmTrashFaultTests<ThickLvmPool>;

public sealed class LvmTrashFaultsOnThin : LvmTrashFaultTests<ThinLvmPool>;

/// <summary>Each lvm command of a deletion into the trash, of an undelete and of an erasure fails in each way; with the state lost, too.</summary>
public abstract class LvmTrashFaultTests<TPool> : FaultTest<TPool>
    where TPool : LvmPool, new()
{
    public static TheoryData<string, string> Ways => new()
    {
        { "failed before", "go on" },
        { "failed after", "go on" },
        { "failed after", "restart" },
        { "killed before", "restart" },
        { "killed after", "go on" },
        { "killed after", "restart" },
        { "killed before", "lose the state" },
        { "killed after", "lose the state" },
    };

    private protected override void Prepare(TestDriver driver)
    {
        base.Prepare(driver);
        driver.Trash = new TrashOptions();
    }

    [Theory(Timeout = Limit)]
    [MemberData(nameof(Ways))]
    public async Task A_deletion_into_the_trash_converges_and_loses_nothing(string fault, string then)
    {
        for (var n = 1; ; n++)
        {
            var (volume, digest) = await FilledAsync($"data{n}");
            var met = Faults.NthLvmChange(n, late: null, Fault(fault));
            await EitherAsync(Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId }));
            await GoOnAsync(then);
            await UntilFreeAsync(() => Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId }));

            var item = Assert.Single(await TrashAsync());
            Assert.Equal([item.TrashId], Pool.World.Volumes());
            Assert.Empty((await Controller.ListVolumesAsync(new())).Entries);
            await Driver.Admin.UndeleteVolumeAsync(new() { Volume = item.TrashId });
            await RequireAsync(volume, digest);
            await RemoveAsync(volume);
            if (met() is null)
                return;
        }
    }

    [Theory(Timeout = Limit)]
    [MemberData(nameof(Ways))]
    public async Task An_undelete_converges_and_loses_nothing(string fault, string then)
    {
        for (var n = 1; ; n++)
        {
            var (volume, digest) = await FilledAsync($"data{n}");
            await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });
            var item = Assert.Single(await TrashAsync());
            var met = Faults.NthLvmChange(n, late: null, Fault(fault));
            await EitherAsync(Driver.Admin.UndeleteVolumeAsync(new() { Volume = item.TrashId }));
            await GoOnAsync(then);

            // Recovery has finished it where its intent was kept; else it is whole in the trash.
            if ((await TrashAsync()).Count > 0)
                await UntilFreeAsync(() => Driver.Admin.UndeleteVolumeAsync(new() { Volume = item.TrashId }));
            Assert.Empty(await TrashAsync());
            Assert.Equal([volume.VolumeId], Pool.World.Volumes());
            await RequireAsync(volume, digest);
            await RemoveAsync(volume);
            if (met() is null)
                return;
        }
    }

    [Theory(Timeout = Limit)]
    [MemberData(nameof(Ways))]
    public async Task An_erasure_converges_and_leaves_nothing(string fault, string then)
    {
        var overwrite = Pool.Options.Backend == BackendKind.Lvm;
        Driver.Trash = new TrashOptions { Erase = overwrite ? EraseMode.Random : EraseMode.Discard, EraseRateBytes = 0 };
        await Driver.RestartAsync();
        for (var n = 1; ; n++)
        {
            var (volume, _) = await FilledAsync($"data{n}");
            await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });
            var item = Assert.Single(await TrashAsync());
            var met = Faults.NthLvmChange(n, late: null, Fault(fault));
            await Driver.Admin.EmptyTrashAsync(new() { All = true });
            await GoOnAsync(then);

            // What was begun is gone on with unasked, and what is known to be begun does not come back.
            if (await TrashAsync() is [{ State: not "kept" }])
                await Assert.ThrowsAsync<RpcException>(async () => await Driver.Admin.UndeleteVolumeAsync(new() { Volume = item.TrashId }));
            while ((await TrashAsync()).Count > 0)
            {
                await Driver.Admin.EmptyTrashAsync(new() { All = true });
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }

            Assert.Empty(Pool.World.Volumes());
            Assert.Empty((await Driver.Admin.ListTasksAsync(new())).Tasks);
            if (met() is null)
                return;
        }
    }

    private async Task<(Volume Volume, string Digest)> FilledAsync(string name)
    {
        var volume = await CreateAsync(name);
        var target = await MountAsync(volume);
        Write(Path.Combine(target, "file"), seed: 3);
        var digest = Digest(Path.Combine(target, "file"));
        await UnmountAsync(volume, target);
        return (volume, digest);
    }

    private async Task RequireAsync(Volume volume, string digest)
    {
        Assert.Equal(volume.VolumeId, Assert.Single((await Controller.ListVolumesAsync(new())).Entries).Volume.VolumeId);
        var target = await MountAsync(volume);
        Assert.Equal(digest, Digest(Path.Combine(target, "file")));
        await UnmountAsync(volume, target);
    }

    private async Task RemoveAsync(Volume volume)
    {
        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });
        await Driver.Admin.EmptyTrashAsync(new() { All = true });
        Assert.Empty(Pool.World.Volumes());
    }

    private async Task<IReadOnlyList<TrashedVolume>> TrashAsync() => (await Driver.Admin.ListTrashAsync(new())).Volumes;
}
