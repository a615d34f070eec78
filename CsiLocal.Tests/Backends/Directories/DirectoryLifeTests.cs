using CsiLocal.Configuration;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Directories;

/// <summary>Rules that hold for subvolumes and plain directories alike: repeated calls, crashes half-way, and what is not ours.</summary>
public sealed class DirectoryLifeTests
{
    private const int Seconds60 = 60_000;
    private const UnixFileMode Mode0755 = (UnixFileMode)0b111_101_101;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory(Timeout = Seconds60)]
    [InlineData("btrfs")]
    [InlineData("xfs")]
    [InlineData("host")]
    public async Task A_new_volume_is_empty_with_mode_0755_and_creating_it_again_changes_nothing(string filesystem)
    {
        using var world = await MakeAsync(filesystem);
        var volume = await world.Backend.CreateAsync(DirectoryWorld.Record("a", 5_000_001), Token);
        File.WriteAllText(world.PathOf(volume, "f"), "kept");

        var again = await world.Backend.CreateAsync(DirectoryWorld.Record("a", 5_000_001), Token);

        Assert.Equal(5_001_216, volume.SizeBytes);
        Assert.Equal(volume.SizeBytes, again.SizeBytes);
        Assert.Equal(Mode0755, File.GetUnixFileMode(world.PathOf(volume)));
        Assert.Equal("kept", File.ReadAllText(world.PathOf(volume, "f")));
    }

    [Theory(Timeout = Seconds60)]
    [InlineData("btrfs")]
    [InlineData("xfs")]
    public async Task A_creation_that_died_half_way_starts_over(string filesystem)
    {
        using var world = await MakeAsync(filesystem);
        var volume = await world.CreateAsync("a");
        File.WriteAllText(world.PathOf(volume, "half"), "made before the crash");
        Directory.Move(world.PathOf(volume), Leftover(world, volume, "new"));
        world.Backend.WriteMetadata(volume with { State = VolumeState.Creating });

        await world.Backend.CreateAsync(DirectoryWorld.Record("a"), Token);

        Assert.Empty(Directory.EnumerateFileSystemEntries(world.PathOf(volume)));
        Assert.False(Directory.Exists(Leftover(world, volume, "new")));
    }

    [Theory(Timeout = Seconds60)]
    [InlineData("btrfs")]
    [InlineData("xfs")]
    public async Task A_deletion_that_died_half_way_is_finished_by_the_next(string filesystem)
    {
        using var world = await MakeAsync(filesystem);
        var volume = await world.CreateAsync("a");
        File.WriteAllText(world.PathOf(volume, "rest"), "not yet removed");
        Directory.Move(world.PathOf(volume), Leftover(world, volume, "removed"));

        var found = Assert.Single(world.Backend.List());
        await world.Backend.DeleteAsync(volume, Token);

        Assert.Equal((volume.Id, false), (found.Volume!.Id, found.HasData));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(world.Options.Path, "volumes")));
    }

    [Fact(Timeout = Seconds60)]
    public async Task A_volume_of_another_size_under_the_same_name_is_refused_and_kept()
    {
        using var world = await MakeAsync("host");
        var volume = await world.CreateAsync("a");
        File.WriteAllText(world.PathOf(volume, "f"), "of the first");

        var refusal = await Assert.ThrowsAsync<StorageException>(() =>
            world.Backend.CreateAsync(DirectoryWorld.Record("a", volume.SizeBytes * 2), Token));

        Assert.Equal(StorageError.DataLoss, refusal.Error);
        Assert.Equal("of the first", File.ReadAllText(world.PathOf(volume, "f")));
    }

    [Fact(Timeout = Seconds60)]
    public async Task A_volume_whose_deletion_was_begun_is_not_made_again()
    {
        using var world = await MakeAsync("host");
        var volume = await world.CreateAsync("a");
        world.Backend.WriteMetadata(volume with { State = VolumeState.Deleting });

        var refusal = await Assert.ThrowsAsync<StorageException>(() => world.Backend.CreateAsync(DirectoryWorld.Record("a"), Token));

        Assert.Equal(StorageError.FailedPrecondition, refusal.Error);
    }

    [Theory(Timeout = Seconds60)]
    [InlineData("btrfs")]
    [InlineData("xfs")]
    public async Task A_symbolic_link_named_like_a_volume_is_never_followed(string filesystem)
    {
        using var world = await MakeAsync(filesystem);
        var volume = DirectoryWorld.Record("a");
        var outside = Directory.CreateDirectory(Path.Combine(world.Outside, "kept")).FullName;
        File.WriteAllText(Path.Combine(outside, "f"), "kept");
        File.CreateSymbolicLink(world.PathOf(volume), outside);
        world.Backend.WriteMetadata(volume);

        foreach (var call in (Func<Task>[])
            [
                () => world.Backend.CreateAsync(volume, Token),
                () => world.Backend.AttachAsync(volume, readOnly: false, Token),
                () => world.Backend.ResizeAsync(volume, volume.SizeBytes * 2, Token),
                () => world.Backend.DeleteAsync(volume, Token),
                () => world.SnapshotAsync("s", volume),
            ])
        {
            var refusal = await Assert.ThrowsAsync<StorageException>(call);
            Assert.Equal(StorageError.DataLoss, refusal.Error);
            Assert.Contains("symbolic link", refusal.Message, StringComparison.Ordinal);
        }

        Assert.Equal("kept", File.ReadAllText(Path.Combine(outside, "f")));
        Assert.Equal(HealthStatus.DataLoss, Assert.Single(world.Backend.Inspect(volume)).Status);
    }

    [Theory(Timeout = Seconds60)]
    [InlineData("btrfs")]
    [InlineData("xfs")]
    public async Task A_volume_with_a_mount_inside_or_mounted_elsewhere_is_not_deleted(string filesystem)
    {
        using var world = await MakeAsync(filesystem);
        var volume = await world.CreateAsync("a");
        var sum = DirectoryWorld.WriteRandom(world.PathOf(volume, "f"), 100_000);
        var inside = Directory.CreateDirectory(world.PathOf(volume, "a b")).FullName;
        var elsewhere = Directory.CreateDirectory(Path.Combine(world.Filesystem!.Path, "published")).FullName;

        HostCommand.Run("mount", "-t", "tmpfs", "tmpfs", inside);
        var first = await Record.ExceptionAsync(() => world.Backend.DeleteAsync(volume, Token));
        HostCommand.Unmount(inside);
        HostCommand.Run("mount", "--bind", world.PathOf(volume), elsewhere);
        var second = await Record.ExceptionAsync(() => world.Backend.DeleteAsync(volume, Token));
        HostCommand.Unmount(elsewhere);

        foreach (var (refusal, point) in ((Exception?, string)[])[(first, inside), (second, elsewhere)])
        {
            Assert.Equal(StorageError.FailedPrecondition, Assert.IsType<StorageException>(refusal).Error);
            Assert.Contains(point, refusal.Message, StringComparison.Ordinal);
        }

        Assert.Equal(sum, DirectoryWorld.Checksum(world.PathOf(volume, "f")));
        await world.Backend.DeleteAsync(volume, Token);
    }

    [Fact(Timeout = Seconds60)]
    public async Task A_volume_whose_directory_is_gone_is_reported_and_not_attached()
    {
        using var world = await MakeAsync("host");
        var volume = await world.CreateAsync("a");
        Directory.Delete(world.PathOf(volume));

        var refusal = await Assert.ThrowsAsync<StorageException>(() => world.Backend.AttachAsync(volume, readOnly: false, Token));

        Assert.Equal(StorageError.DataLoss, refusal.Error);
        Assert.Null(world.Backend.FindAttachment(volume, readOnly: false));
        Assert.Equal("DataMissing", Assert.Single(world.Backend.Inspect(volume)).Reason);
    }

    [Theory]
    [InlineData(1, 1 << 20)]
    [InlineData((1 << 20) + 1, (1 << 20) + 4096)]
    [InlineData(1L << 40, 1L << 40)]
    public async Task Sizes_are_rounded_up_to_whole_blocks(long required, long size)
    {
        using var world = await MakeAsync("host");

        Assert.Equal(size, world.Backend.RoundUp(required));
        Assert.Equal(StorageError.OutOfRange, Assert.Throws<StorageException>(() => world.Backend.RoundUp(long.MaxValue)).Error);
    }

    private static Task<DirectoryWorld> MakeAsync(string filesystem) =>
        DirectoryWorld.MakeAsync(filesystem, filesystem == "btrfs" ? QuotaMode.Auto : QuotaMode.None);

    private static string Leftover(DirectoryWorld world, VolumeRecord volume, string kind) =>
        Path.Combine(world.Options.Path, "volumes", $".{volume.Id}.{kind}.tmp");
}
