using System.Security.Cryptography;
using System.Text;
using CsiLocal.Backends;
using CsiLocal.Backends.Directories;
using CsiLocal.Configuration;
using CsiLocal.Tests.Contracts;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Directories;

/// <summary>The contract for directory pools: content is a tree of files.</summary>
public abstract class DirectoryContract(string filesystem, bool limited) : BackendContract
{
    private DirectoryWorld _world = null!;

    public override async ValueTask InitializeAsync()
    {
        _world = DirectoryWorld.Prepare(filesystem, limited ? QuotaMode.Auto : QuotaMode.None, enableQuota: limited);
        await base.InitializeAsync();
    }

    public override ValueTask DisposeAsync()
    {
        _world.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    private protected override IStorageBackend MakeBackend() => new DirectoryBackend(_world.Options, _world.Runner);

    private protected override VolumeRecord NewVolume(string name) => DirectoryWorld.Record(name) with { ProjectId = ProjectOf(name) };

    private protected override SnapshotRecord NewSnapshot(string name, VolumeRecord source) => Records.Snapshot(name, source) with { ProjectId = ProjectOf(name) };

    // Allotted by the caller, and unique: the tests' names differ in their first letter.
    private uint? ProjectOf(string name) => Backend.Features.NeedsProjectId ? 1000u + name[0] : null;

    private protected override Task WriteAsync(VolumeRecord volume, int seed)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Backend.Location(volume), $"folder {seed}")).FullName;
        for (var i = 1; i <= 5; i++)
            File.WriteAllText(Path.Combine(folder, $"{i}"), new string((char)('a' + seed), i * 100_000));
        return Task.CompletedTask;
    }

    private protected override Task LoseMetadataAsync(TrashRecord item)
    {
        File.Delete(Path.Combine(_world.Options.Path, "trash", $"{item.Id}.json"));
        return Task.CompletedTask;
    }

    private protected override Task<string> DigestAsync(VolumeRecord volume)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var root = Backend.Location(volume);
        foreach (var path in Directory.EnumerateFileSystemEntries(root, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(Path.GetRelativePath(root, path)));
            if (File.Exists(path))
                hash.AppendData(File.ReadAllBytes(path));
        }

        return Task.FromResult(Convert.ToHexString(hash.GetHashAndReset()));
    }
}

public sealed class BtrfsContract() : DirectoryContract("btrfs", limited: true);

public sealed class BtrfsWithoutLimitsContract() : DirectoryContract("btrfs", limited: false);

[Trait("Needs", "vm")]
public sealed class XfsQuotaContract() : DirectoryContract("xfs", limited: true);

[Trait("Needs", "vm")]
public sealed class Ext4QuotaContract() : DirectoryContract("ext4", limited: true);

public sealed class XfsContract() : DirectoryContract("xfs", limited: false);

public sealed class HostContract() : DirectoryContract("host", limited: false);
