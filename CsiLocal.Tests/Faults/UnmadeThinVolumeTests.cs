using CsiLocal.State;
using CsiLocal.Tests.Support.Lvm;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Faults;

/// <summary>An lvcreate that is killed when the volume group has the thin volume, and its thin pool does not have it yet.</summary>
[Trait("Vm", "yes")]
public sealed class UnmadeThinVolumeTests : FaultTest<ThinLvmPool>
{
    private static readonly string s_second = VolumeId.Mint("second").Value;

    [Theory(Timeout = Limit)]
    [InlineData("go on")]
    [InlineData("restart")]
    [InlineData("lose the state")]
    public async Task A_volume_leaves_nothing_and_the_repeated_call_makes_it(string then)
    {
        await CreateAsync("first");
        KillLvcreate(s_second, cleansUp: then == "go on");
        await EitherAsync(Controller.CreateVolumeAsync(Create("second", Mount())));

        await GoOnAsync(then);

        Assert.DoesNotContain(s_second, Pool.World.Volumes());
        var second = await UntilFreeAsync(() => Controller.CreateVolumeAsync(Create("second", Mount())));
        await MountAsync(second.Volume);
        Assert.Equal(2, Pool.World.Volumes().Count);
    }

    [Theory(Timeout = Limit)]
    [InlineData("go on")]
    [InlineData("restart")]
    public async Task A_snapshot_is_not_made_late_by_the_next_lvcreate(string then)
    {
        var first = await CreateAsync("first");
        KillLvcreate(SnapshotId.Mint("s").Value, cleansUp: then == "go on");
        await EitherAsync(Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = first.VolumeId }));

        await GoOnAsync(then);
        await CreateAsync("second");

        Assert.Equal([first.VolumeId, s_second], Pool.World.Volumes().ToHashSet());
        await UntilFreeAsync(() => Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = first.VolumeId }));
    }

    /// <summary>A row says so, or LVM itself: without its message, the thin pool had it, and has lost it.</summary>
    [Theory(Timeout = Limit)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_may_have_held_data_is_kept_although_the_thin_pool_does_not_have_it(bool queued)
    {
        await CreateAsync("first");
        await CreateAsync("second");
        await Driver.StopAsync();
        Pool.World.Unmake(s_second, queued);
        if (!queued)
            LoseState();

        await Driver.StartAsync();

        Assert.Contains(s_second, Pool.World.Volumes());
        Assert.DoesNotContain(Faults.Commands, static command => command.Arguments[0] == "lvremove");
    }

    [Fact(Timeout = Limit)]
    public async Task What_says_that_it_is_finished_keeps_its_row_when_its_creation_fails_after_that()
    {
        await CreateAsync("first");
        Faults.OnceLvm("lvcreate", async (_, run) =>
        {
            await run();
            Pool.World.Unmake(s_second, queued: false);
            return new ToolOutput(5, "", "  it came to grief at the end\n");
        });
        await Assert.ThrowsAsync<RpcException>(() => CreateAsync("second"));

        await Driver.StopAsync();

        Assert.Contains(s_second, Pool.World.Volumes());
        using var store = StateStore.Open(Driver.StateDirectory, TimeProvider.System);
        Assert.Equal(VolumeState.Creating, store.FindVolume(VolumeId.Mint("second"))!.State);
    }

    /// <summary>Whoever is killed with it cleans nothing up.</summary>
    private void KillLvcreate(string name, bool cleansUp) => Faults.Around = async (command, run) =>
    {
        if (command.Arguments[0] == "lvcreate" && command.Arguments.Contains(name))
        {
            await run();
            Pool.World.Unmake(name, queued: true);
        }
        else if (command.Arguments[0] != "pvck" || cleansUp)
        {
            return await run();
        }

        throw new ToolException(command, ToolFailure.TimedOut, $"{command.Arguments[0]} did not end in time and was killed");
    };
}
