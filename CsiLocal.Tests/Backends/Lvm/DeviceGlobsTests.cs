using CsiLocal.Backends.Lvm;
using CsiLocal.Tests.Support;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class DeviceGlobsTests
{
    [Theory]
    [InlineData("sda", "sda", true)]
    [InlineData("sda", "sdb", false)]
    [InlineData("sd*", "sda1", true)]
    [InlineData("sd*", "sd", true)]
    [InlineData("sd?", "sda", true)]
    [InlineData("sd?", "sda1", false)]
    [InlineData("sd?", "sd", false)]
    [InlineData("nvme*n1", "nvme0n1", true)]
    [InlineData("nvme*n1", "nvme0n1p1", false)]
    [InlineData("nvme*n1*", "nvme0n1p1", true)]
    [InlineData("*-part*", "wwn-0x5-part1", true)]
    [InlineData("sd[b-d]", "sdc", true)]
    [InlineData("sd[b-d]", "sde", false)]
    [InlineData("sd[!b-d]", "sde", true)]
    [InlineData("sd[!b-d]", "sdc", false)]
    [InlineData("sd[^a]", "sdb", true)]
    [InlineData("sd[abx-z]", "sdy", true)]
    [InlineData("sd[a-]", "sd-", true)]
    [InlineData("sd[]]", "sd]", true)]
    [InlineData("sd[", "sd[", true)]
    [InlineData("*", ".hidden", false)]
    [InlineData(".h*", ".hidden", true)]
    [InlineData("", "", true)]
    [InlineData("", "a", false)]
    [InlineData("*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false)]
    public void A_pattern_matches_as_in_the_shell(string pattern, string name, bool matches) =>
        Assert.Equal(matches, DeviceGlobs.Matches(pattern, name));

    [Fact]
    public async Task Links_lead_to_their_device_and_each_device_comes_once()
    {
        using var folder = new TemporaryFolder();
        await using var loop = await LoopDevice.CreateAsync(folder, 1 << 20);
        using var dev = new DevFolder();
        File.CreateSymbolicLink(dev.Combine("disk-one"), loop.Path);
        File.CreateSymbolicLink(dev.Combine("disk-uno"), $"../{Path.GetFileName(loop.Path)}");
        File.CreateSymbolicLink(dev.Combine("disk-file"), loop.File);
        File.CreateSymbolicLink(dev.Combine("disk-null"), "/dev/null");
        File.CreateSymbolicLink(dev.Combine("disk-dangling"), "/dev/none");
        File.WriteAllText(dev.Combine("disk-plain"), "");
        Directory.CreateDirectory(dev.Combine("disk-folder"));

        var caught = Assert.Single(DeviceGlobs.Expand([dev.Combine("disk-*")]));
        var meant = Assert.Single(DeviceGlobs.Expand([dev.Combine("disk-*"), loop.Path, dev.Combine("disk-none")]));

        Assert.Equal((loop.Path, loop.Attachment.DeviceNumber, false), (caught.Path, caught.Number, caught.IsExact));
        Assert.True(meant.IsExact);
    }

    [Fact]
    public async Task No_folder_on_the_way_may_be_a_link()
    {
        using var folder = new TemporaryFolder();
        await using var loop = await LoopDevice.CreateAsync(folder, 1 << 20);
        using var dev = new DevFolder();
        Directory.CreateDirectory(dev.Combine("real"));
        File.CreateSymbolicLink(dev.Combine("real", "disk"), loop.Path);
        Directory.CreateSymbolicLink(dev.Combine("linked"), dev.Combine("real"));
        Directory.CreateSymbolicLink(dev.Combine("away"), folder.Path);
        File.CreateSymbolicLink(folder.Combine("disk"), loop.Path);

        Assert.Single(DeviceGlobs.Expand([dev.Combine("real", "*")]));
        Assert.Single(DeviceGlobs.Expand([dev.Combine("rea?", "disk")]));
        Assert.Empty(DeviceGlobs.Expand([dev.Combine("linked", "*"), dev.Combine("link*", "disk"), dev.Combine("away", "disk"), dev.Combine("real", "..", "real", "disk")]));
        Assert.Empty(DeviceGlobs.Expand([dev.Combine("none", "*"), dev.Combine("none")]));
    }

    /// <summary>Below /dev, where patterns have to be.</summary>
    private sealed class DevFolder : IDisposable
    {
        private readonly string _path = $"/dev/csilocal-tests-{Guid.NewGuid():N}";

        public DevFolder() => Directory.CreateDirectory(_path);

        public string Combine(params string[] parts) => Path.Join([_path, .. parts]);

        public void Dispose() => Directory.Delete(_path, recursive: true);
    }
}
