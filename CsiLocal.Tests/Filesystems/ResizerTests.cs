using CsiLocal.Filesystems;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Filesystems;

public sealed class ResizerTests : IDisposable
{
    private const int Limit = 60_000;

    private readonly RecordingCommandRunner _commands = new();
    private readonly Resizer _resizer;

    public ResizerTests() => _resizer = new Resizer(_commands);

    // ext4_resize_begin asks for CAP_SYS_RESOURCE (24).
    private static bool MayGrowExt4 => (Convert.ToUInt64(
        File.ReadLines("/proc/self/status").First(static line => line.StartsWith("CapEff:", StringComparison.Ordinal))["CapEff:".Length..].Trim(), 16) & (1UL << 24)) != 0;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _commands.Dispose();

    [Theory(Timeout = Limit)]
    [InlineData("Ext4", 64, 200)]
    [InlineData("Ext4", 200, 201)]
    [InlineData("Xfs", 300, 400)]
    [InlineData("Xfs", 300, 301)]
    [InlineData("Btrfs", 128, 300)]
    [InlineData("Btrfs", 300, 301)]
    public async Task Grown_device_is_filled(string type, int fromMiB, int toMiB)
    {
        Assert.SkipWhen(type == "Ext4" && !MayGrowExt4, "this process lacks CAP_SYS_RESOURCE, without which the kernel grows no mounted ext4");
        using var image = new LoopImage(Enum.Parse<FilesystemType>(type), fromMiB);
        image.Mount();
        var before = FilesystemUsage.Of(image.Path);
        image.Grow(toMiB);

        await _resizer.GrowAsync("expand volume v", image.Attachment, image.Type, image.Path, Token);
        await _resizer.GrowAsync("expand volume v", image.Attachment, image.Type, image.Path, Token);

        Assert.InRange(_commands.Commands.Count, 1, image.Type == FilesystemType.Ext4 ? 1 : 2);
        Assert.True(FilesystemUsage.Of(image.Path).TotalBytes - before.TotalBytes >= ((toMiB - fromMiB) << 20) * 0.8);
    }

    [Fact(Timeout = Limit)]
    public async Task Btrfs_that_the_kernel_would_not_grow_is_left_as_it_is()
    {
        using var image = new LoopImage(FilesystemType.Btrfs, 128);
        image.Mount();
        image.Grow(255);

        await _resizer.GrowAsync("expand volume v", image.Attachment, image.Type, image.Path, Token);

        Assert.Empty(_commands.Commands);
    }

    [Theory(Timeout = Limit)]
    [InlineData("Ext4", 20)]
    [InlineData("Ext4", 129)]
    [InlineData("Ext4", 1025)]
    [InlineData("Xfs", 300)]
    [InlineData("Xfs", 511)]
    [InlineData("Xfs", 1027)]
    [InlineData("Btrfs", 128)]
    [InlineData("Btrfs", 511)]
    public async Task Fresh_file_system_fills_its_device_already(string type, int sizeMiB)
    {
        using var image = new LoopImage(Enum.Parse<FilesystemType>(type), sizeMiB);
        image.Mount();

        await _resizer.GrowAsync("expand volume v", image.Attachment, image.Type, image.Path, Token);

        Assert.Empty(_commands.Commands);
    }

    [Fact(Timeout = Limit)]
    public async Task Failed_tool_is_reported_with_what_it_said()
    {
        using var image = new LoopImage(FilesystemType.Xfs, 320);
        image.Mount();
        image.Grow(400);
        _commands.Answer = static _ => new ToolOutput(1, "", "xfs_growfs: XFS_IOC_FSGROWFSDATA xfsctl failed: No space left on device\n");

        var e = await Assert.ThrowsAsync<StorageException>(() => _resizer.GrowAsync("expand volume v", image.Attachment, image.Type, image.Path, Token));

        Assert.Equal(StorageError.Internal, e.Error);
        Assert.Contains("No space left on device", e.Message, StringComparison.Ordinal);
    }
}
