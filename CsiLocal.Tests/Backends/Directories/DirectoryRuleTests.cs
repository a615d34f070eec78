using CsiLocal.Backends.Directories;
using CsiLocal.Native;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Directories;

/// <summary>What needs no file system: refusals, the mount table, promises, the kernel's replies.</summary>
public sealed class DirectoryRuleTests
{
    private const long GiB = 1L << 30;

    [Theory]
    [InlineData("xfs", false, false, false, "built without CONFIG_XFS_QUOTA", "boot a kernel")]
    [InlineData("xfs", false, false, true, "xfs is mounted without them", "-o prjquota")]
    [InlineData("xfs", false, false, null, "xfs is mounted without them", "CONFIG_XFS_QUOTA")]
    [InlineData("xfs", true, false, true, "pqnoenforce", "-o prjquota")]
    [InlineData("ext4", false, false, false, "built without CONFIG_QFMT_V2", "boot a kernel")]
    [InlineData("ext4", false, false, true, "ext4 file system has none", "tune2fs -O project,quota")]
    [InlineData("ext4", true, false, null, "mounted without prjquota", "-o prjquota")]
    public void A_pool_without_enforced_project_quotas_is_refused_with_what_is_missing(
        string filesystem, bool accounting, bool enforcing, bool? built, string fact, string remedy)
    {
        var refusal = QuotaRefusal.ForProjects(filesystem, new ProjectQuotaState(accounting, enforcing), _ => built);

        Assert.Contains(fact, refusal!.Fact, StringComparison.Ordinal);
        Assert.Contains(remedy, refusal.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("xfs")]
    [InlineData("ext4")]
    public void Enforced_project_quotas_will_do_whatever_the_kernel_says_of_itself(string filesystem) =>
        Assert.Null(QuotaRefusal.ForProjects(filesystem, new ProjectQuotaState(Accounting: true, Enforcing: true), static _ => false));

    [Fact]
    public void Simple_quotas_are_refused_because_they_do_not_count_shared_data()
    {
        var refusal = QuotaRefusal.ForGroups("/pool", isOn: true, "squota");

        Assert.Contains("does not count shared data", refusal!.Fact, StringComparison.Ordinal);
        Assert.Null(QuotaRefusal.ForGroups("/pool", isOn: true, "qgroup"));
    }

    [Theory]
    [InlineData("CONFIG_XFS_QUOTA=y\n", true)]
    [InlineData("CONFIG_XFS_FS=m\nCONFIG_XFS_QUOTA=m\n", true)]
    [InlineData("CONFIG_XFS_QUOTA_DEBUG=y\n# CONFIG_XFS_QUOTA is not set\n", false)]
    [InlineData("", false)]
    public void A_kernel_option_is_built_in_a_module_or_absent(string config, bool expected) =>
        Assert.Equal(expected, KernelConfig.Has(config, "CONFIG_XFS_QUOTA"));

    [Theory]
    [InlineData("/srv/pool/volumes/va", "/srv/pool/volumes/va/mnt inside")]
    [InlineData("/srv/pool/volumes/vb", "/var/lib/kubelet/b")]
    [InlineData("/srv/pool/volumes/vc", "/var/lib/kubelet/c")]
    [InlineData("/srv/pool/volumes/v", null)]
    [InlineData("/srv/pool/volumes/vd", null)]
    [InlineData("/elsewhere", null)]
    public void A_directory_is_in_use_when_a_mount_lies_in_it_or_shows_it(string path, string? point)
    {
        // fs/proc_namespace.c: id, parent, device, root, point (space as \040), options, …
        string[] mountInfo =
        [
            "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
            "40 21 0:39 /@data /srv rw,relatime shared:20 - btrfs /dev/sdb rw,subvolid=256,subvol=/@data",
            "41 40 0:50 / /srv/pool/volumes/va/mnt\\040inside rw - tmpfs tmpfs rw",
            "42 21 0:39 /@data/pool/volumes/vb /var/lib/kubelet/b rw - btrfs /dev/sdb rw",
            "43 21 0:39 /@data/pool/volumes/vc/sub /var/lib/kubelet/c rw - btrfs /dev/sdb rw",
            "44 21 0:41 /@data/pool/volumes/vd /mnt/another/device rw - btrfs /dev/sdc rw",
        ];

        Assert.Equal(point, MountUse.Find(mountInfo, path));
    }

    [Fact]
    public void The_kernels_reply_on_quota_state_tells_counting_from_enforcing()
    {
        // struct fs_quota_stat of linux/dqblk_xfs.h: version 1, flags at byte 2, little-endian.
        var counting = new byte[80];
        counting[0] = 1;
        counting[2] = 0x10;
        var enforcing = (byte[])counting.Clone();
        enforcing[2] = 0x30;
        var users = (byte[])counting.Clone();
        users[2] = 0x03;

        Assert.Equal(new ProjectQuotaState(true, false), ProjectQuotaControl.ParseState(counting));
        Assert.Equal(new ProjectQuotaState(true, true), ProjectQuotaControl.ParseState(enforcing));
        Assert.Equal(default, ProjectQuotaControl.ParseState(users));
    }

    [Fact]
    public void Quota_numbers_are_read_and_limits_written_as_the_kernel_lays_them_out()
    {
        // struct if_dqblk of linux/quota.h: bhardlimit, bsoftlimit (1024-byte units), curspace (bytes), …, valid.
        var reply = new byte[72];
        BitConverter.TryWriteBytes(reply.AsSpan(0), 1048576UL);
        BitConverter.TryWriteBytes(reply.AsSpan(16), 123_456_789UL);
        var request = new byte[72];

        ProjectQuotaControl.FormatLimit(request, 5 * GiB);

        Assert.Equal(new ProjectQuotaNumbers(123_456_789, GiB), ProjectQuotaControl.ParseNumbers(reply));
        Assert.Equal(5 * GiB / 1024, BitConverter.ToInt64(request, 0));
        Assert.Equal(0, BitConverter.ToInt64(request, 8));
        Assert.Equal(1U, BitConverter.ToUInt32(request, 64));
    }

    [Fact(Timeout = 60_000)]
    public async Task A_project_is_inherited_by_what_is_made_in_its_directory()
    {
        // xfs keeps project ids even where the kernel has no quotas to count them with.
        using var filesystem = new LoopFilesystem("xfs", 512);
        var folder = Directory.CreateDirectory(Path.Combine(filesystem.Path, "v")).FullName;
        using (var directory = DirectoryDescriptor.Open(folder))
            ProjectQuotaControl.Assign(directory, 4711);

        using var child = DirectoryDescriptor.Open(Directory.CreateDirectory(Path.Combine(folder, "child")).FullName);

        Assert.Equal(4711U, ProjectQuotaControl.ProjectOf(child));
    }

    [Fact]
    public void What_is_promised_to_a_volume_is_what_it_has_not_got_to_itself()
    {
        var volume = DirectoryWorld.Record("a", 10 * GiB) with { State = VolumeState.Ready, SharedBytes = GiB };

        Assert.Equal(10 * GiB, DirectorySpace.Outstanding(volume, usage: null));
        Assert.Equal(8 * GiB, DirectorySpace.Outstanding(volume, new QuotaUsage(5 * GiB, 2 * GiB)));
        Assert.Equal(6 * GiB, DirectorySpace.Outstanding(volume, new QuotaUsage(5 * GiB, null)));
        Assert.Equal(15 * GiB, DirectorySpace.Outstanding(volume with { PendingSizeBytes = 20 * GiB, SharedBytes = 0 }, new QuotaUsage(5 * GiB, null)));
        Assert.Equal(0, DirectorySpace.Outstanding(volume with { State = VolumeState.Deleting }, new QuotaUsage(5 * GiB, null)));
    }

    [Fact]
    public void What_a_snapshot_shares_is_promised_once_more_only_where_nobody_counts_it()
    {
        var snapshot = Records.Snapshot("s", DirectoryWorld.Record("a")) with { SharedBytes = GiB };

        Assert.Equal(GiB, DirectorySpace.Outstanding(snapshot, new QuotaUsage(GiB, null)));
        Assert.Equal(0, DirectorySpace.Outstanding(snapshot, new QuotaUsage(GiB, 0)));
    }
}
