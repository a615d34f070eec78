using CsiLocal.Admin.V1;
using CsiLocal.Configuration;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using CsiLocal.Volumes;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;
using Task = System.Threading.Tasks.Task;
using Volume = Csi.V1.Volume;

namespace CsiLocal.Tests.Rpc;

/// <summary>Image files on xfs with all their blocks.</summary>
public sealed class AllottedImagePool : TestPool
{
    private readonly LoopFilesystem filesystem = new("xfs", 2048);

    internal override PoolOptions Options => Image(filesystem.Path) with { Preallocate = true };

    internal override bool IsBlock => true;

    public override void Dispose()
    {
        filesystem.Dispose();
        base.Dispose();
    }
}

public sealed class TrashSpaceOnImages : TrashSpaceTests<AllottedImagePool>;

public sealed class TrashSpaceOnThickLvm : TrashSpaceTests<ThickLvmPool>;

public sealed class TrashSpaceOnMirrors : TrashSpaceTests<MirroredLvmPool>;

public sealed class TrashSpaceOnThinLvm : TrashSpaceTests<ThinLvmPool>;

/// <summary>The trash yields: its room is there for whoever needs it, and no more than that goes.</summary>
public abstract class TrashSpaceTests<TPool> : DriverTest<TPool>
    where TPool : TestPool, new()
{
    private protected override void Prepare(TestDriver driver) => driver.Trash = new TrashOptions();

    [Fact(Timeout = Limit)]
    public async Task What_is_in_the_trash_counts_as_free_and_goes_oldest_first_when_it_is_needed()
    {
        var all = await CapacityAsync();
        foreach (var name in new[] { "first", "second", "third" })
            await DeleteAsync(await FilledAsync(name, all / 4));

        await UntilFreeAsync(all - (64 * MiB));
        await CreateAsync("small", 32 * MiB);
        Assert.Equal(3, (await TrashAsync()).Count);

        await CreateAsync("large", (all / 2) + (32 * MiB));
        string[] left = [.. (await TrashAsync()).Select(static volume => volume.Name)];
        Assert.Equal(["first", "second", "third"], new[] { "first", "second", "third" }.Except(left).Concat(left));
        Assert.True(left.Length is > 0 and < 3, string.Join(' ', left));

        await FailsAsync(StatusCode.ResourceExhausted, Controller.CreateVolumeAsync(Create("huge", Mount(), all)));
        Assert.Equal(left, (await TrashAsync()).Select(static volume => volume.Name));
    }

    [Fact(Timeout = Limit)]
    public async Task An_expansion_gets_the_room_of_the_trash()
    {
        var all = await CapacityAsync();
        var volume = await CreateAsync("kept", all / 8);
        await DeleteAsync(await FilledAsync("gone", all / 4));
        await UntilFreeAsync(all - (all / 8) - (64 * MiB));

        await Controller.ControllerExpandVolumeAsync(new() { VolumeId = volume.VolumeId, CapacityRange = new() { RequiredBytes = all / 16 * 13 } });

        Assert.Empty(await TrashAsync());
    }

    /// <summary>Thin volumes hold what was written to them.</summary>
    private async Task<Volume> FilledAsync(string name, long bytes)
    {
        var volume = await CreateAsync(Create(name, Block(), bytes));
        if (Pool.Options.Backend == BackendKind.LvmThin)
        {
            var target = await MountAsync(volume, Block());
            Write(target, seed: 1, bytes: (int)volume.CapacityBytes);
            await UnmountAsync(volume, target);
        }

        return volume;
    }

    /// <summary>What the parts of a mirror take is known from the next report on.</summary>
    private async Task UntilFreeAsync(long bytes)
    {
        while (await CapacityAsync() < bytes)
            await Task.Delay(50, TestContext.Current.CancellationToken);
    }

    private async Task<long> CapacityAsync()
    {
        // A measurement is good for two seconds.
        await Task.Delay(CapacityManager.Freshness, TestContext.Current.CancellationToken);
        return (await Controller.GetCapacityAsync(new())).AvailableCapacity;
    }

    private async Task DeleteAsync(Volume volume) => await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });

    private async Task<IReadOnlyList<TrashedVolume>> TrashAsync() => (await Driver.Admin.ListTrashAsync(new())).Volumes;
}

/// <summary>Who writes to a sparse volume has no call that could make room for it.</summary>
public sealed class NearlyFullTrashTests : DriverTest<XfsImagePool>
{
    private protected override void Prepare(TestDriver driver) => driver.Trash = new TrashOptions();

    [Fact(Timeout = Limit)]
    public async Task A_pool_that_is_nearly_full_empties_its_trash_unasked_and_no_other_does()
    {
        foreach (var name in new[] { "first", "second" })
        {
            var volume = await CreateAsync(Create(name, Block(), 256 * MiB));
            var target = await MountAsync(volume, Block());
            Write(target, seed: 1, bytes: (int)(256 * MiB));
            await UnmountAsync(volume, target);
            await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });
        }

        await Task.Delay(TimeSpan.FromSeconds(7), TestContext.Current.CancellationToken);
        Assert.Equal(2, (await Driver.Admin.ListTrashAsync(new())).Volumes.Count);

        var free = new DriveInfo(Pool.Options.Path).AvailableFreeSpace;
        HostCommand.Run("fallocate", "--length", $"{free - (32 * MiB)}", Path.Combine(Pool.Options.Path, "stranger"));
        while ((await Driver.Admin.ListTrashAsync(new())).Volumes.Count > 1)
            await Task.Delay(50, TestContext.Current.CancellationToken);

        await Task.Delay(TimeSpan.FromSeconds(7), TestContext.Current.CancellationToken);
        Assert.Equal("second", Assert.Single((await Driver.Admin.ListTrashAsync(new())).Volumes).Name);
    }
}

