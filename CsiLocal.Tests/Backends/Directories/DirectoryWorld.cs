using System.Security.Cryptography;
using CsiLocal.Backends;
using CsiLocal.Backends.Directories;
using CsiLocal.Configuration;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Directories;

/// <summary>An inspected directory pool on a real file system: btrfs and xfs of its own, or the host's for "host".</summary>
internal sealed class DirectoryWorld : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private DirectoryWorld(LoopFilesystem? filesystem, QuotaMode quota)
    {
        Filesystem = filesystem;
        Options = new PoolOptions
        {
            Name = "dirs",
            Backend = BackendKind.Directory,
            Path = Path.Combine(filesystem?.Path ?? _folder.Path, "pool"),
            Quota = quota,
        };
        Backend = new DirectoryBackend(Options, Runner);
    }

    public LoopFilesystem? Filesystem { get; }

    public PoolOptions Options { get; }

    public RecordingRunner Runner { get; } = new();

    public DirectoryBackend Backend { get; }

    /// <summary>A folder outside the pool.</summary>
    public string Outside => _folder.Path;

    public RecordedProgress Progress { get; } = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>The pool not yet inspected.</summary>
    public static DirectoryWorld Prepare(string filesystem, QuotaMode quota, bool enableQuota = true)
    {
        var loop = (filesystem, quota) switch
        {
            ("host", _) => null,
            _ when !Machine.IsVm => new LoopFilesystem(filesystem, 512),
            ("xfs", QuotaMode.Auto) => new LoopFilesystem(filesystem, 512, [], "prjquota"),
            ("ext4", QuotaMode.Auto) => new LoopFilesystem(filesystem, 512, ["-O", "quota,project"], "prjquota"),
            _ => new LoopFilesystem(filesystem, 512),
        };
        if (filesystem == "btrfs" && enableQuota)
            HostCommand.Run("btrfs", "quota", "enable", loop!.Path);
        return new DirectoryWorld(loop, quota);
    }

    public static async Task<DirectoryWorld> MakeAsync(string filesystem, QuotaMode quota = QuotaMode.Auto)
    {
        var world = Prepare(filesystem, quota);
        await world.Backend.InspectAsync(knownIdentity: null, Token);
        return world;
    }

    public static VolumeRecord Record(string name, long sizeBytes = 64 * Records.MiB) => Records.Volume(name, sizeBytes, BackendKind.Directory);

    public async Task<VolumeRecord> CreateAsync(string name, long sizeBytes = 64 * Records.MiB)
    {
        var made = await Backend.CreateAsync(Record(name, sizeBytes), Token) with { State = VolumeState.Ready };
        Backend.WriteMetadata(made);
        return made;
    }

    public Task<SnapshotRecord> SnapshotAsync(string name, VolumeRecord source, bool inUse = false) =>
        Backend.CreateSnapshotAsync(Records.Snapshot(name, source), new CopySource { Volume = source, InUse = inUse }, Progress, Token);

    public Task<VolumeRecord> CloneAsync(string name, VolumeRecord source, long sizeBytes = 64 * Records.MiB) =>
        Backend.CreateFromAsync(Record(name, sizeBytes), new CopySource { Volume = source }, Progress, Token);

    public Task<VolumeRecord> RestoreAsync(string name, SnapshotRecord source, long sizeBytes = 64 * Records.MiB) =>
        Backend.CreateFromAsync(Record(name, sizeBytes), new CopySource { Snapshot = source }, Progress, Token);

    public string PathOf(VolumeRecord volume, params string[] parts) => Path.Combine([Backend.Location(volume), .. parts]);

    public string PathOf(SnapshotRecord snapshot, params string[] parts) => Path.Combine([Options.Path, "snapshots", snapshot.Id.Value, .. parts]);

    /// <summary>Writes random bytes and returns their checksum.</summary>
    public static string WriteRandom(string path, int sizeBytes)
    {
        var content = RandomNumberGenerator.GetBytes(sizeBytes);
        File.WriteAllBytes(path, content);
        return Convert.ToHexString(SHA256.HashData(content));
    }

    public static string Checksum(string path) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));

    /// <summary>Writes until the file system refuses; returns how many bytes it took, and the errno.</summary>
    public static (long Written, int Errno) Fill(string path, long atMost)
    {
        var block = RandomNumberGenerator.GetBytes(1 << 20);
        using var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.None, System.IO.FileOptions.WriteThrough);
        long written = 0;
        try
        {
            for (; written < atMost; written += block.Length)
                RandomAccess.Write(file, block, written);
            return (written, 0);
        }
        catch (IOException e)
        {
            return (written, e.HResult);
        }
    }

    /// <summary>Has everything counted: btrfs counts at its commits.</summary>
    public void Sync() => HostCommand.Run("sync", "--file-system", Options.Path);

    public void Dispose()
    {
        Runner.Dispose();
        Filesystem?.Dispose();
        _folder.Dispose();
    }
}
