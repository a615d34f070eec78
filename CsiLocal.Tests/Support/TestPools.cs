using CsiLocal.Configuration;
using CsiLocal.Volumes;

namespace CsiLocal.Tests.Support;

/// <summary>A pool for one test, with what it needs from the host; removed afterwards.</summary>
public abstract class TestPool : IDisposable
{
    private readonly TemporaryFolder folder = new();

    internal string Folder => folder.Path;

    internal abstract PoolOptions Options { get; }

    /// <summary>Volumes are block devices with a file system of their own.</summary>
    internal abstract bool IsBlock { get; }

    /// <summary>A snapshot can be taken while the volume is mounted.</summary>
    internal virtual bool SnapshotsWhileMounted => true;

    /// <summary>A snapshot shares its blocks with the volume and takes an instant.</summary>
    internal virtual bool InstantCopy => false;

    /// <summary>The size of a volume stops a writer.</summary>
    internal virtual bool HardLimit => true;

    public virtual void Dispose()
    {
        folder.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected static PoolOptions Image(string path) => new() { Name = "images", Backend = BackendKind.Image, Path = path };

    private protected static PoolOptions Directory(string path, QuotaMode quota) =>
        new() { Name = "folders", Backend = BackendKind.Directory, Path = path, Quota = quota };
}

/// <summary>Image files on the host's own file system, ext4 as a rule: snapshots are copies.</summary>
public sealed class ImagePool : TestPool
{
    internal override PoolOptions Options => Image(Path.Combine(Folder, "pool"));

    internal override bool IsBlock => true;
}

/// <summary>Image files on xfs: snapshots are reflinks.</summary>
public sealed class XfsImagePool : TestPool
{
    private readonly LoopFilesystem filesystem = new("xfs", 2048);

    internal override PoolOptions Options => Image(filesystem.Path);

    internal override bool IsBlock => true;

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
