using CsiLocal.Configuration;
using CsiLocal.Native;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Directories;

/// <summary>Subvolumes with quota groups, on a real btrfs.</summary>
public sealed class BtrfsDirectoryTests
{
    private const int Seconds60 = 60_000;
    private const long MiB = Records.MiB;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Timeout = Seconds60)]
    public async Task A_pool_with_quota_groups_offers_hard_limits_and_instant_copies()
    {
        using var world = await DirectoryWorld.MakeAsync("btrfs");

        var features = world.Backend.Features;

        Assert.True(features is { HardLimit: true, Shrink: true, InstantCopy: true, SnapshotWhileMounted: true });
        Assert.True(features is { Block: false, OwnFilesystem: false, NeedsProjectId: false });
    }

    [Fact(Timeout = Seconds60)]
    public async Task A_pool_without_quota_groups_is_refused_with_the_command_that_enables_them()
    {
        using var world = DirectoryWorld.Prepare("btrfs", QuotaMode.Auto, enableQuota: false);

        var refusal = await Assert.ThrowsAsync<StorageException>(() => world.Backend.InspectAsync(knownIdentity: null, Token));

        Assert.Equal(StorageError.Unavailable, refusal.Error);
        Assert.Contains($"btrfs quota enable {world.Options.Path}", refusal.Remedy, StringComparison.Ordinal);
    }

    [Fact(Timeout = Seconds60)]
    public async Task A_pool_with_quota_none_has_snapshots_but_no_limits()
    {
        using var world = DirectoryWorld.Prepare("btrfs", QuotaMode.None, enableQuota: false);
        await world.Backend.InspectAsync(knownIdentity: null, Token);
        var volume = await world.CreateAsync("a", 4 * MiB);
        var sum = DirectoryWorld.WriteRandom(world.PathOf(volume, "f"), (int)(8 * MiB));

        var snapshot = await world.SnapshotAsync("s", volume, inUse: true);

        Assert.False(world.Backend.Features.HardLimit);
        Assert.Equal(sum, DirectoryWorld.Checksum(world.PathOf(snapshot, "f")));
        Assert.Null(world.Backend.MeasureUsage(volume));
        await world.Backend.DeleteAsync(volume, Token);
        await world.Backend.DeleteSnapshotAsync(snapshot, Token);
    }

    [Fact(Timeout = Seconds60)]
    public async Task A_writer_is_stopped_at_the_size_of_the_volume()
    {
        using var world = await DirectoryWorld.MakeAsync("btrfs");
        var volume = await world.CreateAsync("a", 32 * MiB);

        var (written, errno) = DirectoryWorld.Fill(world.PathOf(volume, "f"), 64 * MiB);

        Assert.Equal(Errno.QuotaExceeded, errno);
        Assert.InRange(written, 24 * MiB, 32 * MiB);
    }

    [Fact(Timeout = Seconds60)]
    public async Task A_full_volume_takes_more_after_it_has_grown()
    {
        using var world = await DirectoryWorld.MakeAsync("btrfs");
        var volume = await world.CreateAsync("a", 32 * MiB);
        DirectoryWorld.Fill(world.PathOf(volume, "f"), 64 * MiB);

        Assert.Equal(64 * MiB, await world.Backend.ResizeAsync(volume, 64 * MiB, Token));

        Assert.Equal((16 * MiB, 0), DirectoryWorld.Fill(world.PathOf(volume, "g"), 16 * MiB));
    }

    [Fact(Timeout = Seconds60)]
    public async Task Shrinking_stops_at_what_the_volume_holds()
    {
        using var world = await DirectoryWorld.MakeAsync("btrfs");
        var volume = await world.CreateAsync("a", 64 * MiB);
        DirectoryWorld.WriteRandom(world.PathOf(volume, "f"), (int)(20 * MiB));
        world.Sync();

        var refusal = await Assert.ThrowsAsync<StorageException>(() => world.Backend.ResizeAsync(volume, 16 * MiB, Token));
        var size = await world.Backend.ResizeAsync(volume, 32 * MiB, Token);

        Assert.Equal(StorageError.OutOfRange, refusal.Error);
        Assert.Equal(32 * MiB, size);
        Assert.Equal(Errno.QuotaExceeded, DirectoryWorld.Fill(world.PathOf(volume, "g"), 32 * MiB).Errno);
    }

    [Fact(Timeout = Seconds60)]
    public async Task Usage_space_and_health_are_exact_and_start_no_process()
    {
        using var world = await DirectoryWorld.MakeAsync("btrfs");
        var volume = await world.CreateAsync("a", 64 * MiB);
        DirectoryWorld.WriteRandom(world.PathOf(volume, "f"), (int)(20 * MiB));
        world.Sync();
        world.Runner.Commands.Clear();

        var usage = world.Backend.MeasureUsage(volume)!;
        var space = world.Backend.MeasureSpace([volume], []);
        var attachment = world.Backend.FindAttachment(volume, readOnly: false)!;

        Assert.Equal(64 * MiB, usage.TotalBytes);
        Assert.InRange(usage.UsedBytes, 20 * MiB, 20 * MiB + (64 * 1024));
        Assert.Equal(usage.TotalBytes - usage.UsedBytes, usage.AvailableBytes);
        Assert.Equal(space.FreeBytes - (64 * MiB - usage.UsedBytes), space.AvailableBytes);
        Assert.Equal((world.PathOf(volume), false), (attachment.Path, attachment.IsBlockDevice));
        Assert.Equal(FileStatus.Find(attachment.Path)!.Value.Device, attachment.DeviceNumber);
        Assert.Empty(world.Backend.Inspect(volume));
        Assert.Equal(volume.Id, Assert.Single(world.Backend.List()).Volume!.Id);
        Assert.Equal(usage.UsedBytes, world.Backend.CopyCost(volume));
        Assert.Empty(world.Runner.Commands);
    }

    [Fact(Timeout = Seconds60)]
    public async Task A_snapshot_of_a_volume_being_written_holds_all_that_was_written_before()
    {
        using var world = await DirectoryWorld.MakeAsync("btrfs");
        var volume = await world.CreateAsync("a");
        var sum = DirectoryWorld.WriteRandom(world.PathOf(volume, "before"), (int)(8 * MiB));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var writing = Task.Run(
            () =>
            {
                for (var i = 0; !stop.IsCancellationRequested; i++)
                    File.WriteAllText(world.PathOf(volume, "counter"), $"{i}");
            },
            Token);

        var snapshot = await world.SnapshotAsync("s", volume, inUse: true);
        await stop.CancelAsync();
        await writing;

        Assert.Equal(sum, DirectoryWorld.Checksum(world.PathOf(snapshot, "before")));
        Assert.ThrowsAny<Exception>(() => File.WriteAllText(world.PathOf(snapshot, "new"), "read-only"));
        await world.Backend.DeleteSnapshotAsync(snapshot, Token);
        Assert.False(Directory.Exists(world.PathOf(snapshot)));
    }

    [Fact(Timeout = Seconds60)]
    public async Task Clones_and_restored_volumes_outlive_their_sources_and_have_limits_of_their_own()
    {
        using var world = await DirectoryWorld.MakeAsync("btrfs");
        var volume = await world.CreateAsync("a", 32 * MiB);
        var sum = DirectoryWorld.WriteRandom(world.PathOf(volume, "f"), (int)(16 * MiB));
        var snapshot = await world.SnapshotAsync("s", volume);

        var clone = await world.CloneAsync("clone", volume, 64 * MiB);
        var restored = await world.RestoreAsync("restored", snapshot, 32 * MiB);
        File.WriteAllText(world.PathOf(volume, "f"), "changed afterwards");
        await world.Backend.DeleteSnapshotAsync(snapshot, Token);
        await world.Backend.DeleteAsync(volume, Token);

        Assert.Equal(sum, DirectoryWorld.Checksum(world.PathOf(clone, "f")));
        Assert.Equal(sum, DirectoryWorld.Checksum(world.PathOf(restored, "f")));
        Assert.Equal((32 * MiB, 0), DirectoryWorld.Fill(world.PathOf(clone, "g"), 32 * MiB));
        Assert.Equal(Errno.QuotaExceeded, DirectoryWorld.Fill(world.PathOf(restored, "g"), 32 * MiB).Errno);
    }

    [Fact(Timeout = Seconds60)]
    public async Task A_full_volume_can_be_copied_and_deleted()
    {
        using var world = await DirectoryWorld.MakeAsync("btrfs");
        var volume = await world.CreateAsync("a", 32 * MiB);
        DirectoryWorld.Fill(world.PathOf(volume, "f"), 64 * MiB);
        var sum = DirectoryWorld.Checksum(world.PathOf(volume, "f"));

        var snapshot = await world.SnapshotAsync("s", volume);
        var clone = await world.CloneAsync("c", volume, 32 * MiB);
        await world.Backend.DeleteAsync(volume, Token);

        Assert.Equal(sum, DirectoryWorld.Checksum(world.PathOf(snapshot, "f")));
        Assert.Equal(sum, DirectoryWorld.Checksum(world.PathOf(clone, "f")));
    }

    [Fact(Timeout = Seconds60)]
    public async Task Space_promised_to_a_volume_counts_again_what_it_shares_with_a_snapshot()
    {
        using var world = await DirectoryWorld.MakeAsync("btrfs");
        var volume = await world.CreateAsync("a", 64 * MiB);
        DirectoryWorld.WriteRandom(world.PathOf(volume, "f"), (int)(16 * MiB));
        world.Sync();

        var snapshot = await world.SnapshotAsync("s", volume);
        world.Sync();
        var space = world.Backend.MeasureSpace([volume], [snapshot]);

        Assert.InRange(space.FreeBytes - space.AvailableBytes, 63 * MiB, 64 * MiB);
    }

    [Fact(Timeout = Seconds60)]
    public async Task Subvolumes_that_a_workload_made_go_with_the_volume_whatever_they_are_called()
    {
        using var world = await DirectoryWorld.MakeAsync("btrfs");
        var other = await world.CreateAsync("other");
        var sum = DirectoryWorld.WriteRandom(world.PathOf(other, "f"), (int)MiB);
        using (var descriptor = DirectoryDescriptor.Open(world.PathOf(other)))
        {
            // `btrfs subvolume list` would print this name as a line that says: the other volume lies in this one.
            var volume = await world.CreateAsync("a");
            var forged = world.PathOf(volume, $"x\nID {BtrfsControl.SubvolumeId(descriptor)} gen 1 top level 5 path y");
            Directory.CreateDirectory(world.PathOf(volume, "d"));
            HostCommand.Run("btrfs", "subvolume", "create", world.PathOf(volume, "d", "nested"));
            HostCommand.Run("btrfs", "subvolume", "create", world.PathOf(volume, "d", "nested", "deeper"));
            HostCommand.Run("btrfs", "subvolume", "snapshot", "-r", world.PathOf(volume, "d", "nested"), forged);

            await world.Backend.DeleteAsync(volume, Token);

            Assert.False(Directory.Exists(world.PathOf(volume)));
        }

        Assert.Equal(sum, DirectoryWorld.Checksum(world.PathOf(other, "f")));
        Assert.Equal([other.Id.Value, $"{other.Id}.json"], Directory.EnumerateFileSystemEntries(Path.Combine(world.Options.Path, "volumes")).Select(Path.GetFileName).Order());
    }

    [Fact(Timeout = Seconds60)]
    public async Task A_plain_directory_in_the_place_of_a_volume_is_refused_and_kept()
    {
        using var world = await DirectoryWorld.MakeAsync("btrfs");
        var volume = DirectoryWorld.Record("a");
        Directory.CreateDirectory(world.PathOf(volume));
        world.Backend.WriteMetadata(volume);

        var refusal = await Assert.ThrowsAsync<StorageException>(() => world.Backend.DeleteAsync(volume, Token));

        Assert.Equal(StorageError.DataLoss, refusal.Error);
        Assert.True(Directory.Exists(world.PathOf(volume)));
    }

    [Fact(Timeout = Seconds60)]
    public async Task A_volume_whose_quotas_were_switched_off_is_reported_as_degraded()
    {
        using var world = await DirectoryWorld.MakeAsync("btrfs");
        var volume = await world.CreateAsync("a");

        HostCommand.Run("btrfs", "quota", "disable", world.Filesystem!.Path);

        var finding = Assert.Single(world.Backend.Inspect(volume));
        Assert.Equal((HealthStatus.Degraded, "LimitNotEnforced"), (finding.Status, finding.Reason));
    }
}
