using CsiLocal.Backends;
using CsiLocal.Native;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends;

public sealed class PoolFolderTests : IDisposable
{
    private const int Timeout = 10_000;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact(Timeout = Timeout)]
    public async Task A_new_pool_gets_an_identity_that_stays()
    {
        var path = _folder.Combine("pool");

        var first = Pool(path).Inspect();
        var second = Pool(path).Inspect();

        Assert.True(Guid.TryParse(first.Identity, out _));
        Assert.Equal(first, second);
        Assert.Equal(FilesystemStatus.Of(path).PoolFilesystemName, first.FilesystemName);
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task Folders_are_open_to_the_owner_only_even_if_they_were_not()
    {
        var path = _folder.Combine("pool");
        Pool(path).Inspect();
        File.SetUnixFileMode(Path.Combine(path, "volumes"), (UnixFileMode)0x1FF);

        Pool(path).Inspect();

        foreach (var folder in (string[])[path, Path.Combine(path, "volumes"), Path.Combine(path, "snapshots")])
            Assert.Equal((UnixFileMode)0b111_000_000, File.GetUnixFileMode(folder));
        Assert.Equal((UnixFileMode)0b110_000_000, File.GetUnixFileMode(Path.Combine(path, "pool.json")));
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task A_missing_parent_is_refused_and_not_made()
    {
        AssertRefused(Pool(_folder.Combine("missing", "pool")), "parent folder");

        Assert.False(Directory.Exists(_folder.Combine("missing")));
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task A_symlink_is_refused()
    {
        Directory.CreateDirectory(_folder.Combine("real"));
        File.CreateSymbolicLink(_folder.Combine("pool"), _folder.Combine("real"));

        AssertRefused(Pool(_folder.Combine("pool")), "symbolic link");
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Combine("real")));
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task A_symlink_in_place_of_a_folder_of_the_pool_is_refused()
    {
        Directory.CreateDirectory(_folder.Combine("pool"));
        Directory.CreateDirectory(_folder.Combine("elsewhere"));
        File.CreateSymbolicLink(_folder.Combine("pool", "volumes"), _folder.Combine("elsewhere"));

        AssertRefused(Pool(_folder.Combine("pool")), "symbolic link");
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task A_file_is_refused()
    {
        File.WriteAllText(_folder.Combine("pool"), "");

        AssertRefused(Pool(_folder.Combine("pool")), "not a folder");
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task A_folder_that_everybody_may_change_is_refused()
    {
        Directory.CreateDirectory(_folder.Combine("pool"));
        File.SetUnixFileMode(_folder.Combine("pool"), (UnixFileMode)0x1FF);

        AssertRefused(Pool(_folder.Combine("pool")), "writable by everybody");
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task A_file_system_that_cannot_carry_a_pool_is_refused()
    {
        AssertRefused(Pool($"/dev/shm/csilocal-tests-{Guid.NewGuid():N}", out var path), "file system of type 0x1021994");

        Directory.Delete(path);
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task Volumes_without_a_marker_are_refused()
    {
        var path = _folder.Combine("pool");
        Pool(path).Inspect();
        File.WriteAllText(Path.Combine(path, "volumes", "something"), "");
        File.Delete(Path.Combine(path, "pool.json"));

        AssertRefused(Pool(path), "mount is probably missing");

        Assert.False(File.Exists(Path.Combine(path, "pool.json")));
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task The_bare_mount_point_of_a_known_pool_answers_with_another_identity()
    {
        var path = _folder.Combine("pool");
        var known = Pool(path).Inspect();
        Directory.Move(path, _folder.Combine("unmounted"));
        Directory.CreateDirectory(path);

        Assert.NotEqual(known.Identity, Pool(path).Inspect().Identity);
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task A_pool_of_another_backend_is_refused()
    {
        var path = _folder.Combine("pool");
        Pool(path).Inspect();

        AssertRefused(new PoolFolder("p", BackendKind.Directory, path), "backend 'image'");
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task What_a_killed_run_was_writing_is_removed_from_a_pool_that_is_known()
    {
        var path = _folder.Combine("pool");
        var known = Pool(path).Inspect().Identity;
        var left = new[] { "volumes", "snapshots", "trash" }.Select(folder => Path.Combine(path, folder, $".{VolumeId.Mint("a")}.json.tmp")).ToList();
        var other = Path.Combine(path, "volumes", ".hidden");
        left.ForEach(static file => File.WriteAllText(file, "{"));
        File.WriteAllText(other, "");

        Pool(path).Inspect();
        Assert.All(left, static file => Assert.True(File.Exists(file)));
        Pool(path).Inspect(known);

        Assert.All(left, static file => Assert.False(File.Exists(file)));
        Assert.True(File.Exists(other));
        await Task.CompletedTask;
    }

    [Theory(Timeout = Timeout)]
    [InlineData("", "cannot be read")]
    [InlineData("[]", "cannot be read")]
    [InlineData("{\"schema\":1,\"backend\":\"image\"}", "lacks its schema or identity")]
    [InlineData("{\"schema\":2,\"backend\":\"image\",\"identity\":\"3c0ffee0-0000-4000-8000-000000000001\"}", "schema 2")]
    [InlineData("{\"schema\":1,\"backend\":{},\"identity\":\"3c0ffee0-0000-4000-8000-000000000001\"}", "field 'backend'")]
    public async Task A_damaged_marker_is_refused_and_kept(string marker, string fact)
    {
        var path = _folder.Combine("pool");
        Directory.CreateDirectory(path);
        File.WriteAllText(Path.Combine(path, "pool.json"), marker);

        AssertRefused(Pool(path), fact);

        Assert.Equal(marker, File.ReadAllText(Path.Combine(path, "pool.json")));
        await Task.CompletedTask;
    }

    private static PoolFolder Pool(string path) => new("p", BackendKind.Image, path);

    private static PoolFolder Pool(string given, out string path)
    {
        path = given;
        return Pool(given);
    }

    private static void AssertRefused(PoolFolder pool, string words)
    {
        var e = Assert.Throws<StorageException>(() => pool.Inspect());
        Assert.Equal(StorageError.Unavailable, e.Error);
        Assert.Contains(words, e.Describe(), StringComparison.Ordinal);
        Assert.NotNull(e.Remedy);
    }
}
