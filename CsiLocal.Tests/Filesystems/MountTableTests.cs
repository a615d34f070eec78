using System.Diagnostics;
using System.Text;
using CsiLocal.Filesystems;
using CsiLocal.Native;
using Xunit;

namespace CsiLocal.Tests.Filesystems;

public sealed class MountTableTests
{
    private const string Captured =
        """
        22 27 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw
        27 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
        90 27 7:3 / /var/lib/kubelet/plugins/x/globalmount rw,relatime shared:40 master:3 propagate_from:2 - ext4 /dev/loop3 rw
        91 27 7:3 / /mnt/with\040space\011tab rw,relatime - ext4 /dev/loop3 rw
        92 27 7:3 /sub\134dir /mnt/b ro,nosuid,relatime - ext4 /dev/loop3 rw
        93 92 7:300 / /mnt/b rw,relatime - xfs /dev/loop300 rw,attr2,inode64,logbufs=8,logbsize=32k,noquota
        94 27 0:6 /loop7 /mnt/block rw,nosuid shared:2 - devtmpfs udev rw,size=1k
        95 27 0:44 / /mnt/with#hash rw,relatime - btrfs /dev/loop9 ro,subvol=/
        96 27 8:1 / /mnt/bb rw - ext4 /dev/sda1 rw

        """;

    [Fact]
    public void A_mount_is_found_by_its_exact_path()
    {
        var mount = MountTable.Parse(Captured).FindAt("/var/lib/kubelet/plugins/x/globalmount");

        Assert.Equal(
            new MountEntry(90, 27, FileStatus.MakeDevice(7, 3), "/", "/var/lib/kubelet/plugins/x/globalmount", "rw,relatime", "ext4", "/dev/loop3", "rw") { IsShared = true },
            mount);
        Assert.Null(MountTable.Parse(Captured).FindAt("/var/lib/kubelet/plugins/x"));
        Assert.Null(MountTable.Parse(Captured).FindAt("/mnt"));
    }

    [Fact]
    public void The_topmost_of_stacked_mounts_is_the_one_seen()
    {
        var table = MountTable.Parse(Captured);

        Assert.Equal(93, table.FindAt("/mnt/b")!.Id);
        Assert.Equal(2, table.CountAt("/mnt/b"));
        Assert.Equal(FileStatus.MakeDevice(7, 300), table.FindAt("/mnt/b")!.DeviceNumber);
    }

    [Fact]
    public void Octal_escapes_are_understood_both_ways()
    {
        var table = MountTable.Parse(Captured);

        Assert.Equal(91, table.FindAt("/mnt/with space\ttab")!.Id);
        Assert.Equal("/mnt/with space\ttab", table.FindAt("/mnt/with space\ttab")!.Path);
        Assert.Equal(95, table.FindAt("/mnt/with#hash")!.Id);
        Assert.Equal("/sub\\dir", table.OfDevice(FileStatus.MakeDevice(7, 3))[2].Root);
    }

    [Fact]
    public void All_mounts_of_a_device_are_found()
    {
        Assert.Equal([90, 91, 92], MountTable.Parse(Captured).OfDevice(FileStatus.MakeDevice(7, 3)).Select(mount => mount.Id));
        Assert.Empty(MountTable.Parse(Captured).OfDevice(FileStatus.MakeDevice(7, 4)));
    }

    [Fact]
    public void Mounts_below_a_path_do_not_include_neighbours_with_the_same_beginning()
    {
        Assert.Empty(MountTable.Parse(Captured).Below("/mnt/b"));
        Assert.Equal(6, MountTable.Parse(Captured).Below("/mnt").Count);
    }

    [Fact]
    public void The_mount_a_path_lies_on_is_the_nearest_above()
    {
        Assert.Equal(93, MountTable.Parse(Captured).FindContaining("/mnt/b/x/y")!.Id);
        Assert.Equal(27, MountTable.Parse(Captured).FindContaining("/srv/x")!.Id);
    }

    [Fact]
    public void Read_only_is_a_matter_of_the_mount_or_of_its_file_system()
    {
        var table = MountTable.Parse(Captured);

        Assert.True(table.FindAt("/mnt/with#hash")!.IsReadOnly);
        Assert.False(table.FindAt("/mnt/bb")!.IsReadOnly);
        Assert.True(table.OfDevice(FileStatus.MakeDevice(7, 3))[2].IsReadOnly);
    }

    [Fact]
    public void The_real_table_has_a_root()
    {
        Assert.NotNull(MountTable.Read().FindAt("/"));
    }

    [Fact]
    public void Two_thousand_mounts_are_searched_in_under_a_millisecond_without_garbage()
    {
        var text = new StringBuilder();
        for (var i = 0; i < 2000; i++)
            text.Append($"{i} 1 7:{i} / /var/lib/kubelet/pods/{Guid.NewGuid()}/volumes/kubernetes.io~csi/pvc-{i}/mount rw,relatime shared:{i} - ext4 /dev/loop{i} rw\n");
        text.Append("5000 1 8:1 / /wanted rw - ext4 /dev/sda1 rw\n");
        var table = MountTable.Parse(text.ToString());
        table.FindAt("/wanted");

        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var best = TimeSpan.MaxValue;
        for (var i = 0; i < 20; i++)
        {
            var started = Stopwatch.GetTimestamp();
            Assert.Equal(5000, table.FindAt("/wanted")!.Id);
            best = Stopwatch.GetElapsedTime(started) < best ? Stopwatch.GetElapsedTime(started) : best;
        }

        Assert.True(best < TimeSpan.FromMilliseconds(1), $"{best}");
        Assert.True((GC.GetAllocatedBytesForCurrentThread() - allocated) / 20 < 2000);
    }
}
