using CsiLocal.Configuration;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Configuration;

/// <summary>Pools of LVM: what is read, what does not fit together, and what two pools may share.</summary>
public sealed class LvmConfigurationTests
{
    private const string Thick = "backend: lvm, volumeGroup: v, ";
    private const string Thin = "backend: lvm-thin, volumeGroup: v, ";

    [Fact]
    public void Every_option_of_a_thick_pool_is_read()
    {
        var pool = Assert.Single(Parse(
            """
            pools:
              - name: bulk
                backend: lvm
                volumeGroup: hdd
                devices: [/dev/disk/by-id/ata-*, "/dev/sd[b-d]"]
                layout: raid10
                stripes: 3
                stripeSize: 128Ki
                copies: 2
                integrity: true
                discard: false
                reserve: 10Gi
            """));

        Assert.Equal(
            new PoolOptions
            {
                Name = "bulk",
                Backend = BackendKind.Lvm,
                ReserveBytes = 10L << 30,
                Lvm = new LvmPoolOptions
                {
                    VolumeGroup = "hdd",
                    Devices = new TextList("/dev/disk/by-id/ata-*", "/dev/sd[b-d]"),
                    Layout = LvmLayout.Raid10,
                    Stripes = 3,
                    StripeSizeBytes = 128 << 10,
                    Copies = 2,
                    Integrity = true,
                    Discard = false,
                },
            },
            pool);
        Assert.Equal("hdd", pool.Location);
    }

    [Fact]
    public void Every_option_of_a_thin_pool_is_read()
    {
        var pool = Assert.Single(Parse(
            """
            pools:
              - name: fast
                backend: lvm-thin
                volumeGroup: nvme
                thinPool: pool0
                thinPoolSize: 80%
                thinMetadataSize: 1Gi
                chunkSize: 192Ki
                stripes: 2
                stripeSize: 64Ki
                extendAt: 70%
                extendBy: 10%
                stopAt: 90%
                overprovision: 3
            """));

        Assert.Equal(
            new PoolOptions
            {
                Name = "fast",
                Backend = BackendKind.LvmThin,
                Overprovision = 3,
                Lvm = new LvmPoolOptions
                {
                    VolumeGroup = "nvme",
                    ThinPool = "pool0",
                    ThinPoolSize = new ThinPoolSize(Bytes: null, Percent: 80),
                    ThinMetadataBytes = 1L << 30,
                    ChunkBytes = 192 << 10,
                    Stripes = 2,
                    StripeSizeBytes = 64 << 10,
                    ExtendAtPercent = 70,
                    ExtendByPercent = 10,
                    StopAtPercent = 90,
                },
            },
            pool);
        Assert.Equal("nvme/pool0", pool.Location);
    }

    [Fact]
    public void A_pool_that_says_the_least_gets_the_defaults()
    {
        var pools = Parse(
            """
            pools:
              - { name: a, backend: lvm, volumeGroup: vg, snapshotReserve: 20% }
              - { name: b, backend: lvm-thin, volumeGroup: vg, thinPool: t, thinPoolSize: 5Gi }
            """);

        Assert.Equal(new LvmPoolOptions { VolumeGroup = "vg", SnapshotReservePercent = 20 }, pools[0].Lvm);
        Assert.Equal(
            new LvmPoolOptions { VolumeGroup = "vg", ThinPool = "t", ThinPoolSize = new ThinPoolSize(5L << 30, Percent: null) }, pools[1].Lvm);
    }

