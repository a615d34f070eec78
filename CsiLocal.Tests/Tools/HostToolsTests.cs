using CsiLocal.Tools;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Tools;

public sealed class HostToolsTests
{
    [Theory]
    [InlineData(FilesystemType.Ext4)]
    [InlineData(FilesystemType.Xfs)]
    [InlineData(FilesystemType.Btrfs)]
    public void Every_filesystem_has_its_tools(object type)
    {
        Assert.Contains(HostTools.ForFilesystem((FilesystemType)type), tool => tool.Program.StartsWith("mkfs.", StringComparison.Ordinal));
    }

    [Fact]
    public void Missing_tools_are_named_with_the_package_to_install()
    {
        HostTool[] tools = [new("mount", "mount"), new("no-such-tool", "some-package"), new("nor-this", "some-package")];

        var e = Assert.Throws<StorageException>(() => HostTools.Require("stage volume v1", tools));

        Assert.Equal(StorageError.FailedPrecondition, e.Error);
        Assert.StartsWith("stage volume v1: no-such-tool, nor-this not found in ", e.Message, StringComparison.Ordinal);
        Assert.Equal("apt-get install some-package", e.Remedy);
    }

    [Fact]
    public void Programs_are_found_on_the_fixed_path_only()
    {
        Assert.EndsWith("/mount", SearchPath.Find("mount"), StringComparison.Ordinal);
        Assert.Null(SearchPath.Find("no-such-tool"));
        Assert.Null(SearchPath.Find("/tmp/no-such-tool"));
    }
}
