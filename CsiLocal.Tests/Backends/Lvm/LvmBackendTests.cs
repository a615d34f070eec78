using CsiLocal.Backends.Lvm;
using CsiLocal.Configuration;
using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Volumes;
using Xunit;
using static CsiLocal.Tests.Backends.Lvm.ThickWorld;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>Devices, growth, removal and health of logical volumes.</summary>
public sealed class LvmBackendTests : IDisposable
{
    private readonly ThickWorld _world = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Attaching_looking_and_detaching_start_no_process()
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a"));
        _world.TakeCommands();

        var attached = await backend.AttachAsync(made, readOnly: false, Cancelled);
        Assert.Equal(attached, backend.FindAttachment(made, readOnly: false));
        using (File.OpenHandle(attached.Path))
            Assert.Contains(made.Id, backend.ListAttached());
        await backend.DetachAsync(made, readOnly: false, Cancelled);
        backend.RequireUnused(made);
        Assert.Empty(backend.ListAttached());
        Assert.Single(backend.List());
        Assert.Empty(backend.Inspect(made));
        Assert.Empty(backend.InspectPool());
        backend.MeasureSpace([made], []);

        Assert.Empty(_world.TakeCommands());
        Assert.Equal(made.SizeBytes, attached.SizeBytes);
    }

    [Fact]
    public async Task What_is_not_active_is_activated_when_it_is_attached()
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a"));
        _world.Lvm.Reboot();
        _world.TakeCommands();

        Assert.Null(backend.FindAttachment(made, readOnly: false));
        var attached = await backend.AttachAsync(made, readOnly: false, Cancelled);

        Assert.Equal(["lvchange"], _world.TakeCommands());
        Assert.Equal(attached, backend.FindAttachment(made, readOnly: false));
    }

    [Fact]
    public async Task A_device_that_somebody_holds_is_not_let_go_of_and_the_holder_is_named()
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a"));
        using var held = File.OpenHandle(_world.DeviceOf(made));

        var refused = await Assert.ThrowsAsync<StorageException>(() => backend.DetachAsync(made, readOnly: false, Cancelled));
        Assert.Throws<StorageException>(() => backend.RequireUnused(made));
        await Assert.ThrowsAsync<StorageException>(() => backend.DeleteAsync(made, Cancelled));

        Assert.Equal(StorageError.FailedPrecondition, refused.Error);
        Assert.Contains($"pid {Environment.ProcessId}", refused.Message, StringComparison.Ordinal);
        Assert.NotNull(backend.FindMetadata(made.Id));
        Assert.DoesNotContain("lvremove", _world.TakeCommands());
    }

    [Fact]
    public async Task A_read_only_device_cannot_be_written_and_goes_when_it_is_detached()
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a", access: AccessType.Block));

        var attached = await backend.AttachAsync(made, readOnly: true, Cancelled);
        Assert.Equal(attached, await (await _world.OpenAsync()).AttachAsync(made, readOnly: true, Cancelled));
        using (var device = NativeFile.Open(attached.Path, NativeFile.ReadWrite))
            Assert.ThrowsAny<Exception>(() => RandomAccess.Write(device, new byte[4096], 0));

        // That it holds the volume's own device open is no use of the volume.
        await backend.DetachAsync(made, readOnly: false, Cancelled);
        Assert.Contains(made.Id, backend.ListAttached());
        await backend.DetachAsync(made, readOnly: true, Cancelled);
        await backend.DetachAsync(made, readOnly: true, Cancelled);
        Assert.Null(backend.FindAttachment(made, readOnly: true));
        Assert.Empty(backend.ListAttached());
    }

    [Fact]
    public async Task A_volume_smaller_than_its_record_is_not_attached()
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a"));

        var refused = await Assert.ThrowsAsync<StorageException>(
            () => backend.AttachAsync(made with { SizeBytes = made.SizeBytes + 1 }, readOnly: false, Cancelled));

        Assert.Equal(StorageError.DataLoss, refused.Error);
        Assert.Equal(HealthStatus.DataLoss, Assert.Single(backend.Inspect(made with { SizeBytes = made.SizeBytes + 1 })).Status);
    }

    [Fact]
    public async Task A_deletion_is_one_command_and_may_be_repeated()
    {
        var backend = await _world.OpenAsync();
        var before = backend.MeasureSpace([], []);
        var made = await MakeAsync(backend, Volume("a"));
        Assert.True(backend.MeasureSpace([made], []).AvailableBytes <= before.AvailableBytes - made.SizeBytes);
        _world.TakeCommands();

        await backend.DeleteAsync(made, Cancelled);

        Assert.Equal(["lvremove"], _world.TakeCommands());
        Assert.Equal(before, backend.MeasureSpace([], []));
        await backend.DeleteAsync(made, Cancelled);
        Assert.Empty(_world.Group.Volumes);
    }

    [Fact]
    public async Task A_layout_on_two_devices_says_why_the_space_of_one_is_not_available()
    {
        _world.Options = _world.Options with { Lvm = _world.Options.Lvm! with { Layout = LvmLayout.Raid1 } };
        await _world.Tool.CreateThickAsync(
            new VolumeGroupRef("vg", _world.Group.Uuid, [.. _world.Group.Disks.Select(static disk => disk.Path)]),
            new ThickVolume { Name = "theirs", SizeBytes = 3 * 1020 * ThickWorld.MiB, Tags = [], Options = new LvmPoolOptions { VolumeGroup = "vg" } },
            Cancelled);

        var space = (await _world.OpenAsync()).MeasureSpace([], []);

        Assert.Equal(0, space.AvailableBytes);
        Assert.Equal("layout raid1 takes room on 2 devices at once; vg has 1069547520 bytes free, on 1 of 4 devices", space.Constraint);
    }

    [Fact]
    public async Task What_the_inventory_does_not_know_is_looked_for_before_it_is_called_gone()
    {
        var stale = await _world.OpenAsync();
        var made = await MakeAsync(await _world.OpenAsync(), Volume("a"));
        Assert.Null(stale.FindMetadata(made.Id));

        await stale.DeleteAsync(made, Cancelled);

        Assert.Empty(_world.Group.Volumes);
    }

    [Fact]
    public async Task What_was_removed_is_gone_although_lvremove_said_that_it_failed()
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a"));
        _world.Faults.FailsAfter = "lvremove";

        await backend.DeleteAsync(made, Cancelled);

        Assert.Empty(backend.List());
    }

    [Fact]
    public async Task What_could_not_be_removed_is_still_there()
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a"));
        _world.Faults.FailsBefore = "lvremove";

        await Assert.ThrowsAsync<StorageException>(() => backend.DeleteAsync(made, Cancelled));

        Assert.NotNull(backend.FindMetadata(made.Id));
    }

    [Fact]
    public async Task A_volume_grows_by_one_command_and_its_size_is_that_of_its_device()
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a"));
        _world.TakeCommands();

        var size = await backend.ResizeAsync(made, 50 * MiB, Cancelled);
        await backend.WriteMetadataAsync(made with { SizeBytes = size }, Cancelled);
        Assert.Equal((52 * MiB, 52 * MiB), (size, await backend.ResizeAsync(made, 50 * MiB, Cancelled)));

        Assert.Equal(["lvextend"], _world.TakeCommands());
        Assert.Equal(52 * MiB, backend.FindMetadata(made.Id)!.SizeBytes);
        Assert.Equal(52 * MiB, (await backend.AttachAsync(made, readOnly: false, Cancelled)).SizeBytes);
    }

    [Fact]
    public async Task A_volume_is_not_made_smaller()
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a"));

        var refused = await Assert.ThrowsAsync<StorageException>(() => backend.ResizeAsync(made, 20 * MiB, Cancelled));

        Assert.Equal(StorageError.OutOfRange, refused.Error);
    }

    [Fact]
    public async Task What_was_never_formatted_stays_blank_when_it_grows()
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a"));

        await backend.ResizeAsync(made, 200 * MiB, Cancelled);

        using var device = BlockDevice.Open(_world.DeviceOf(made));
        Assert.IsType<ProbeResult.Blank>(BlankCheck.Probe(device));
    }

    [Fact]
    public async Task A_raw_block_volume_grows_by_zeros_and_only_while_nobody_has_it_open()
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a", access: AccessType.Block));
        _world.Write(made.Id.Value, 39 * MiB, 7);
        using (File.OpenHandle(_world.DeviceOf(made)))
        {
            var refused = await Assert.ThrowsAsync<StorageException>(() => backend.ResizeAsync(made, 80 * MiB, Cancelled));
            Assert.Equal(StorageError.FailedPrecondition, refused.Error);
        }

        Assert.Equal(80 * MiB, await backend.ResizeAsync(made, 80 * MiB, Cancelled));

        var content = _world.Read(made.Id.Value);
        Assert.Equal(7, content[39 * MiB]);
        Assert.DoesNotContain(content[(int)(40 * MiB)..], static b => b != 0);
        Assert.Equal(80 * MiB, (await backend.AttachAsync(made, readOnly: false, Cancelled)).SizeBytes);
    }

    [Fact]
    public async Task What_was_added_and_not_zeroed_is_shown_to_nobody()
    {
        var made = await MakeAsync(await _world.OpenAsync(), Volume("a", access: AccessType.Block));
        _world.Faults.FailsAfter = "lvextend";
        await Assert.ThrowsAsync<StorageException>(async () => await (await _world.OpenAsync()).ResizeAsync(made, 80 * MiB, Cancelled));
        _world.Faults.FailsAfter = null;
        var backend = await _world.OpenAsync();

        var refused = await Assert.ThrowsAsync<StorageException>(() => backend.AttachAsync(made, readOnly: false, Cancelled));
        Assert.Equal(StorageError.Unavailable, refused.Error);
        Assert.Equal(made.SizeBytes, backend.FindMetadata(made.Id)!.SizeBytes);

        await backend.ResizeAsync(made, 80 * MiB, Cancelled);
        Assert.DoesNotContain(_world.Read(made.Id.Value)[(int)(40 * MiB)..], static b => b != 0);
        Assert.Equal(80 * MiB, (await backend.AttachAsync(made, readOnly: false, Cancelled)).SizeBytes);
    }

    [Fact]
    public async Task An_interrupted_mkfs_is_undone_and_a_finished_one_never()
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a"));
        var formatting = made with { Format = FormatState.Formatting };
        _world.Write(made.Id.Value, 64 << 10, 7);

        await backend.MakeBlankAsync(formatting, Cancelled);
        Assert.Equal(0, _world.Read(made.Id.Value)[64 << 10]);

        await backend.WriteMetadataAsync(made with { Format = FormatState.Formatted, FormattedAt = Records.Noon }, Cancelled);
        _world.Write(made.Id.Value, 64 << 10, 7);
        var refused = await Assert.ThrowsAsync<StorageException>(() => backend.MakeBlankAsync(formatting, Cancelled));
        Assert.Equal(StorageError.DataLoss, refused.Error);
        Assert.Equal(7, _world.Read(made.Id.Value)[64 << 10]);
    }

    [Fact]
    public async Task A_volume_that_is_gone_is_a_loss()
    {
        var made = await MakeAsync(await _world.OpenAsync(), Volume("a"));
        await (await _world.OpenAsync()).DeleteAsync(made, Cancelled);
        var backend = await _world.OpenAsync();

        Assert.Equal(HealthStatus.DataLoss, Assert.Single(backend.Inspect(made)).Status);
        var refused = await Assert.ThrowsAsync<StorageException>(() => backend.AttachAsync(made, readOnly: false, Cancelled));
        Assert.Equal(StorageError.DataLoss, refused.Error);
    }

    [Fact]
    public async Task A_mirror_that_lost_a_disk_is_degraded_and_still_serves()
    {
        _world.Options = _world.Options with { Lvm = new LvmPoolOptions { VolumeGroup = "vg", Layout = LvmLayout.Raid1 } };
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a"));
        _world.Group.Volumes[$"{made.Id}_rimage_0"].Segments[0].Disk.IsMissing = true;

        var finding = Assert.Single(backend.Inspect(made));
        Assert.Equal((HealthStatus.Degraded, "RaidDegraded"), (finding.Status, finding.Reason));
        await backend.AttachAsync(made, readOnly: false, Cancelled);
    }

    [Fact]
    public async Task A_linear_volume_on_a_lost_disk_cannot_be_reached()
    {
        var made = await MakeAsync(await _world.OpenAsync(), Volume("a"));
        _world.Group.Volumes[made.Id.Value].Segments[0].Disk.IsMissing = true;
        var backend = await _world.OpenAsync();

        Assert.Contains(backend.Inspect(made), static finding => finding is { Status: HealthStatus.Inaccessible, Reason: "DeviceMissing" });
        Assert.Contains(backend.InspectPool(), static finding => finding.Reason == "DeviceMissing");
    }

    [Fact]
    public async Task While_the_volume_group_is_gone_nothing_is_said_to_be_gone()
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a"));
        var device = _world.DeviceOf(made);
        _world.Group.IsExported = true;
        await Assert.ThrowsAsync<StorageException>(() => backend.InspectAsync(_world.Group.Uuid, Cancelled));

        Assert.Null(backend.ReadIdentity());
        var refused = Assert.Throws<StorageException>(() => backend.FindMetadata(made.Id));
        Assert.Equal(StorageError.Unavailable, refused.Error);
        await Assert.ThrowsAsync<StorageException>(() => backend.DeleteAsync(made, Cancelled));

        // What is mounted has to be let go of all the same.
        Assert.Equal(device, backend.FindAttachment(made, readOnly: false)!.Path);
    }
}
