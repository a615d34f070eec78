using CsiLocal.Configuration;
using CsiLocal.Hosting;
using CsiLocal.Volumes;

namespace CsiLocal.Tests.Support;

/// <summary>A pool for one test, with what it needs from the host, and a view of it from outside of the driver; removed afterwards.</summary>
public abstract class TestPool : IDisposable
{
    private readonly TemporaryFolder folder = new();

    internal string Folder => folder.Path;

    internal abstract PoolOptions Options { get; }

    /// <summary>Volumes are block devices with a file system of their own.</summary>
    internal abstract bool IsBlock { get; }

    /// <summary>A snapshot can be taken while the volume is mounted.</summary>
    internal virtual bool SnapshotsWhileMounted => true;

    /// <summary>A snapshot can be taken while the volume is published as a raw block device.</summary>
    internal virtual bool SnapshotsWhilePublished => InstantCopy;

    /// <summary>A raw block volume can grow while somebody has it open.</summary>
    internal virtual bool GrowsWhilePublished => true;

    /// <summary>A snapshot lives on its volume's blocks: the volume goes last.</summary>
    internal virtual bool SnapshotsNeedSource => false;

    /// <summary>A snapshot shares its blocks with the volume and takes an instant.</summary>
    internal virtual bool InstantCopy => false;

    /// <summary>The size of a volume stops a writer.</summary>
    internal virtual bool HardLimit => true;

    /// <summary>Root is stopped, too (ext4 lets CAP_SYS_RESOURCE pass its quotas).</summary>
    internal virtual bool LimitsRoot => true;

    /// <summary>A staged raw block volume has a device that is made for it; false: the volume is a device.</summary>
    internal virtual bool MakesDevices => true;

    /// <summary>What others do to the pool is seen at the next look; false: at the next start, or after some minutes.</summary>
    internal virtual bool IsWatched => true;

    /// <summary>What stands between the driver and the host for this pool; on top of what the test has put there.</summary>
    internal virtual DriverSeams Decorate(DriverSeams seams) => seams;

    /// <summary>Whatever lies where volumes do: empty when all were deleted.</summary>
    internal virtual IReadOnlyList<string> Volumes() => Entries("volumes");

    /// <summary>Whatever lies where snapshots do: empty when all were deleted.</summary>
    internal virtual IReadOnlyList<string> Snapshots() => Entries("snapshots");

    /// <summary>All there is in the pool, its own things too, to be compared.</summary>
    internal virtual IReadOnlyList<string> Everything() =>
        [.. System.IO.Directory.EnumerateFileSystemEntries(Options.Path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    /// <summary>Devices of volumes that somebody uses, ours or not: empty when all were unstaged.</summary>
    internal virtual IReadOnlyList<string> DevicesInUse() => TestDriver.LoopDevicesOf([Options]);

    /// <summary>The bytes of a volume or snapshot, to be read and written behind the driver's back.</summary>
    internal virtual string ContentOf(string id) => throw new InvalidOperationException($"{Options.Name} has no raw bytes");

    /// <summary>Takes a volume away behind the driver's back.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="location">Where the driver says that it lies.</param>
    internal virtual void TakeAway(string id, string location) => Move(location, location + ".gone");

    /// <summary>Undoes <see cref="TakeAway"/>.</summary>
    internal virtual void BringBack(string id, string location) => Move(location + ".gone", location);

    public virtual void Dispose()
    {
        folder.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected static PoolOptions Image(string path) => new() { Name = "images", Backend = BackendKind.Image, Path = path };

    private protected static PoolOptions Directory(string path, QuotaMode quota) =>
        new() { Name = "folders", Backend = BackendKind.Directory, Path = path, Quota = quota };

    private string[] Entries(string name) => [.. System.IO.Directory.EnumerateFileSystemEntries(Path.Combine(Options.Path, name))];

    private static void Move(string from, string to)
    {
        if (System.IO.Directory.Exists(from))
            System.IO.Directory.Move(from, to);
        else
            File.Move(from, to);
    }
}
