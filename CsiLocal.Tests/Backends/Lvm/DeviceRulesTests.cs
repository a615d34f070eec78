using CsiLocal.Backends.Lvm;
using CsiLocal.Native;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class DeviceRulesTests
{
    private static readonly DeviceCandidate Disk = new()
    {
        Device = new MatchedDevice("/dev/sdb", 1, IsExact: false),
        Info = new BlockDeviceInfo { Name = "sdb", SizeBytes = 1L << 40 },
    };

    private static readonly DeviceCandidate Partition = Disk with { Info = Disk.Info with { Name = "sdb1", Disk = "sdb" } };

    public static TheoryData<string, string> LeftAlone => new()
    {
        { "no medium", "has no medium" },
        { "partitions", "has partitions: sdb1, sdb2" },
        { "partition of a matched disk", "is a partition of sdb, which 'devices' matches too" },
        { "mounted", "is mounted at /srv" },
        { "swap", "is swap space" },
        { "holders", "is used by dm-0, md127" },
        { "logical volume", "is a logical volume" },
        { "logical volume named in full", "is a logical volume" },
        { "loop", "is a loop device; name it in full if it is meant" },
        { "our volume named in full", "is a volume of this driver" },
        { "our snapshot named in full", "is a volume of this driver" },
        { "removable", "has a removable medium; name it in full if it is meant" },
        { "read-only", "is read-only" },
        { "zones", "has host-managed zones, which LVM cannot use" },
        { "ram", "is memory, whose content is lost without power" },
        { "zram", "is memory, whose content is lost without power" },
        { "small", "has 1073741823 bytes, less than 1 GiB" },
        { "twin", "is the same disk as /dev/sdc; set up multipath and name its device" },
    };

    public static TheoryData<string> Taken =>
        ["disk", "partition", "1 GiB", "loop named in full", "removable named in full", "multipath", "encrypted", "partition of a disk with others"];

    [Theory]
    [MemberData(nameof(LeftAlone))]
    public void Is_left_alone(string device, string reason) => Assert.Equal(reason, DeviceRules.WhyNot(Named(device)));

    [Theory]
    [MemberData(nameof(Taken))]
    public void May_be_taken_where_it_is_blank(string device) => Assert.Null(DeviceRules.WhyNot(Named(device)));

    private static DeviceCandidate Named(string text) => text switch
    {
        "disk" => Disk,
        "partition" => Partition,
        "partition of a disk with others" => Partition with { Info = Partition.Info with { Name = "sdb7" } },
        "1 GiB" => With(static info => info with { SizeBytes = 1L << 30 }),
        "loop named in full" => Exact(With(static info => info with { Name = "loop7", LoopFile = "/srv/disk.img" })),
        "removable named in full" => Exact(With(static info => info with { IsRemovable = true })),
        "multipath" => With(static info => info with { Name = "dm-3", DmUuid = "mpath-3600" }),
        "encrypted" => With(static info => info with { Name = "dm-3", DmUuid = "CRYPT-LUKS2-0-disk" }),

        "no medium" => With(static info => info with { SizeBytes = 0 }),
        "partitions" => With(static info => info with { Partitions = ["sdb1", "sdb2"] }),
        "partition of a matched disk" => Partition with { IsDiskMatched = true },
        "mounted" => Disk with { MountedAt = "/srv" },
        "swap" => Disk with { IsSwap = true },
        "holders" => With(static info => info with { Holders = ["dm-0", "md127"] }),
        "logical volume" => With(static info => info with { Name = "dm-0", DmUuid = "LVM-abc" }),
        "logical volume named in full" => Exact(With(static info => info with { Name = "dm-0", DmUuid = "LVM-abc" })),
        "loop" => With(static info => info with { Name = "loop7", LoopFile = "/srv/disk.img" }),
        "our volume named in full" => Exact(With(static info => info with { Name = "loop7", LoopFile = $"/pool/volumes/{VolumeId.Mint("pvc-1")}.img" })),
        "our snapshot named in full" => Exact(With(static info => info with { Name = "loop7", LoopFile = $"/pool/snapshots/{SnapshotId.Mint("snap-1")}.img" })),
        "removable" => With(static info => info with { IsRemovable = true }),
        "read-only" => With(static info => info with { IsReadOnly = true }),
        "zones" => With(static info => info with { Zones = "host-managed" }),
        "ram" => With(static info => info with { Name = "ram0" }),
        "zram" => With(static info => info with { Name = "zram0" }),
        "small" => With(static info => info with { SizeBytes = (1L << 30) - 1 }),
        "twin" => Disk with { Twin = "/dev/sdc" },
        _ => throw new ArgumentOutOfRangeException(nameof(text), text, null),
    };

    private static DeviceCandidate With(Func<BlockDeviceInfo, BlockDeviceInfo> change) => Disk with { Info = change(Disk.Info) };

    private static DeviceCandidate Exact(DeviceCandidate candidate) => candidate with { Device = candidate.Device with { IsExact = true } };
}