    [Theory]
    [InlineData("backend: lvm", "volumeGroup: is required")]
    [InlineData("backend: lvm, volumeGroup: a b", "volumeGroup: 'a b' is not a name of a volume group; write letters, digits,")]
    [InlineData("backend: lvm, volumeGroup: ..", "volumeGroup: '..' is not a name of a volume group;")]
    [InlineData(
        "backend: lvm, volumeGroup: a---------------------------------b", "volumeGroup: 68 characters, each '-' counted twice; at most 64 are possible")]
    [InlineData(Thick + "path: /srv", "path: is an option of image and directory pools; remove it")]
    [InlineData(Thick + "quota: none", "quota: is an option of directory pools; remove it")]
    [InlineData(Thick + "preallocate: true", "preallocate: is an option of image pools; remove it")]
    [InlineData(Thick + "thinPool: t", "thinPool: is an option of lvm-thin pools; remove it")]
    [InlineData(Thick + "stopAt: 90%", "stopAt: is an option of lvm-thin pools; remove it")]
    [InlineData("backend: image, path: /srv, volumeGroup: v", "volumeGroup: is an option of lvm and lvm-thin pools; remove it")]
    [InlineData(Thick + "overprovision: 2", "overprovision: the volumes of lvm pools have all of their space from the start;")]
    [InlineData(Thick + "layout: mirror", "layout: 'mirror' is not a layout; write linear, striped, raid1, raid5, raid6 or raid10")]
    [InlineData(Thick + "layout: mirror, stripes: 2", "layout: 'mirror' is not a layout;")]
    [InlineData(Thick + "stripes: 2", "stripes: layout linear has no stripes; remove it, or choose striped, raid5, raid6 or raid10")]
    [InlineData(Thick + "layout: raid1, stripeSize: 64Ki", "stripeSize: layout raid1 has no stripes; remove it,")]
    [InlineData(Thick + "layout: striped, stripes: 1", "stripes: striped has 2 to 128 data stripes, not 1")]
    [InlineData(Thick + "layout: raid6, stripes: 2", "stripes: raid6 has 3 to 62 data stripes, not 2")]
    [InlineData(Thick + "layout: raid5, stripes: many", "stripes: 'many' is not a number of devices; write 2 or more")]
    [InlineData(Thick + "layout: striped, stripeSize: 96Ki", "stripeSize: 96 KiB cannot be; write a power of two from 4Ki to 4Mi, such as 64Ki")]
    [InlineData(Thick + "copies: 2", "copies: layout linear has no copies; remove it, or choose raid1 or raid10")]
    [InlineData(Thick + "layout: raid1, copies: 1", "copies: 1 is out of range; write 2 to 10")]
    [InlineData(Thick + "layout: raid10, copies: 3", "copies: LVM's raid10 has 2 copies; write 2, or choose layout raid1")]
    [InlineData(Thick + "integrity: true", "integrity: a linear volume could find damage and not heal it; remove it, or choose a raid layout")]
    [InlineData(
        Thick + "layout: raid1, integrity: true, snapshotReserve: 20%",
        "snapshotReserve: LVM has no snapshots of RAID volumes with integrity; remove one of the two")]
    [InlineData(Thick + "snapshotReserve: 20", "snapshotReserve: '20' is not a percentage; write 20%")]
    [InlineData(Thick + "snapshotReserve: 0%", "snapshotReserve: 0% is out of range; write 1% to 100%")]
    [InlineData(Thick + "snapshotReserve: 101%", "snapshotReserve: 101% is out of range; write 1% to 100%")]
    [InlineData(Thick + "discard: on", "discard: 'on' is not true or false")]
    [InlineData("backend: lvm-thin, volumeGroup: v", "thinPool: is required")]
    [InlineData(Thin + "thinPool: x_tdata", "thinPool: 'x_tdata' is a name that LVM keeps for itself; choose another one")]
    [InlineData(Thin + "thinPool: pvmove1", "thinPool: 'pvmove1' is a name that LVM keeps for itself;")]
    [InlineData(Thin + "thinPool: vabcdefghijklmnopqrst", "thinPool: 'vabcdefghijklmnopqrst' has the form of a volume's id;")]
    [InlineData(Thin + "thinPool: t, layout: raid1", "layout: is an option of lvm pools; remove it")]
    [InlineData(Thin + "thinPool: t, thinPoolSize: 0%", "thinPoolSize: 0% is out of range; write 1% to 100%")]
    [InlineData(Thin + "thinPool: t, thinPoolSize: 0", "thinPoolSize: 0 bytes hold nothing;")]
    [InlineData(Thin + "thinPool: t, thinPoolSize: all", "thinPoolSize: 'all' is not a size or a percentage; write 100Gi or 80%")]
    [InlineData(
        Thin + "thinPool: t, chunkSize: 64Ki",
        "chunkSize: says how the thin pool is made, and without thinPoolSize it is not made; add that, or remove this")]
    [InlineData(
        Thin + "thinPool: t, thinPoolSize: 1Gi, chunkSize: 100Ki", "chunkSize: 100 KiB cannot be; write a multiple of 64Ki, at most 1Gi")]
    [InlineData(
        Thin + "thinPool: t, thinPoolSize: 1Gi, thinMetadataSize: 1Mi",
        "thinMetadataSize: 1 MiB cannot be; write 2Mi to 15Gi, or remove it for a size that fits")]
    [InlineData(Thin + "thinPool: t, thinPoolSize: 1Gi, stripeSize: 64Ki", "stripeSize: there is one stripe; add stripes, or remove it")]
    [InlineData(Thin + "thinPool: t, extendAt: 95%", "extendAt: the pool would stop at 95%, before it is extended at 95%;")]
    [InlineData(Thin + "thinPool: t, stopAt: 50%", "stopAt: the pool would stop at 50%, before it is extended at 80%;")]
    public void What_does_not_fit_is_told_with_its_remedy(string pool, string expected)
    {
        var problem = Assert.Single(ProblemsOf($"pools:\n  - {{name: a, {pool}}}\n"));

        Assert.StartsWith($"pools[0].{expected}", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nvme0n1", "'nvme0n1' is a relative path; write it from the root, beginning with '/'")]
    [InlineData("/sys/block/sda", "'/sys/block/sda' does not lie below /dev; write a pattern such as /dev/disk/by-id/nvme-*")]
    [InlineData("/dev", "'/dev' does not lie below /dev; write a pattern such as /dev/disk/by-id/nvme-*")]
    [InlineData("/dev/../etc/*", "'/dev/../etc/*' contains '..'; write the path without it")]
    [InlineData("/dev/disk//by-id/x", "'/dev/disk//by-id/x' has an empty part; write single slashes and no '.'")]
    [InlineData("/dev/*", "'/dev/*' is a pattern of all devices; begin with what they have in common, such as /dev/disk/by-id/nvme-*")]
    public void A_pattern_of_devices_stays_below_dev_and_names_some(string glob, string expected)
    {
        var problem = Assert.Single(ProblemsOf($"pools:\n  - {{name: a, {Thick}devices: [/dev/sdb, '{glob}']}}\n"));

        Assert.Equal($"pools[0].devices[1]: {expected}", problem);
    }

    [Fact]
    public void A_pool_that_is_extended_never_may_stop_anywhere()
    {
        var pool = Assert.Single(Parse("pools: [{name: a, backend: lvm-thin, volumeGroup: v, thinPool: t, extendAt: 100%, stopAt: 50%}]"));

        Assert.Equal((100, 50), (pool.Lvm!.ExtendAtPercent, pool.Lvm.StopAtPercent));
    }

    [Theory]
    [InlineData(Thick + "layout: raid1", Thick + "layout: linear")]
    [InlineData(Thick + "discard: true", Thin + "thinPool: t")]
    [InlineData(Thin + "thinPool: t", Thin + "thinPool: u")]
    [InlineData(Thin + "thinPool: t", "backend: lvm-thin, volumeGroup: w, thinPool: t")]
    [InlineData(Thick + "devices: [/dev/sda]", Thick + "devices: [/dev/sda]")]
    public void Pools_may_share_a_volume_group(string first, string second)
    {
        Assert.Empty(ProblemsOf($"pools:\n  - {{name: a, {first}}}\n  - {{name: b, {second}}}\n"));
    }

    [Theory]
    [InlineData(Thin + "thinPool: t", Thin + "thinPool: t", "thinPool: 'v/t' is also the thin pool of pools[0] in line 2")]
    [InlineData(
        Thick + "devices: [/dev/sda, /dev/sdb]", "backend: lvm, volumeGroup: w, devices: [/dev/sdb]",
        "devices: '/dev/sdb' is also among the devices of pools[0] in line 2, for volume group 'v'; name each disk for one volume group")]
    public void Pools_share_neither_a_thin_pool_nor_the_disks_of_two_groups(string first, string second, string expected)
    {
        var problem = Assert.Single(ProblemsOf($"pools:\n  - {{name: a, {first}}}\n  - {{name: b, {second}}}\n"));

        Assert.Equal($"pools[1].{expected}", problem);
    }

    private static IReadOnlyList<PoolOptions> Parse(string text) => ConfigurationFile.Parse(text, "c.yaml").Pools;

    private static IReadOnlyList<string> ProblemsOf(string text)
    {
        try
        {
            ConfigurationFile.Parse(text, "c.yaml");
            return [];
        }
        catch (ConfigurationException failure)
        {
            return [.. failure.Problems.Select(problem => $"{problem.OptionPath}: {problem.Message}")];
        }
    }
}
