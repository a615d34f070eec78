using System.Globalization;
using CsiLocal.Tests.Support;
using Xunit;

namespace CsiLocal.Tests.Vm;

/// <summary>The guest of scripts/vm is the machine that the tests of this tier count on: kernel, udev, LVM and quotas are real.</summary>
[Trait("Needs", "vm")]
public sealed class MachineTests
{
    private const int Limit = 120_000;

    [Theory(Timeout = Limit)]
    [InlineData("dm_thin_pool", "thin-pool")]
    [InlineData("dm_snapshot", "snapshot")]
    [InlineData("dm_raid", "raid")]
    [InlineData("dm_integrity", "integrity")]
    [InlineData("dm_cache_smq", "cache")]
    [InlineData("dm_writecache", "writecache")]
    [InlineData("dm_crypt", "crypt")]
    public async Task The_kernel_maps_devices(string module, string target)
    {
        await LoopDevice.RunAsync("modprobe", module);

        var targets = await LoopDevice.RunAsync("dmsetup", "targets");

        Assert.Contains(targets.Split('\n'), line => line.StartsWith($"{target} ", StringComparison.Ordinal));
    }

    [Fact(Timeout = Limit)]
    public async Task A_disk_is_blank_and_has_a_lasting_name()
    {
        using var disks = BlankDisks.Take(1);

        await using var stream = File.OpenRead(disks.Paths[0]);
        var head = new byte[1 << 20];
        await stream.ReadExactlyAsync(head, TestContext.Current.CancellationToken);

        Assert.InRange(long.Parse(HostCommand.Run("blockdev", "--getsize64", disks.Paths[0]), CultureInfo.InvariantCulture), 1L << 30, 1L << 40);
        Assert.Equal(-1, head.AsSpan().IndexOfAnyExcept((byte)0));
        Assert.Contains(
            Directory.GetFiles("/dev/disk/by-id", "virtio-csilocal*"),
            name => File.ResolveLinkTarget(name, returnFinalTarget: true)?.FullName == disks.Paths[0]);
    }

    [Fact(Timeout = Limit)]
    public async Task Udev_names_a_logical_volume_before_lvcreate_returns()
    {
        using var group = new VolumeGroup();

        var path = group.Create("linear", "--size", "64m");

        var target = File.ResolveLinkTarget(path, returnFinalTarget: true);
        Assert.StartsWith("/dev/dm-", target?.FullName, StringComparison.Ordinal);
        var uuid = await File.ReadAllTextAsync($"/sys/block/{target!.Name}/dm/uuid", TestContext.Current.CancellationToken);
        Assert.Equal(target.FullName, File.ResolveLinkTarget($"/dev/disk/by-id/dm-uuid-{uuid.Trim()}", returnFinalTarget: true)?.FullName);
    }

    [Fact(Timeout = Limit)]
    public async Task A_thin_snapshot_keeps_what_its_origin_held()
    {
        using var group = new VolumeGroup();
        HostCommand.Run("lvcreate", "--quiet", "--yes", "--type", "thin-pool", "--size", "512m", "--name", "pool", group.Name);
        HostCommand.Run("lvcreate", "--quiet", "--thin", "--virtualsize", "1g", "--name", "origin", $"{group.Name}/pool");
        await WriteAsync($"/dev/{group.Name}/origin", 1);

        HostCommand.Run("lvcreate", "--quiet", "--snapshot", "--setactivationskip", "n", "--name", "copy", $"{group.Name}/origin");
        await WriteAsync($"/dev/{group.Name}/origin", 2);

        Assert.Equal(1, await ReadAsync($"/dev/{group.Name}/copy"));
        Assert.Equal(2, await ReadAsync($"/dev/{group.Name}/origin"));
    }

    [Theory(Timeout = Limit)]
    [InlineData("xfs", "No space left on device")]
    [InlineData("ext4", "Disk quota exceeded", "-O", "quota,project", "-E", "quotatype=prjquota")]
    public void A_project_quota_ends_a_write(string type, string expected, params string[] features)
    {
        using var group = new VolumeGroup();
        using var folder = new TemporaryFolder();
        var device = group.Create("quota", "--size", "512m");
        HostCommand.Run($"mkfs.{type}", ["-q", .. features, device]);
        HostCommand.Run("mount", "-o", "prjquota", device, folder.Path);
        try
        {
            var project = Directory.CreateDirectory(folder.Combine("project")).FullName;
            HostCommand.Run("chmod", "0777", project);
            HostCommand.Run("chattr", "-p", "42", "+P", project);
            HostCommand.Run("setquota", "-P", "42", "0", "4096", "0", "0", folder.Path);

            var error = Assert.Throws<InvalidOperationException>(() => WriteAsNobody($"{project}/large"));

            Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        }
        finally
        {
            HostCommand.Unmount(folder.Path);
        }
    }

    [Fact(Timeout = Limit)]
    public async Task Ext4_grows_while_it_is_mounted()
    {
        using var group = new VolumeGroup();
        using var folder = new TemporaryFolder();
        var device = group.Create("grows", "--size", "256m");
        HostCommand.Run("mkfs.ext4", "-q", device);
        HostCommand.Run("mount", device, folder.Path);
        try
        {
            await File.WriteAllTextAsync(folder.Combine("file"), "kept", TestContext.Current.CancellationToken);
            var before = new DriveInfo(folder.Path).TotalSize;

            HostCommand.Run("lvextend", "--quiet", "--size", "1g", "--resizefs", $"{group.Name}/grows");

            Assert.InRange(new DriveInfo(folder.Path).TotalSize, before * 3, 1L << 30);
            Assert.Equal("kept", await File.ReadAllTextAsync(folder.Combine("file"), TestContext.Current.CancellationToken));
        }
        finally
        {
            HostCommand.Unmount(folder.Path);
        }
    }

    // Root is above the limits of ext4 (CAP_SYS_RESOURCE).
    private static void WriteAsNobody(string path) =>
        HostCommand.Run("setpriv", "--reuid=65534", "--clear-groups", "dd", "if=/dev/zero", $"of={path}", "bs=1M", "count=8");

    private static async Task WriteAsync(string device, byte value)
    {
        await using var stream = new FileStream(device, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        await stream.WriteAsync(new[] { value }, TestContext.Current.CancellationToken);
        stream.Flush(flushToDisk: true);
    }

    private static async Task<int> ReadAsync(string device)
    {
        await using var stream = new FileStream(device, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        var value = new byte[1];
        await stream.ReadExactlyAsync(value, TestContext.Current.CancellationToken);
        return value[0];
    }
}
