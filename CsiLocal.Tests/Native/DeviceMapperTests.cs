using CsiLocal.Native;
using CsiLocal.Tests.Support;
using Xunit;

namespace CsiLocal.Tests.Native;

/// <summary>What can be seen without device-mapper; the rest is in Vm/.</summary>
public sealed class DeviceMapperTests
{
    [Fact]
    public void Kernel_without_it_is_said_with_the_remedy()
    {
        Assert.SkipWhen(File.ReadAllText("/proc/misc").Contains("device-mapper", StringComparison.Ordinal), "this machine has device-mapper");

        var e = Assert.Throws<NativeException>(new DeviceMapper().Probe);

        Assert.Contains("dm_mod", e.Message, StringComparison.Ordinal);
        Assert.Contains("mount the host's /dev", e.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task Node_is_only_what_leads_to_that_block_device()
    {
        using var folder = new TemporaryFolder();
        await using var device = await LoopDevice.CreateAsync(folder, 1 << 20);
        var link = folder.Combine("link");
        File.CreateSymbolicLink(link, device.Path);
        var number = device.Attachment.DeviceNumber;

        Assert.True(DeviceMapper.LeadsTo(device.Path, number));
        Assert.True(DeviceMapper.LeadsTo(link, number));
        Assert.False(DeviceMapper.LeadsTo(device.Path, number + 1));
        Assert.False(DeviceMapper.LeadsTo(device.File, number));
        Assert.False(DeviceMapper.LeadsTo(folder.Combine("none"), number));
    }
}
