using CsiLocal.Backends.Lvm;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>When lvm is asked, and what the inventory says meanwhile.</summary>
public sealed class VolumeGroupInventoryTests : IDisposable
{
    private const int Limit = 30_000;

    private readonly GroupWorld _world = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _world.Dispose();

    [Fact(Timeout = Limit)]
    public async Task An_idle_hour_takes_six_reports_and_nothing_else()
    {
        await _world.OpenAsync();
        _world.Commands.Commands.Clear();

        await _world.LiveAsync(TimeSpan.FromHours(1));

        Assert.Equal((6, 6), (_world.Reports, _world.Commands.Commands.Count));
    }

    [Fact(Timeout = Limit)]
    public async Task An_idle_hour_with_a_device_missing_takes_a_scan_more_each_time()
    {
        _world.Group.Disks[0].IsMissing = true;
        await _world.OpenAsync();
        _world.Commands.Commands.Clear();

        await _world.LiveAsync(TimeSpan.FromHours(1));

        Assert.Equal((6, 6, 12), (_world.Reports, _world.Scans, _world.Commands.Commands.Count));
    }

    [Fact(Timeout = Limit)]
    public async Task Changes_without_a_pause_take_a_report_every_thirty_seconds()
    {
        await _world.OpenAsync();
        _world.Commands.Commands.Clear();

        for (var second = 0; second < 100; second++)
        {
            await _world.ChangeAsync(static () => Task.CompletedTask);
            await _world.LiveAsync(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(3, _world.Reports);
    }

    [Fact(Timeout = Limit)]
    public async Task The_report_after_a_change_waits_for_a_pause_of_two_seconds()
    {
        await _world.OpenAsync();
        _world.Commands.Commands.Clear();

        await _world.ChangeAsync(static () => Task.CompletedTask);
        await _world.LiveAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(0, _world.Reports);
        await _world.LiveAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(1, _world.Reports);
    }

    [Fact(Timeout = Limit)]
    public async Task A_change_is_seen_at_once_and_its_failure_is_not()
    {
        await _world.OpenAsync();
        var made = Volume("v1");

        await _world.ChangeAsync(static () => Task.CompletedTask, report => report with { LogicalVolumes = [made] });
        Assert.Same(made, _world.Sut.Find("v1"));

        await Assert.ThrowsAsync<StorageException>(() => _world.ChangeAsync(
            static () => throw new StorageException(StorageError.Internal, "lvremove"), static report => report with { LogicalVolumes = [] }));
        Assert.Same(made, _world.Sut.Find("v1"));
    }

    [Fact(Timeout = Limit)]
    public async Task A_failed_change_is_looked_into_by_a_report()
    {
        await _world.OpenAsync();
        _world.Commands.Commands.Clear();

        await Assert.ThrowsAsync<StorageException>(() => _world.ChangeAsync(() =>
        {
            _world.AddVolume("v1");
            throw new StorageException(StorageError.Internal, "did it, and said that it failed");
        }));
        await _world.LiveAsync(TimeSpan.FromSeconds(2));

        Assert.Equal(1, _world.Reports);
        Assert.NotNull(_world.Sut.Find("v1"));
    }

    [Fact(Timeout = Limit)]
    public async Task A_report_that_began_before_a_change_never_takes_the_change_back()
    {
        await _world.OpenAsync();
        var (release, arrived) = _world.Hold("fullreport");
        var report = _world.Sut.RefreshAsync(Token);
        await arrived;

        var changed = false;
        var change = _world.ChangeAsync(() => Task.FromResult(changed = true), static report => report with { LogicalVolumes = [Volume("v1")] });
        Assert.False(changed);
        release.SetResult();
        await report;
        await change;

        Assert.NotNull(_world.Sut.Find("v1"));
    }

    [Fact(Timeout = Limit)]
    public async Task Who_asks_for_a_report_gets_one_that_began_after_he_asked()
    {
        await _world.OpenAsync();
        var (release, arrived) = _world.Hold("fullreport");
        var first = _world.Sut.RefreshAsync(Token);
        await arrived;
        _world.Commands.Heal();

        // It had been read when this was made.
        var later = Enumerable.Range(0, 20).Select(_ => _world.Sut.RefreshAsync(Token)).ToList();
        _world.Commands.Commands.Clear();
        _world.AddVolume("v1");
        release.SetResult();
        await first;
        var reports = await Task.WhenAll(later);

        Assert.Equal(1, _world.Reports);
        Assert.All(reports, static report => Assert.Contains(report.LogicalVolumes, static volume => volume.Name == "v1"));
    }

    [Fact(Timeout = Limit)]
    public async Task A_report_that_fails_leaves_the_inventory_and_is_told_of_when_that_is_old()
    {
        _world.AddVolume("v1");
        await _world.OpenAsync();
        _world.Fail("fullreport", "  /dev/sda: Error reading device\n  Input/output error\n");
        _world.Commands.Commands.Clear();
        await _world.ChangeAsync(static () => Task.CompletedTask);

        var failures = 0;
        for (var second = 0; second < 1300; second++)
        {
            try
            {
                await _world.LiveAsync(TimeSpan.FromSeconds(1));
            }
            catch (StorageException e)
            {
                Assert.Equal(StorageError.Unavailable, e.Error);
                failures++;
            }

            Assert.Equal(second < 1199 ? 0 : 1, _world.Sut.Inspect().Count);
        }

        Assert.NotNull(_world.Sut.Find("v1"));
        Assert.InRange(failures, 40, 45);
        Assert.Contains("could not be read for 2", _world.Sut.Inspect()[0].Message, StringComparison.Ordinal);
        _world.Commands.Heal();
        await _world.LiveAsync(VolumeGroup.RetryInterval);
        Assert.Empty(_world.Sut.Inspect());
    }

    [Fact(Timeout = Limit)]
    public async Task A_report_that_hangs_is_a_failure_like_any_other()
    {
        await _world.OpenAsync();
        _world.Commands.Around = static (command, _) => throw new ToolException(command, ToolFailure.TimedOut, "killed after 60 s");

        await Assert.ThrowsAsync<ToolException>(() => _world.Sut.RefreshAsync(Token));
        _world.Commands.Heal();

        await _world.Sut.RefreshAsync(Token);
    }

    [Fact(Timeout = Limit)]
    public async Task One_that_goes_away_is_told_of_and_comes_back_by_itself()
    {
        _world.AddVolume("v1");
        await _world.OpenAsync();
        foreach (var disk in _world.Group.Disks)
            disk.IsMissing = true;

        await Assert.ThrowsAsync<StorageException>(() => _world.Sut.RefreshAsync(Token));
        Assert.Null(_world.Sut.Inventory);
        Assert.Null(_world.Sut.Find("v1"));
        Assert.Equal(StorageError.Unavailable, Assert.Throws<StorageException>(() => _world.Sut.Ref).Error);
        Assert.Equal("VolumeGroupGone", Assert.Single(_world.Sut.Inspect()).Reason);
        await Assert.ThrowsAsync<StorageException>(() => _world.ChangeAsync(static () => throw new InvalidOperationException("ran")));

        foreach (var disk in _world.Group.Disks)
            disk.IsMissing = false;
        _world.Group.Volumes["v1"].IsActive = false;
        await _world.LiveAsync(VolumeGroup.RetryInterval);

        Assert.NotNull(_world.Sut.Find("v1"));
        Assert.True(_world.Group.Volumes["v1"].IsActive);
        Assert.Empty(_world.Sut.Inspect());
    }

    [Fact(Timeout = Limit)]
    public async Task One_that_stays_away_is_looked_for_twice_a_minute()
    {
        await _world.OpenAsync();
        _world.Group.Name = "renamed";
        await Assert.ThrowsAsync<StorageException>(() => _world.Sut.RefreshAsync(Token));
        _world.Commands.Commands.Clear();

        for (var second = 0; second < 600; second++)
            await Record.ExceptionAsync(() => _world.LiveAsync(TimeSpan.FromSeconds(1)));

        Assert.InRange(_world.Commands.Commands.Count, 19, 20);
    }

    [Fact(Timeout = Limit)]
    public async Task A_device_with_another_path_is_found_again()
    {
        await _world.OpenAsync();
        _world.Group.Disks[1].Path = "/dev/another";

        await _world.Sut.RefreshAsync(Token);

        Assert.Contains("/dev/another", _world.Sut.Ref.Devices);
        Assert.Empty(_world.Sut.Inspect());
    }

    [Fact(Timeout = Limit)]
    public async Task A_change_that_finds_no_volume_group_is_tried_once_more_where_its_devices_are_now()
    {
        await _world.OpenAsync();
        foreach (var disk in _world.Group.Disks)
            disk.Path += "-moved";

        await _world.Sut.ChangeAsync((group, token) => _world.Tool.ActivateAsync(group, null, token), static report => report, Token);

        Assert.Equal((2, 2), (_world.Count("vgchange"), _world.Scans));
        Assert.All(_world.Sut.Ref.Devices, static device => Assert.EndsWith("-moved", device, StringComparison.Ordinal));
    }

    [Fact(Timeout = Limit)]
    public async Task A_change_that_fails_with_its_devices_in_place_is_not_repeated()
    {
        await _world.OpenAsync();
        _world.Fail("vgchange", "  Input/output error\n");

        await Assert.ThrowsAsync<StorageException>(
            () => _world.Sut.ChangeAsync((group, token) => _world.Tool.ActivateAsync(group, null, token), static report => report, Token));

        Assert.Equal(1, _world.Count("vgchange"));
    }

    [Fact(Timeout = Limit)]
    public async Task A_device_that_somebody_added_is_taken_into_the_list()
    {
        await _world.OpenAsync();
        _world.Group.Add(Fakes.Lvm.LvmEmulator.NewDisk("/dev/added", 1L << 30));

        await _world.LiveAsync(VolumeGroup.IdleInterval);

        Assert.Contains("/dev/added", _world.Sut.Ref.Devices);
        Assert.Empty(_world.Sut.Inspect());
        Assert.Equal(4, _world.Sut.FreeByDevice().Count);
    }

    [Fact(Timeout = Limit)]
    public async Task Two_pools_upkeep_reads_it_once()
    {
        await _world.OpenAsync();
        _world.Commands.Commands.Clear();
        var (release, arrived) = _world.Hold("fullreport");
        _world.Clock.Advance(VolumeGroup.IdleInterval);

        var one = _world.Sut.UpkeepAsync(Token);
        await arrived;
        await _world.Sut.UpkeepAsync(Token);
        release.SetResult();
        await one;

        Assert.Equal(1, _world.Reports);
    }

    private static LogicalVolume Volume(string name) => new()
    {
        Name = name,
        Uuid = "u",
        SizeBytes = 1 << 20,
        SegmentType = "linear",
        Attributes = LvAttributes.Parse("-wi-a-----"),
    };
}
