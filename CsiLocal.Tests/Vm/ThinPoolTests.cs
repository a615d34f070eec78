using System.Globalization;
using CsiLocal.Backends.Lvm;
using CsiLocal.Tests.Backends;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Vm;

/// <summary>What becomes of what was acknowledged when a thin pool fills, on the real kernel.</summary>
[Trait("Needs", "vm")]
public sealed class ThinPoolTests
{
    private const int Limit = 600_000;
    private const long MiB = GuardedPool.MiB;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact(Timeout = Limit)]
    public async Task A_pool_is_made_as_it_has_to_be_and_found_again()
    {
        await using var pool = await GuardedPool.MakeAsync(sizeMiB: 64);

        var made = HostCommand.Run(
            "lvs", "--noheadings", "--separator", "|", "--units", "m", "--nosuffix",
            "--options", "lv_size,lv_metadata_size,chunk_size,zero,discards,lv_when_full", pool.Name).Trim();
        Assert.Equal("64.00|2.00|0.06|zero|passdown|queue", made);
        Assert.Equal(pool.Thin.ReadIdentity(), await pool.Thin.OpenAsync(pool.Thin.ReadIdentity(), Cancelled));
        Assert.Equal((ThinPoolMode.Writable, true, false), (pool.Facts.Mode, pool.Facts.PassesDiscards, pool.Facts.LagsBehind));

        HostCommand.Run("lvchange", "--quiet", "--zero", "n", pool.Name);
        var e = await Assert.ThrowsAsync<StorageException>(() => pool.Thin.OpenAsync(null, Cancelled));
        Assert.Contains("lvchange --zero y", e.Remedy, StringComparison.Ordinal);
    }

    [Fact(Timeout = Limit)]
    public async Task Writers_never_notice_that_the_pool_was_too_small()
    {
        await using var pool = await GuardedPool.MakeAsync(sizeMiB: 48);
        var writers = await WritersAsync(pool, 3);
        pool.Guard();

        await pool.WriteAsync(40, writers);

        Assert.All(writers, static writer => Assert.Null(writer.FindLost()));
        Assert.True(pool.Facts.DataBytes >= 120 * MiB);
        Assert.Equal((ThinPoolMode.Writable, false), (pool.Facts.Mode, pool.Facts.ErrorsWhenFull));
        Assert.Contains(pool.Told, static line => line.StartsWith("has more data: ", StringComparison.Ordinal));
    }

    [Fact(Timeout = Limit)]
    public async Task A_pool_that_filled_up_goes_on_where_it_was_when_a_disk_is_added_in_time()
    {
        using var window = new QueueWindow(TimeSpan.FromMinutes(4));
        await using var pool = await GuardedPool.MakeAsync(sizeMiB: 48, spareDisks: 1);
        var writers = await WritersAsync(pool, 3);
        await pool.FillGroupAsync(leftMiB: 0);
        pool.Guard();

        var writing = pool.WriteAsync(30, writers);
        await GuardedPool.UntilAsync(() => pool.Facts.Mode == ThinPoolMode.OutOfDataSpace);
        await UntilStillAsync(writers);
        Assert.False(writing.IsCompleted);
        Assert.Contains(pool.Thin.InspectPool(), static finding => finding is { Status: HealthStatus.Inaccessible, Reason: "ThinPoolFull" });
        Assert.Equal(0, pool.Thin.MeasureSpace([], []).AvailableBytes);
        var e = await Assert.ThrowsAsync<StorageException>(() => pool.CreateAsync("late", 16));
        Assert.Equal(StorageError.Unavailable, e.Error);

        pool.AddDisk();
        await writing;

        Assert.All(writers, static writer => Assert.Equal((30, null), (writer.Acknowledged, writer.FindLost())));
        Assert.Equal((ThinPoolMode.Writable, false), (pool.Facts.Mode, pool.Facts.ErrorsWhenFull));
        await GuardedPool.UntilAsync(() => pool.Thin.InspectPool().Count == 0);
        Assert.NotNull(await pool.CreateAsync("late", 16));
    }

    [Fact(Timeout = Limit)]
    public async Task Metadata_that_fills_is_extended_before_LVM_would_refuse_a_volume()
    {
        await using var pool = await GuardedPool.MakeAsync(sizeMiB: 48);
        await pool.CreateAsync("a", 16);
        UseMetadata(pool, percent: 78);
        var refused = Assert.Throws<InvalidOperationException>(
            () => HostCommand.Run("lvcreate", "--quiet", "--thin", "--virtualsize", "16m", "--name", "by-hand", pool.Name));
        Assert.Contains("reached threshold", refused.Message, StringComparison.Ordinal);

        Assert.NotNull(await pool.CreateAsync("b", 16));

        Assert.Equal((3 * MiB, false), (pool.Facts.MetadataBytes, pool.Facts.LagsBehind));
        Assert.InRange(pool.Facts.MetadataPercent, 40, 69);
        await pool.Group.RefreshAsync(Cancelled);
        Assert.Equal(3 * MiB, pool.Facts.SpareBytes);
    }

    [Fact(Timeout = Limit)]
    public async Task Real_use_stops_new_volumes_whatever_was_promised()
    {
        await using var pool = await GuardedPool.MakeAsync(
            sizeMiB: 48, change: static options => options with { ExtendAtPercent = 100, StopAtPercent = 50 }, overprovision: 2);
        var rows = new[] { GuardedPool.Volume("a", 64) };
        var made = await pool.CreateAsync("a", 64);
        Assert.Equal(32 * MiB, pool.Thin.MeasureSpace(rows, []).AvailableBytes);

        await new RecordWriter(pool.DeviceOf(made), 1).WriteAsync(25, Cancelled);

        Assert.Equal(25 * MiB, pool.Thin.CopyCost(rows[0]));
        Assert.Equal(0, pool.Thin.MeasureSpace(rows, []).AvailableBytes);
        var e = await Assert.ThrowsAsync<StorageException>(() => pool.CreateAsync("b", 16));
        Assert.Equal(StorageError.ResourceExhausted, e.Error);
    }

    [Fact(Timeout = Limit)]
    public async Task A_removed_volume_gives_its_blocks_back_and_its_snapshot_keeps_them()
    {
        await using var pool = await GuardedPool.MakeAsync(sizeMiB: 48);
        var volume = await pool.CreateAsync("a", 32);
        var writer = new RecordWriter(pool.DeviceOf(volume), 1);
        await writer.WriteAsync(8, Cancelled);
        var record = Records.Snapshot("s", GuardedPool.Volume("a", 32)) with { State = SnapshotState.Ready };
        await pool.Thin.CreateSnapshotAsync(record, volume, LvTags.Of(record), new RecordedProgress(), Cancelled);
        await new RecordWriter(pool.DeviceOf(volume), 2).WriteAsync(4, Cancelled);
        Assert.Equal(12 * MiB, pool.Facts.UsedDataBytes);

        await pool.Thin.BeforeRemoveAsync(volume, Cancelled);
        await pool.Group.ChangeAsync((group, token) => pool.Group.Tool.RemoveAsync(group, volume.Name, discard: true, token), static report => report, Cancelled);

        Assert.Equal(8 * MiB, pool.Facts.UsedDataBytes);
        var restored = GuardedPool.Volume("b", 48) with { Source = new ContentSource.FromSnapshot(record.Id) };
        Assert.True(await pool.Thin.CreateFromAsync(restored, pool.Group.Find(record.Id.Value)!, new RecordedProgress(), Cancelled));
        var copy = pool.Group.Find(restored.Id.Value)!;
        Assert.Equal(48 * MiB, pool.Group.DeviceOf(copy)!.SizeBytes);
        Assert.Null(writer.FindLost(pool.DeviceOf(copy)));
    }

    [Fact(Timeout = Limit)]
    public async Task A_striped_pool_is_extended_on_one_disk_where_there_is_no_other()
    {
        await using var pool = await GuardedPool.MakeAsync(
            sizeMiB: 48, disks: 2, spareDisks: 1, change: static options => options with { Stripes = 2 });
        var writers = await WritersAsync(pool, 1);
        await pool.FillGroupAsync(leftMiB: 0);
        pool.AddDisk();
        await pool.Group.RefreshAsync(Cancelled);
        pool.Guard();

        await pool.WriteAsync(60, writers);

        Assert.Null(writers[0].FindLost());
        Assert.True(pool.Facts.DataBytes > 60 * MiB);
    }

    private static async Task<RecordWriter[]> WritersAsync(GuardedPool pool, int count)
    {
        var writers = new RecordWriter[count];
        for (var i = 0; i < count; i++)
            writers[i] = new RecordWriter(pool.DeviceOf(await pool.CreateAsync($"writer {i}", 128)), (ulong)i + 1);
        return writers;
    }

    /// <summary>Until nothing is acknowledged any more: all wait.</summary>
    private static async Task UntilStillAsync(RecordWriter[] writers)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(3));
        for (var before = -1; before != writers.Sum(static writer => writer.Acknowledged);)
        {
            before = writers.Sum(static writer => writer.Acknowledged);
            await timer.WaitForNextTickAsync(Cancelled);
        }
    }

    /// <summary>Uses metadata up without data: a thin device takes a block of it when it is made. LVM knows nothing of these.</summary>
    private static void UseMetadata(GuardedPool pool, double percent)
    {
        var facts = pool.Facts;
        var blocks = (long)((facts.MetadataBytes * percent / 100) - facts.UsedMetadataBytes) / 4096;
        var device = $"{pool.Name.Split('/')[0]}-pool-tpool";
        HostCommand.Run(
            "bash", "-c", string.Create(CultureInfo.InvariantCulture, $"for ((i = 0; i < {blocks}; i++)); do dmsetup message {device} 0 \"create_thin $((1000000 + i))\"; done"));
        Assert.InRange(pool.Facts.MetadataPercent, percent - 1, percent + 5);
    }
}
