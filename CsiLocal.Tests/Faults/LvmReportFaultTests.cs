using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using Xunit;

namespace CsiLocal.Tests.Faults;

public sealed class LvmReportFaultsOnThick : LvmReportFaultTests<ThickLvmPool>;

public sealed class LvmReportFaultsOnThin : LvmReportFaultTests<ThinLvmPool>;

/// <summary>A report that fails outside of any call, when the driver starts. Those within a call are points of the sweep.</summary>
public abstract class LvmReportFaultTests<TPool> : FaultTest<TPool>
    where TPool : LvmPool, new()
{
    private protected override void Prepare(TestDriver driver)
    {
        base.Prepare(driver);
        driver.Seams = driver.Seams with { PoolRetry = TimeSpan.FromMilliseconds(200) };
    }

    [Theory(Timeout = Limit)]
    [InlineData("failed before")]
    [InlineData("failed after")]
    [InlineData("killed after")]
    public async Task A_pool_that_cannot_be_read_when_the_driver_starts_is_tried_again(string fault)
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume);
        Write(Path.Combine(target, "file"), seed: 3);
        var digest = Digest(Path.Combine(target, "file"));
        await UnmountAsync(volume, target);

        Faults.OnceLvm("fullreport", Fault(fault));
        await Driver.RestartAsync();
        while ((await Controller.GetCapacityAsync(new())).AvailableCapacity == 0)
            await Task.Delay(20, TestContext.Current.CancellationToken);

        await MountAsync(volume);
        Assert.Equal(digest, Digest(Path.Combine(target, "file")));
        await UnmountAsync(volume, target);
        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });
        Assert.Empty(Pool.World.Volumes());
    }
}
