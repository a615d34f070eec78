using CsiLocal.Filesystems;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Filesystems;

public sealed class SafePathsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly SafePaths _paths = new([], []);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("state")]
    [InlineData("state/below")]
    [InlineData(".")]
    public void Nothing_is_mounted_on_in_or_over_the_drivers_own_folders(string part)
    {
        var own = _folder.Combine("state");
        Directory.CreateDirectory(own);
        var paths = new SafePaths([], [own]);
        var path = part == "." ? _folder.Path : _folder.Combine(part.Split('/'));

        Assert.Contains(own, Refused(() => paths.OpenOrMake("target_path", path, TargetKind.Folder)), StringComparison.Ordinal);
        using var beside = paths.OpenOrMake("target_path", _folder.Combine("state-of-another"), TargetKind.Folder);
    }

    [Fact]
    public void A_missing_folder_is_made_once_for_root_and_group_only()
    {
        using (var first = _paths.OpenOrMake("target_path", _folder.Combine("a"), TargetKind.Folder))
            Assert.True(first.Created);
        using var second = _paths.OpenOrMake("target_path", _folder.Combine("a"), TargetKind.Folder);

        Assert.False(second.Created);
        Assert.True(second.Status.IsDirectory);
        Assert.Equal(0, (int)(second.Status.Permissions & (UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute)));
        Assert.Equal(_folder.Combine("a"), second.RealPath);
    }

    [Fact]
    public void A_missing_file_is_made_for_a_block_volume()
    {
        using var file = _paths.OpenOrMake("target_path", _folder.Combine("f"), TargetKind.File);

        Assert.True(file.Created);
        Assert.True(file.Status.IsRegular);
    }

    [Fact]
    public void The_path_for_others_leads_to_what_was_opened_even_when_the_name_is_swapped()
    {
        using var path = _paths.OpenOrMake("target_path", _folder.Combine("a"), TargetKind.Folder);
        Directory.Move(_folder.Combine("a"), _folder.Combine("b"));
        File.CreateSymbolicLink(_folder.Combine("a"), "/etc");

        File.WriteAllText($"{path.PathForOthers}/inside", "x");

        Assert.True(File.Exists(_folder.Combine("b", "inside")));
    }

    [Theory]
    [InlineData("link")]
    [InlineData("link/x")]
    [InlineData("real/link")]
    [InlineData("dangling")]
    public void No_component_may_be_a_symlink(string rest)
    {
        Directory.CreateDirectory(_folder.Combine("real", "x"));
        Directory.CreateSymbolicLink(_folder.Combine("link"), _folder.Combine("real"));
        Directory.CreateSymbolicLink(_folder.Combine("real", "link"), _folder.Combine("real", "x"));
        File.CreateSymbolicLink(_folder.Combine("dangling"), "/nowhere/at/all");

        foreach (var call in new Action[]
        {
            () => _paths.Find("target_path", _folder.Combine(rest)),
            () => _paths.OpenOrMake("target_path", _folder.Combine(rest), TargetKind.Folder),
            () => _paths.Remove("target_path", _folder.Combine(rest)),
        })
        {
            var e = Assert.Throws<StorageException>(call);

            Assert.Equal(StorageError.InvalidArgument, e.Error);
            Assert.StartsWith("target_path '/tmp/", e.Message, StringComparison.Ordinal);
            Assert.Contains("symbolic link", e.Message, StringComparison.Ordinal);
        }

        Assert.True(Directory.Exists(_folder.Combine("real", "x")));
    }

    [Fact]
    public void A_file_where_a_folder_is_due_is_refused_and_the_reverse()
    {
        File.WriteAllText(_folder.Combine("file"), "");
        Directory.CreateDirectory(_folder.Combine("folder"));

        Assert.Contains("is not a folder", Refused(() => _paths.OpenOrMake("f", _folder.Combine("file"), TargetKind.Folder)), StringComparison.Ordinal);
        Assert.Contains("is not a file", Refused(() => _paths.OpenOrMake("f", _folder.Combine("folder"), TargetKind.File)), StringComparison.Ordinal);
        Assert.Contains("not a folder", Refused(() => _paths.OpenOrMake("f", _folder.Combine("file", "x"), TargetKind.Folder)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_parent_is_refused_and_not_made()
    {
        Assert.Contains("parent folder does not exist", Refused(() => _paths.OpenOrMake("f", _folder.Combine("no", "x"), TargetKind.Folder)), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.Combine("no")));
    }

    [Fact]
    public void Nothing_there_is_not_an_error_when_looked_up_or_removed()
    {
        Assert.Null(_paths.Find("f", _folder.Combine("no", "x")));
        _paths.Remove("f", _folder.Combine("no", "x"));
        _paths.Remove("f", _folder.Combine("x"));
    }

    [Fact]
    public void Empty_targets_are_removed()
    {
        _paths.OpenOrMake("f", _folder.Combine("a"), TargetKind.Folder).Dispose();
        _paths.OpenOrMake("f", _folder.Combine("b"), TargetKind.File).Dispose();

        _paths.Remove("f", _folder.Combine("a"));
        _paths.Remove("f", _folder.Combine("b"));

        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Targets_that_hold_something_are_left_alone()
    {
        Directory.CreateDirectory(_folder.Combine("a", "b"));
        File.WriteAllText(_folder.Combine("f"), "data");

        Assert.Equal(StorageError.FailedPrecondition, Assert.Throws<StorageException>(() => _paths.Remove("f", _folder.Combine("a"))).Error);
        Assert.Equal(StorageError.FailedPrecondition, Assert.Throws<StorageException>(() => _paths.Remove("f", _folder.Combine("f"))).Error);
        Assert.Equal("data", File.ReadAllText(_folder.Combine("f")));
    }

    [Fact]
    public void With_publish_roots_only_what_lies_below_them_is_taken()
    {
        var rooted = new SafePaths([_folder.Combine("root") + "/", "/srv/other"], []);
        Directory.CreateDirectory(_folder.Combine("root"));

        rooted.OpenOrMake("f", _folder.Combine("root", "x"), TargetKind.Folder).Dispose();

        Assert.Contains("publishRoots", Refused(() => rooted.Check("f", _folder.Combine("rootx"))), StringComparison.Ordinal);
        Assert.Contains("publishRoots", Refused(() => rooted.Check("f", _folder.Combine("root"))), StringComparison.Ordinal);
        Assert.Contains("publishRoots", Refused(() => rooted.Check("f", "/mnt/x")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_publish_root_may_be_a_symlink_but_not_into_a_system_folder()
    {
        Directory.CreateDirectory(_folder.Combine("real"));
        Directory.CreateSymbolicLink(_folder.Combine("root"), _folder.Combine("real"));
        Directory.CreateSymbolicLink(_folder.Combine("bad"), "/usr");

        using var path = new SafePaths([_folder.Combine("root")], []).OpenOrMake("f", _folder.Combine("root", "x"), TargetKind.Folder);

        Assert.Equal(_folder.Combine("real", "x"), path.RealPath);
        Assert.Contains("system folder", Refused(() => new SafePaths([_folder.Combine("bad")], []).Find("f", _folder.Combine("bad", "bin"))), StringComparison.Ordinal);
    }

    private static string Refused(Action call)
    {
        var e = Assert.Throws<StorageException>(call);
        Assert.Equal(StorageError.InvalidArgument, e.Error);
        return e.Message;
    }
}
