using CsiLocal.Backends;
using CsiLocal.Backends.Lvm;
using CsiLocal.Configuration;
using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Tests.Fakes;
using CsiLocal.Volumes;
using Xunit;
using static CsiLocal.Tests.Backends.Lvm.ThickWorld;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>Snapshots, restores and clones of thick volumes.</summary>
public sealed class ThickCopyTests : IDisposable
{
    private static readonly LvmPoolOptions WithSnapshots = new() { VolumeGroup = "vg", SnapshotReservePercent = 50 };

    private ThickWorld _world = new(WithSnapshots);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_snapshot_is_one_command_and_keeps_what_was_there()
    {
        var (backend, made) = await MakeUsedAsync();

        var snapshot = await CutAsync(backend, made);
        Assert.Equal(["lvcreate"], _world.TakeCommands());
        Assert.Equal(made.SizeBytes, snapshot.SizeBytes);
        Assert.Equal(snapshot, backend.FindMetadata(snapshot.Id)! with { State = SnapshotState.Creating });
        _world.Write(made.Id.Value, 8 * MiB, 2);
        var restored = await RestoreAsync(backend, snapshot, 40 * MiB);

        Assert.Equal(1, _world.Read(restored.Id.Value)[8 * MiB]);
        Assert.Equal(FormatState.Inherited, restored.Format);
        Assert.Equal(VolumeState.Ready, (await _world.OpenAsync()).FindMetadata(restored.Id)!.State);
    }

    [Fact]
    public async Task A_volume_restored_larger_reads_as_zeros_behind_its_source()
    {
        var (backend, made) = await MakeUsedAsync();

        var restored = await RestoreAsync(backend, await CutAsync(backend, made), 80 * MiB);

        var content = _world.Read(restored.Id.Value);
        Assert.Equal((80 * MiB, 1), (content.Length, content[8 * MiB]));
        Assert.DoesNotContain(content[(int)(40 * MiB)..], static b => b != 0);
    }

    [Fact]
    public async Task A_volume_with_snapshots_is_neither_deleted_nor_grown_and_they_are_named()
    {
        var (backend, made) = await MakeUsedAsync();
        var snapshot = await CutAsync(backend, made);

        var unused = Assert.Throws<StorageException>(() => backend.RequireUnused(made));
        var deleted = await Assert.ThrowsAsync<StorageException>(() => backend.DeleteAsync(made, Cancelled));
        var grown = await Assert.ThrowsAsync<StorageException>(() => backend.ResizeAsync(made, 80 * MiB, Cancelled));

        Assert.All([unused, deleted, grown], refused =>
        {
            Assert.Equal(StorageError.FailedPrecondition, refused.Error);
            Assert.Contains(snapshot.Id.Value, refused.Message, StringComparison.Ordinal);
        });
        await backend.DeleteSnapshotAsync(snapshot, Cancelled);
        await backend.DeleteSnapshotAsync(snapshot, Cancelled);
        await backend.DeleteAsync(made, Cancelled);
        Assert.Empty(_world.Group.Volumes);
    }

    [Fact]
    public async Task A_lost_snapshot_is_not_restored_and_one_that_fills_up_is_told_of()
    {
        var (backend, made) = await MakeUsedAsync();
        var snapshot = await CutAsync(backend, made);
        _world.Group.Volumes[snapshot.Id.Value].DataPercent = 85;
        Assert.Equal("SnapshotNearlyFull", Assert.Single(backend.Inspect(made)).Reason);

        _world.Group.Volumes[snapshot.Id.Value].IsInvalid = true;
        Assert.Equal((HealthStatus.Degraded, "SnapshotLost"), (Assert.Single(backend.Inspect(made)).Status, Assert.Single(backend.Inspect(made)).Reason));
        var refused = await Assert.ThrowsAsync<StorageException>(() => RestoreAsync(backend, snapshot, 40 * MiB));
        Assert.Equal(StorageError.DataLoss, refused.Error);
    }

    [Fact]
    public async Task A_pool_without_reserve_cuts_no_snapshots()
    {
        _world.Dispose();
        _world = new ThickWorld();
        var (backend, _) = await MakeUsedAsync();

        Assert.False(backend.Features.Snapshots);
    }

