using System.Security.Cryptography;
using CsiLocal.Backends.Lvm;
using CsiLocal.Tests.Support.Lvm;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Support;

/// <summary>A volume as another driver leaves it.</summary>
/// <param name="Source">As it is named to be adopted.</param>
/// <param name="Name">Its own.</param>
/// <param name="Digest">Of the file <c>file</c> in it.</param>
internal sealed record OthersVolume(string Source, string Name, string Digest);

/// <summary>Makes them where a pool's own volumes lie, with the tools and not with the driver.</summary>
internal static class Foreign
{
    public const string File = "file";

    private const int DataBytes = 1 << 20;

    /// <param name="pool">The driver has seen it.</param>
    /// <param name="name">As its driver would call it.</param>
    /// <param name="filesystem">On it; empty: none. Directories have no choice.</param>
    /// <param name="bytes">Of a device.</param>
    /// <param name="tags">Of a logical volume.</param>
    public static async Task<OthersVolume> MakeAsync(
        TestPool pool, string name, string filesystem = "ext4", long bytes = 32L << 20, params IReadOnlyList<string> tags)
    {
        using var content = new TemporaryFolder();
        var data = new byte[DataBytes];
        Random.Shared.NextBytes(data);
        await System.IO.File.WriteAllBytesAsync(content.Combine(File), data);
        var digest = Convert.ToHexString(SHA256.HashData(data));
        switch (pool)
        {
            case LvmPool lvm:
                await MakeLogicalVolumeAsync(lvm, name, bytes, tags);
                Format(filesystem, content.Path, lvm.World.NodeOf(name));
                return new OthersVolume($"{lvm.World.VolumeGroup}/{name}", name, digest);
            case { IsBlock: true }:
                var image = PathOf(pool, name);
                using (var file = System.IO.File.Create(image))
                    file.SetLength(bytes);
                Format(filesystem, content.Path, image);
                return new OthersVolume(image, name, digest);
            default:
                var folder = PathOf(pool, name);
                if (pool is BtrfsDirectoryPool)
                    HostCommand.Run("btrfs", "subvolume", "create", folder);
                else
                    Directory.CreateDirectory(folder);
                System.IO.File.Copy(content.Combine(File), Path.Combine(folder, File));
                Directory.CreateDirectory(Path.Combine(folder, "deep", "er"));
                System.IO.File.WriteAllText(Path.Combine(folder, "deep", "er", "note"), "kept");
                return new OthersVolume(folder, name, digest);
        }
    }

    /// <summary>A place in the pool's file system that is not the pool's.</summary>
    public static string PathOf(TestPool pool, string name)
    {
        var folder = Path.Combine(pool.Options.Path, "opt");
        Directory.CreateDirectory(folder);
        return Path.Combine(folder, name);
    }

    /// <summary>Whether it is where it was made, as it was.</summary>
    public static bool IsThere(TestPool pool, OthersVolume made) => pool is LvmPool lvm
        ? lvm.World.Volumes().Contains(made.Name) && !LvTags.AreOurs(lvm.World.TagsOf(made.Name))
        : Path.Exists(made.Source);

    /// <summary>Of all bytes of a device or image; of a directory, of its file.</summary>
    /// <param name="pool">Where it lies.</param>
    /// <param name="name">Its own, or the id that it has got.</param>
    public static async Task<string> RawDigestAsync(TestPool pool, string name)
    {
        var isId = VolumeId.TryParse(name, out _);
        var path = pool switch
        {
            LvmPool lvm => lvm.World.NodeOf(name),
            { IsBlock: true } => isId ? pool.ContentOf(name) : PathOf(pool, name),
            _ => Path.Combine(isId ? Path.Combine(pool.Options.Path, "volumes", name) : PathOf(pool, name), File),
        };
        await using var file = System.IO.File.Open(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        return Convert.ToHexString(await SHA256.HashDataAsync(file, TestContext.Current.CancellationToken));
    }

    /// <summary>The volume group of a pool, with its devices: what a command of the tests' own needs.</summary>
    public static async Task<VolumeGroupRef> GroupAsync(LvmPool pool)
    {
        var found = (await pool.World.MakeTool().ScanAsync(TestContext.Current.CancellationToken)).Single(group => group.Name == pool.World.VolumeGroup);
        return new VolumeGroupRef(found.Name, found.Uuid, found.Devices);
    }

    private static async Task MakeLogicalVolumeAsync(LvmPool pool, string name, long bytes, IReadOnlyList<string> tags)
    {
        var (tool, group, options) = (pool.World.MakeTool(), await GroupAsync(pool), pool.Options.Lvm!);
        if (options.ThinPool is { } thinPool)
            await tool.CreateThinAsync(group, thinPool, name, bytes, tags, TestContext.Current.CancellationToken);
        else
            await tool.CreateThickAsync(group, new ThickVolume { Name = name, SizeBytes = bytes, Tags = tags, Options = options }, TestContext.Current.CancellationToken);
    }

    private static void Format(string filesystem, string content, string device)
    {
        switch (filesystem)
        {
            case "":
                return;
            case "ext4":
                HostCommand.Run("mkfs.ext4", "-q", "-F", "-d", content, device);
                return;
            case "btrfs":
                HostCommand.Run("mkfs.btrfs", "-q", "-f", "--rootdir", content, device);
                return;
            case "swap":
                HostCommand.Run("mkswap", "-q", device);
                return;
            default:
                HostCommand.Run($"mkfs.{filesystem}", "-q", "-f", device);
                return;
        }
    }
}
