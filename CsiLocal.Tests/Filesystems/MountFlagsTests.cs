using CsiLocal.Filesystems;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Filesystems;

public sealed class MountFlagsTests
{
    private const int Limit = 10_000;

    [Theory(Timeout = Limit)]
    [InlineData(null, "")]
    [InlineData(null, "ro|nosuid|nodev|noexec|noatime|nodiratime|relatime|strictatime|nosymfollow")]
    [InlineData(null, "data=journal|allocsize=64k|compress=zstd:3")]
    [InlineData("Ext4", "discard|data=writeback|errors=remount-ro|commit=30|barrier=0|init_itable|init_itable=10|lazytime|prjquota")]
    [InlineData("Xfs", "discard|allocsize=1m|logbufs=8|logbsize=256k|inode64|largeio|sunit=128|swidth=512|wsync")]
    [InlineData("Btrfs", "compress|compress=lzo|compress-force=zlib:9|discard=async|space_cache=v2|nodatacow|thread_pool=8|max_inline=2k")]
    public void Allowed_flags_are_kept_in_their_order(string? filesystem, string flags)
    {
        var list = flags.Split('|', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(list, MountFlags.Parse(Type(filesystem), list));
    }

    [Fact(Timeout = Limit)]
    public void Defaults_and_repeats_are_dropped() =>
        Assert.Equal(["ro", "noatime"], MountFlags.Parse(null, ["defaults", "ro", "noatime", "ro"]));

    [Theory(Timeout = Limit)]
    [InlineData(null, "")]
    [InlineData(null, " ro")]
    [InlineData(null, "ro,bind")]
    [InlineData(null, "ro\n")]
    [InlineData(null, "ro\0")]
    [InlineData(null, "RO")]
    [InlineData(null, "ro=")]
    [InlineData(null, "-o")]
    [InlineData(null, "bind")]
    [InlineData(null, "rbind")]
    [InlineData(null, "move")]
    [InlineData(null, "remount")]
    [InlineData(null, "loop")]
    [InlineData(null, "loop=/dev/loop0")]
    [InlineData(null, "offset=4096")]
    [InlineData(null, "sizelimit=1")]
    [InlineData(null, "x-systemd.automount")]
    [InlineData(null, "X-mount.mkdir=0777")]
    [InlineData(null, "X-mount.subdir=../..")]
    [InlineData(null, "helper=sh")]
    [InlineData(null, "uhelper=sh")]
    [InlineData(null, "user")]
    [InlineData(null, "users")]
    [InlineData(null, "owner")]
    [InlineData(null, "group")]
    [InlineData(null, "uid=0")]
    [InlineData(null, "gid=0")]
    [InlineData(null, "shared")]
    [InlineData(null, "rprivate")]
    [InlineData(null, "nofail")]
    [InlineData(null, "_netdev")]
    [InlineData(null, "mand")]
    [InlineData(null, "context=system_u:object_r:tmp_t:s0")]
    [InlineData("Ext4", "norecovery")]
    [InlineData("Ext4", "noload")]
    [InlineData("Ext4", "abort")]
    [InlineData("Ext4", "sb=8193")]
    [InlineData("Ext4", "errors=panic")]
    [InlineData("Ext4", "resuid=1000")]
    [InlineData("Ext4", "journal_path=/dev/sda")]
    [InlineData("Ext4", "usrjquota=../../etc/passwd")]
    [InlineData("Ext4", "commit=-1")]
    [InlineData("Ext4", "commit=5 ")]
    [InlineData("Ext4", "data=ordered,bind")]
    [InlineData("Ext4", "compress=zstd")]
    [InlineData("Xfs", "nouuid")]
    [InlineData("Xfs", "norecovery")]
    [InlineData("Xfs", "logdev=/dev/sda")]
    [InlineData("Xfs", "rtdev=/dev/sda")]
    [InlineData("Xfs", "logbufs=9")]
    [InlineData("Xfs", "data=journal")]
    [InlineData("Btrfs", "subvol=/")]
    [InlineData("Btrfs", "subvolid=5")]
    [InlineData("Btrfs", "device=/dev/sda")]
    [InlineData("Btrfs", "degraded")]
    [InlineData("Btrfs", "rescue=all")]
    [InlineData("Btrfs", "usebackuproot")]
    [InlineData("Btrfs", "nologreplay")]
    [InlineData("Btrfs", "fatal_errors=panic")]
    [InlineData("Btrfs", "compress=zstd:99")]
    [InlineData("Btrfs", "compress=zstd:3:4")]
    public void Anything_else_is_refused(string? filesystem, string flag)
    {
        var e = Assert.Throws<StorageException>(() => MountFlags.Parse(Type(filesystem), ["ro", flag]));

        Assert.Equal(StorageError.InvalidArgument, e.Error);
        Assert.StartsWith("volume_capability.mount.mount_flags: '", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(e.Message, char.IsControl);
        Assert.Contains("noatime", e.Remedy, StringComparison.Ordinal);
    }

    [Fact(Timeout = Limit)]
    public void Directory_volume_takes_only_what_a_bind_mount_honours()
    {
        MountFlags.RequirePerMount(MountFlags.PerMount);

        var e = Assert.Throws<StorageException>(() => MountFlags.RequirePerMount(["ro", "discard"]));

        Assert.Equal(StorageError.InvalidArgument, e.Error);
        Assert.Contains("'discard'", e.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Limit)]
    public void Flags_split_into_those_of_the_mount_and_those_of_the_file_system()
    {
        var (perMount, ofFilesystem) = MountFlags.Split(["noatime", "discard", "ro", "lazytime"]);

        Assert.Equal(["noatime", "ro"], perMount);
        Assert.Equal(["discard", "lazytime"], ofFilesystem);
    }

    private static FilesystemType? Type(string? name) => name is null ? null : Enum.Parse<FilesystemType>(name);
}
