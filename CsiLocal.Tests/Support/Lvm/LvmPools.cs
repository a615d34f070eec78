using CsiLocal.Configuration;
using CsiLocal.Hosting;
using CsiLocal.Volumes;

namespace CsiLocal.Tests.Support.Lvm;

/// <summary>A pool of logical volumes: on the emulator, or in the microVM on the real thing.</summary>
public abstract class LvmPool : TestPool
{
    private protected LvmPool(int disks) => World = LvmWorld.Open(disks);

    internal LvmWorld World { get; }

    internal override bool IsBlock => true;

    internal override bool MakesDevices => false;

    internal override bool IsWatched => false;

    internal override DriverSeams Decorate(DriverSeams seams) => World.Decorate(seams);

    internal override IReadOnlyList<string> Volumes() => [.. World.Volumes().Where(static name => name[0] == 'v')];

    internal override IReadOnlyList<string> Snapshots() => [.. World.Volumes().Where(static name => name[0] == 's')];

    // Without tags: some of them are written late.
    internal override IReadOnlyList<string> Everything() => World.Volumes();

    internal override IReadOnlyList<string> DevicesInUse() => World.InUse();

    internal override string ContentOf(string id) => World.NodeOf(id);

    internal override void TakeAway(string id, string location) => World.Rename(id, $"{id}.gone");

    internal override void BringBack(string id, string location) => World.Rename($"{id}.gone", id);

    public override void Dispose()
    {
        World.Dispose();
        base.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>Linear volumes; copy-on-write snapshots with half of their volume set aside for them.</summary>
public class ThickLvmPool : LvmPool
{
    public ThickLvmPool()
        : this(disks: 1)
    {
    }

    private protected ThickLvmPool(int disks)
        : base(disks)
    {
    }

    internal override PoolOptions Options => new()
    {
        Name = "thick",
        Backend = BackendKind.Lvm,
        Lvm = new LvmPoolOptions { VolumeGroup = World.VolumeGroup, SnapshotReservePercent = 50 },
    };

    internal override bool SnapshotsNeedSource => true;

    internal override bool SnapshotsWhilePublished => true;

    /// <summary>What is added has to be zeroed first.</summary>
    internal override bool GrowsWhilePublished => false;
}

/// <summary>Each byte on two disks.</summary>
public sealed class MirroredLvmPool() : ThickLvmPool(disks: 2)
{
    internal override PoolOptions Options => base.Options with
    {
        Name = "mirrored",
        Lvm = base.Options.Lvm! with { Layout = LvmLayout.Raid1 },
    };
}

/// <summary>Thin volumes; the thin pool is made by the driver, and in the microVM stays for the next test.</summary>
public sealed class ThinLvmPool() : LvmPool(disks: 1)
{
    internal override PoolOptions Options => new()
    {
        Name = "thin",
        Backend = BackendKind.LvmThin,
        Lvm = new LvmPoolOptions { VolumeGroup = World.VolumeGroup, ThinPool = "pool0", ThinPoolSize = new ThinPoolSize(2L << 30, Percent: null) },
    };

    internal override bool InstantCopy => true;
}
