using System.Runtime.InteropServices;
using CsiLocal.Backends.Directories;
using CsiLocal.Configuration;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Directories;

/// <summary>Plain directories without a quota, on a real xfs and on the host's file system (ext4 where this is developed).</summary>
public sealed class PlainDirectoryTests
{
    private const int Seconds60 = 60_000;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory(Timeout = Seconds60)]
    [InlineData("xfs", "CONFIG_XFS_QUOTA")]
    [InlineData("ext4", "CONFIG_QFMT_V2")]
    public async Task A_pool_that_asks_for_limits_the_kernel_cannot_give_is_refused_with_the_reason(string filesystem, string option)
    {
        Assert.SkipWhen(KernelConfig.Has(option) != false, $"this kernel has {option}, or does not tell");
        using var world = DirectoryWorld.Prepare(filesystem, QuotaMode.Auto);

        var refusal = await Assert.ThrowsAsync<StorageException>(() => world.Backend.InspectAsync(knownIdentity: null, Token));

        Assert.Equal(StorageError.Unavailable, refusal.Error);
        Assert.Contains(option, refusal.Message, StringComparison.Ordinal);
        Assert.Contains("quota: none", refusal.Remedy, StringComparison.Ordinal);
    }

    [Theory(Timeout = Seconds60)]
    [InlineData("xfs")]
    [InlineData("host")]
    public async Task Without_a_quota_nothing_is_promised_and_shrinking_is_refused(string filesystem)
    {
        using var world = await DirectoryWorld.MakeAsync(filesystem, QuotaMode.None);
        var volume = await world.CreateAsync("a");

        var space = world.Backend.MeasureSpace([volume], []);
        var refusal = await Assert.ThrowsAsync<StorageException>(() => world.Backend.ResizeAsync(volume, volume.SizeBytes / 2, Token));

        Assert.True(world.Backend.Features is { HardLimit: false, Shrink: false, InstantCopy: false, SnapshotWhileMounted: false });
        Assert.Equal(space.FreeBytes, space.AvailableBytes);
        Assert.Equal(StorageError.OutOfRange, refusal.Error);
        Assert.Equal(volume.SizeBytes * 2, await world.Backend.ResizeAsync(volume, volume.SizeBytes * 2, Token));
        Assert.Null(world.Backend.MeasureUsage(volume));
    }

    [Theory(Timeout = Seconds60)]
    [InlineData("xfs")]
    [InlineData("host")]
    public async Task Copies_keep_contents_links_and_attributes_and_outlive_their_source(string filesystem)
    {
        using var world = await DirectoryWorld.MakeAsync(filesystem, QuotaMode.None);
        var volume = await world.CreateAsync("a");
        var sum = DirectoryWorld.WriteRandom(world.PathOf(volume, "f"), 3_000_001);
        File.SetUnixFileMode(world.PathOf(volume), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.SetGroup);
        File.CreateSymbolicLink(world.PathOf(volume, "link"), "/etc/passwd");

        var snapshot = await world.SnapshotAsync("s", volume);
        var clone = await world.CloneAsync("c", volume);
        await world.Backend.DeleteAsync(volume, Token);
        var restored = await world.RestoreAsync("r", snapshot);
        await world.Backend.DeleteSnapshotAsync(snapshot, Token);

        foreach (var copy in (VolumeRecord[])[clone, restored])
        {
            Assert.Equal(sum, DirectoryWorld.Checksum(world.PathOf(copy, "f")));
            Assert.Equal("/etc/passwd", new FileInfo(world.PathOf(copy, "link")).LinkTarget);
            Assert.True(File.GetUnixFileMode(world.PathOf(copy)).HasFlag(UnixFileMode.SetGroup));
            await world.Backend.DeleteAsync(copy, Token);
        }

        Assert.Empty(world.Backend.List());
    }

    [Fact(Timeout = Seconds60)]
    public async Task A_published_source_is_not_copied_and_the_remedy_is_told()
    {
        using var world = await DirectoryWorld.MakeAsync("host", QuotaMode.None);
        var volume = await world.CreateAsync("a");

        var refusal = await Assert.ThrowsAsync<StorageException>(() => world.SnapshotAsync("s", volume, inUse: true));

        Assert.Equal(StorageError.FailedPrecondition, refusal.Error);
        Assert.Contains("unpublish it first", refusal.Remedy, StringComparison.Ordinal);
        Assert.Single(world.Backend.List());
    }

    [Fact(Timeout = Seconds60)]
    public async Task A_cancelled_copy_leaves_no_volume_and_starts_over_when_repeated()
    {
        using var world = await DirectoryWorld.MakeAsync("host", QuotaMode.None);
        var volume = await world.CreateAsync("a");
        var sum = DirectoryWorld.WriteRandom(world.PathOf(volume, "f"), 100_000);
        world.Runner.Instead = command => command.Program != "cp"
            ? null
            : throw LeavesHalfACopy(command.Arguments[^1]);

        await Assert.ThrowsAsync<OperationCanceledException>(() => world.CloneAsync("c", volume));
        var afterCancelling = Directory.Exists(world.PathOf(DirectoryWorld.Record("c")));
        world.Runner.Instead = static _ => null;
        var clone = await world.CloneAsync("c", volume);

        Assert.False(afterCancelling);
        Assert.Equal(sum, DirectoryWorld.Checksum(world.PathOf(clone, "f")));
        Assert.Equal(["f"], Directory.EnumerateFileSystemEntries(world.PathOf(clone)).Select(Path.GetFileName));
    }

    [Fact(Timeout = Seconds60)]
    public async Task A_copy_that_does_not_fit_says_so_and_gives_its_space_back()
    {
        using var world = await DirectoryWorld.MakeAsync("xfs", QuotaMode.None);
        var volume = await world.CreateAsync("a");
        world.Runner.Instead = command =>
        {
            if (command.Program != "cp")
                return null;
            var (_, errno) = DirectoryWorld.Fill(Path.Combine(command.Arguments[^1], "f"), long.MaxValue);
            return new ToolOutput(1, "", $"cp: error writing: {Marshal.GetPInvokeErrorMessage(errno)}");
        };

        var failure = await Assert.ThrowsAsync<StorageException>(() => world.CloneAsync("c", volume));

        Assert.Equal(StorageError.ResourceExhausted, failure.Error);
        Assert.Equal([world.PathOf(volume)], Directory.EnumerateDirectories(Path.Combine(world.Options.Path, "volumes")));
        await world.Backend.DeleteAsync(DirectoryWorld.Record("c"), Token);
        Assert.Equal(volume.Id, Assert.Single(world.Backend.List()).Volume!.Id);
    }

    [Fact(Timeout = Seconds60)]
    public async Task Deleting_follows_no_symbolic_link()
    {
        using var world = await DirectoryWorld.MakeAsync("host", QuotaMode.None);
        var outside = Directory.CreateDirectory(Path.Combine(world.Outside, "kept")).FullName;
        File.WriteAllText(Path.Combine(outside, "f"), "kept");
        var volume = await world.CreateAsync("a");
        File.CreateSymbolicLink(world.PathOf(volume, "link"), outside);

        await world.Backend.DeleteAsync(volume, Token);

        Assert.Equal("kept", File.ReadAllText(Path.Combine(outside, "f")));
        Assert.False(Directory.Exists(world.PathOf(volume)));
    }

    [Fact(Timeout = Seconds60)]
    public async Task A_pool_on_another_kind_of_file_system_is_refused()
    {
        var backend = new DirectoryBackend(
            new PoolOptions { Name = "p", Backend = BackendKind.Directory, Path = "/dev/shm/csilocal-tests-pool", Quota = QuotaMode.None },
            new RecordingRunner());
        try
        {
            var refusal = await Assert.ThrowsAsync<StorageException>(() => backend.InspectAsync(knownIdentity: null, Token));

            Assert.Equal(StorageError.Unavailable, refusal.Error);
        }
        finally
        {
            if (Directory.Exists("/dev/shm/csilocal-tests-pool"))
                Directory.Delete("/dev/shm/csilocal-tests-pool");
        }
    }

    private static OperationCanceledException LeavesHalfACopy(string destination)
    {
        File.WriteAllText(Path.Combine(destination, "half"), "written before the copy was stopped");
        return new OperationCanceledException();
    }
}
