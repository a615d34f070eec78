using CsiLocal.Tests.Support.Lvm;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Faults;

/// <summary>An lvcreate that is killed while it clears the metadata of a RAID volume's images.</summary>
[Trait("Vm", "yes")]
public sealed class UnclearedMirrorTests : FaultTest<MirroredLvmPool>
{
    [Theory(Timeout = Limit)]
    [InlineData("go on")]
    [InlineData("restart")]
    [InlineData("lose the state")]
    public async Task It_is_removed_with_its_parts_and_the_repeated_call_makes_it(string then)
    {
        var name = VolumeId.Mint("data").Value;
        Faults.OnceLvm("lvcreate", async (command, run) =>
        {
            await run();
            Pool.World.Unclear(name);
            throw new ToolException(command, ToolFailure.TimedOut, "lvcreate did not end in time and was killed");
        });
        await EitherAsync(Controller.CreateVolumeAsync(Create("data", Mount())));
        Assert.Contains($"{name}_rmeta_0", Pool.World.Volumes());

        await GoOnAsync(then);
        if (then == "go on")
            await Assert.ThrowsAsync<RpcException>(() => UntilFreeAsync(() => Controller.CreateVolumeAsync(Create("data", Mount()))));

        Assert.Empty(Pool.World.Volumes());
        var made = await UntilFreeAsync(() => Controller.CreateVolumeAsync(Create("data", Mount())));
        await MountAsync(made.Volume);
        Assert.Equal([made.Volume.VolumeId], Pool.World.Volumes());
    }
}
