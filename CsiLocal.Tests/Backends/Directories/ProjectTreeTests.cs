using CsiLocal.Backends.Directories;
using CsiLocal.Tests.Support;
using Xunit;

namespace CsiLocal.Tests.Backends.Directories;

public sealed class ProjectTreeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_directory_and_file_is_visited_once_and_nothing_that_is_only_pointed_to()
    {
        var root = _folder.Combine("root");
        foreach (var path in new[] { "", "a", "a/b", "c" })
            Directory.CreateDirectory(Path.Combine(root, path));
        foreach (var path in new[] { "1", "a/2", "a/b/3" })
            File.WriteAllText(Path.Combine(root, path), path);
        Directory.CreateDirectory(_folder.Combine("outside", "deep"));
        File.CreateSymbolicLink(Path.Combine(root, "link"), _folder.Combine("outside"));
        HostCommand.Run("mkfifo", Path.Combine(root, "pipe"));

        var (folders, files) = (new List<string>(), new List<string>());
        ProjectTree.Walk(root, folders.Add, files.Add, TestContext.Current.CancellationToken);

        Assert.Equal(root, folders[0]);
        Assert.Equal(["", "/a", "/a/b", "/c"], folders.Select(path => path[root.Length..]).Order(StringComparer.Ordinal));
        Assert.Equal(["/1", "/a/2", "/a/b/3"], files.Select(path => path[root.Length..]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void It_can_be_stopped()
    {
        using var stopped = new CancellationTokenSource();
        stopped.Cancel();
        Assert.Throws<OperationCanceledException>(() => ProjectTree.Walk(_folder.Path, static _ => { }, static _ => { }, stopped.Token));
    }
}
