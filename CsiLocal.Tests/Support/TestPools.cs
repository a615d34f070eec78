using CsiLocal.Configuration;

namespace CsiLocal.Tests.Support;

/// <summary>Image files on the host's own file system, ext4 as a rule: snapshots are copies.</summary>
public sealed class ImagePool : TestPool
{
    internal override PoolOptions Options => Image(Path.Combine(Folder, "pool"));

    internal override bool IsBlock => true;

    internal override string ContentOf(string id) => Path.Combine(Options.Path, id[0] == 'v' ? "volumes" : "snapshots", $"{id}.img");
}

/// <summary>Image files on xfs: snapshots are reflinks.</summary>
public sealed class XfsImagePool : TestPool
{
    private readonly LoopFilesystem filesystem = new("xfs", 2048);

    internal override PoolOptions Options => Image(filesystem.Path);

    internal override bool IsBlock => true;

    internal override string ContentOf(string id) => Path.Combine(Options.Path, id[0] == 'v' ? "volumes" : "snapshots", $"{id}.img");

    internal override bool InstantCopy => true;

    public override void Dispose()
    {
        filesystem.Dispose();
        base.Dispose();
    }
}

/// <summary>btrfs subvolumes with qgroups: hard limits and instant snapshots.</summary>
public sealed class BtrfsDirectoryPool : TestPool
{
    private readonly LoopFilesystem filesystem = new("btrfs", 2048);

    public BtrfsDirectoryPool() => HostCommand.Run("btrfs", "quota", "enable", filesystem.Path);

    internal override PoolOptions Options => Directory(filesystem.Path, QuotaMode.Auto);

    internal override bool IsBlock => false;

    internal override bool InstantCopy => true;

    public override void Dispose()
    {
        filesystem.Dispose();
        base.Dispose();
    }
}

/// <summary>Plain directories without limits.</summary>
public sealed class PlainDirectoryPool : TestPool
{
    internal override PoolOptions Options => Directory(Path.Combine(Folder, "pool"), QuotaMode.None);

    internal override bool IsBlock => false;

    internal override bool SnapshotsWhileMounted => false;

    internal override bool HardLimit => false;
}

/// <summary>Directories on xfs or ext4 with a project quota each: needs a kernel that was built with quotas.</summary>
public abstract class QuotaDirectoryPool : TestPool
{
    private readonly LoopFilesystem filesystem;

    private protected QuotaDirectoryPool(string type, params string[] mkfsOptions)
    {
        Xunit.Assert.SkipUnless(Machine.IsVm, "needs a kernel with project quotas: scripts/vm");
        filesystem = new LoopFilesystem(type, 2048, mkfsOptions, "prjquota");
    }

    internal override PoolOptions Options => Directory(filesystem.Path, QuotaMode.Auto);

    internal override bool IsBlock => false;

    public override void Dispose()
    {
        filesystem.Dispose();
        base.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>xfs with project quotas; snapshots are reflinks, file by file.</summary>
public sealed class XfsQuotaDirectoryPool() : QuotaDirectoryPool("xfs")
{
    internal override bool SnapshotsWhileMounted => false;
}

/// <summary>ext4 with project quotas; snapshots are copies.</summary>
public sealed class Ext4QuotaDirectoryPool() : QuotaDirectoryPool("ext4", "-O", "quota,project")
{
    internal override bool LimitsRoot => false;

    internal override bool SnapshotsWhileMounted => false;
}