    [Fact]
    public async Task A_clone_of_a_volume_in_use_is_of_one_moment()
    {
        var (backend, made) = await MakeUsedAsync();
        using var used = NativeFile.Open(_world.DeviceOf(made), NativeFile.ReadWrite);
        var progress = new RecordedProgress { OnReport = _ => RandomAccess.Write(used, new byte[4096], 8 * MiB) };

        var clone = await CloneAsync(backend, made, progress);

        Assert.Equal(1, _world.Read(clone.Id.Value)[8 * MiB]);
        Assert.Equal([clone.Id.Value, made.Id.Value], _world.Group.Volumes.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_clone_of_a_volume_in_use_needs_a_reserve_for_snapshots()
    {
        _world.Dispose();
        _world = new ThickWorld();
        var (backend, made) = await MakeUsedAsync();
        using (NativeFile.Open(_world.DeviceOf(made), NativeFile.ReadWrite))
        {
            var refused = await Assert.ThrowsAsync<StorageException>(() => CloneAsync(backend, made, new RecordedProgress()));
            Assert.Equal(StorageError.FailedPrecondition, refused.Error);
        }

        Assert.Single(_world.Group.Volumes);
        Assert.Equal(1, _world.Read((await CloneAsync(backend, made, new RecordedProgress())).Id.Value)[8 * MiB]);
    }

    [Fact]
    public async Task A_published_raw_block_volume_counts_as_in_use_though_nobody_has_it_open()
    {
        _world.Dispose();
        _world = new ThickWorld();
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a", access: AccessType.Block));

        var refused = await Assert.ThrowsAsync<StorageException>(() => backend.CreateFromAsync(
            Volume("b", access: AccessType.Block) with { Source = new ContentSource.FromVolume(made.Id) },
            new CopySource { Volume = made, InUse = true }, new RecordedProgress(), Cancelled));

        Assert.Equal(StorageError.FailedPrecondition, refused.Error);
    }

    [Fact]
    public async Task A_copy_goes_on_where_it_was_and_says_creating_until_it_is_done()
    {
        var (backend, made) = await MakeUsedAsync(200 * MiB);
        using var stop = new CancellationTokenSource();
        var first = new RecordedProgress { OnReport = _ => stop.Cancel() };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => CloneAsync(backend, made, first, stop.Token));
        var left = Assert.Single((await _world.OpenAsync()).List(), static found => found.Volume?.Name == "b");
        Assert.Equal(VolumeState.Creating, left.Volume!.State);

        backend = await _world.OpenAsync();
        var clone = await CloneAsync(backend, made, new RecordedProgress { ResumeFrom = first.Reports[^1].Done });

        Assert.DoesNotContain("lvcreate", _world.TakeCommands());
        Assert.Equal(_world.Read(made.Id.Value), _world.Read(clone.Id.Value));
        Assert.Equal(VolumeState.Ready, backend.FindMetadata(clone.Id)!.State);
    }

    [Fact]
    public async Task What_a_copy_left_goes_with_its_target()
    {
        var (backend, made) = await MakeUsedAsync(200 * MiB);
        using var used = NativeFile.Open(_world.DeviceOf(made), NativeFile.ReadWrite);
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => CloneAsync(backend, made, new RecordedProgress { OnReport = _ => stop.Cancel() }, stop.Token));
        Assert.Equal(3, _world.Group.Volumes.Count);
        backend = await _world.OpenAsync();
        await backend.UpkeepAsync(Cancelled);
        Assert.Equal(3, _world.Group.Volumes.Count);

        await backend.DeleteAsync(backend.FindMetadata(VolumeId.Mint("b"))!, Cancelled);

        Assert.Equal(made.Id.Value, Assert.Single(_world.Group.Volumes).Key);
    }

    [Fact]
    public async Task A_copy_of_what_was_never_formatted_is_blank()
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a"));
        _world.TakeCommands();

        var clone = await CloneAsync(backend, made, new RecordedProgress());

        Assert.Equal(["lvcreate"], _world.TakeCommands());
        Assert.Equal(FormatState.Never, clone.Format);
        using var device = BlockDevice.Open(_world.DeviceOf(clone));
        Assert.IsType<ProbeResult.Blank>(BlankCheck.Probe(device));
    }

    [Fact]
    public async Task A_copy_that_was_made_is_taken_although_its_last_command_failed()
    {
        var (backend, made) = await MakeUsedAsync();
        _world.Faults.FailsAfter = "lvcreate";

        var refused = await Record.ExceptionAsync(() => CloneAsync(backend, made, new RecordedProgress()));

        // Either it went on, or whoever undoes it sees that it is there, unfinished.
        if (refused is not null)
            Assert.Equal(VolumeState.Creating, backend.FindMetadata(VolumeId.Mint("b"))!.State);
    }

    private async Task<(LvmBackend Backend, VolumeRecord Volume)> MakeUsedAsync(long sizeBytes = 40 * MiB)
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a", sizeBytes)) with { Format = FormatState.Formatted, FormattedAt = Records.Noon };
        await backend.WriteMetadataAsync(made, Cancelled);
        _world.Write(made.Id.Value, 8 * MiB, 1);
        _world.TakeCommands();
        return (backend, made);
    }

    private static Task<SnapshotRecord> CutAsync(LvmBackend backend, VolumeRecord volume) =>
        backend.CreateSnapshotAsync(Records.Snapshot("s", volume), new CopySource { Volume = volume }, new RecordedProgress(), Cancelled);

    private static Task<VolumeRecord> RestoreAsync(LvmBackend backend, SnapshotRecord snapshot, long sizeBytes) => backend.CreateFromAsync(
        Volume("b", sizeBytes) with { Source = new ContentSource.FromSnapshot(snapshot.Id) }, new CopySource { Snapshot = snapshot }, new RecordedProgress(), Cancelled);

    private static Task<VolumeRecord> CloneAsync(LvmBackend backend, VolumeRecord volume, RecordedProgress progress, CancellationToken? stop = null) => backend.CreateFromAsync(
        Volume("b", volume.SizeBytes) with { Source = new ContentSource.FromVolume(volume.Id) }, new CopySource { Volume = volume }, progress, stop ?? Cancelled);
}