/// <summary>An erasure that takes its time: nobody waits for it, and it goes on where it was.</summary>
public sealed class SlowErasureTests : DriverTest<ThickLvmPool>
{
    private readonly CommandFaults commands = new();

    private protected override void Prepare(TestDriver driver)
    {
        driver.Trash = new TrashOptions { Erase = EraseMode.Zero, EraseRateBytes = 24 * MiB };
        driver.Seams = new() { Commands = commands.Wrap };
    }

    [Fact(Timeout = Limit)]
    public async Task A_creation_that_needs_the_room_is_told_to_come_back_and_then_gets_it()
    {
        await Controller.DeleteVolumeAsync(new() { VolumeId = (await CreateAsync("gone", 192 * MiB)).VolumeId });
        await Task.Delay(CapacityManager.Freshness, TestContext.Current.CancellationToken);
        var all = (await Controller.GetCapacityAsync(new())).AvailableCapacity;

        await FailsAsync(StatusCode.Aborted, Controller.CreateVolumeAsync(Create("next", Mount(), all)), "being erased");
        var item = Assert.Single((await Driver.Admin.ListTrashAsync(new())).Volumes);
        Assert.Equal("erasing", item.State);
        await FailsAsync(StatusCode.FailedPrecondition, UndeleteAsync(item.TrashId), "erasure was begun");

        while (true)
        {
            try
            {
                Assert.Equal(all, (await CreateAsync("next", all)).CapacityBytes);
                break;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Aborted)
            {
                await Task.Delay(200, TestContext.Current.CancellationToken);
            }
        }

        Assert.Empty((await Driver.Admin.ListTrashAsync(new())).Volumes);
    }

    [Fact(Timeout = Limit)]
    public async Task An_erasure_goes_on_after_a_restart_where_it_was_and_no_deletion_waits_for_it()
    {
        await Controller.DeleteVolumeAsync(new() { VolumeId = (await CreateAsync("gone", 256 * MiB)).VolumeId });
        await Driver.Admin.EmptyTrashAsync(new() { All = true });
        var task = Assert.Single((await Driver.Admin.ListTasksAsync(new())).Tasks);
        Assert.Equal(("erase", "running"), (task.Kind, task.State));
        Assert.InRange(task.DoneBytes, 48 * MiB, 200 * MiB);

        await Driver.RestartAsync();
        var resumed = Assert.Single((await Driver.Admin.ListTasksAsync(new())).Tasks);
        await Controller.DeleteVolumeAsync(new() { VolumeId = (await CreateAsync("other")).VolumeId });
        Assert.True(resumed.DoneBytes >= task.DoneBytes - (32 * MiB), $"{task} {resumed}");
        while ((await Driver.Admin.ListTrashAsync(new())).Volumes.Any(static volume => volume.Name == "gone"))
            await Task.Delay(50, TestContext.Current.CancellationToken);

        Assert.Equal("other", Assert.Single((await Driver.Admin.ListTrashAsync(new())).Volumes).Name);
    }

    [Fact(Timeout = Limit)]
    public async Task What_is_not_to_be_kept_is_overwritten_behind_the_answer()
    {
        var request = Create("data", Mount(), 64 * MiB);
        request.Parameters["trashGrace"] = "0";
        var volume = await CreateAsync(request);

        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });

        Assert.Single((await Driver.Admin.ListTrashAsync(new())).Volumes);
        while ((await Driver.Admin.ListTrashAsync(new())).Volumes.Count > 0)
            await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.Empty(Pool.World.Volumes());
    }

    [Fact(Timeout = Limit)]
    public async Task A_deletion_takes_two_lvm_commands_and_an_undelete_two()
    {
        var volume = await CreateAsync("data");
        await SettleAsync();

        commands.Commands.Clear();
        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });
        Assert.Equal(["lvchange", "lvrename"], Changes());

        commands.Commands.Clear();
        await Driver.Admin.UndeleteVolumeAsync(new() { Volume = "data" });
        Assert.Equal(["lvrename", "lvchange"], Changes());
    }

    private AsyncUnaryCall<VolumeDetail> UndeleteAsync(string id) => Driver.Admin.UndeleteVolumeAsync(new() { Volume = id });

    private string[] Changes() =>
        [.. commands.Commands.Where(static command => command.Program == "lvm").Select(static command => command.Arguments[0]).Where(static name => name != "fullreport")];

    /// <summary>Until no report follows on what was done.</summary>
    private async Task SettleAsync()
    {
        var before = commands.CountLvm("fullreport");
        while (commands.CountLvm("fullreport") == before)
            await Task.Delay(50, TestContext.Current.CancellationToken);
    }
}
