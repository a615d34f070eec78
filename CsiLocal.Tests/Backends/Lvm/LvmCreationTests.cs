using CsiLocal.Backends.Lvm;
using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;
using static CsiLocal.Tests.Backends.Lvm.ThickWorld;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>How thick volumes come into being, and what of that may be repeated.</summary>
public sealed class LvmCreationTests : IDisposable
{
    private readonly ThickWorld _world = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_volume_is_made_by_one_command_and_its_tags_are_its_record()
    {
        var backend = await _world.OpenAsync();

        var made = await MakeAsync(backend, Volume("a"));

        Assert.Equal(["lvcreate"], _world.TakeCommands());
        Assert.Equal(40 * MiB, made.SizeBytes);
        foreach (var seen in new[] { backend, await _world.OpenAsync() })
            Assert.Equivalent(made, seen.FindMetadata(made.Id), strict: true);
    }

    [Fact]
    public async Task A_volume_is_blank_where_the_interlock_looks_whatever_its_blocks_held()
    {
        var backend = await _world.OpenAsync();

        var made = await MakeAsync(backend, Volume("a"));

        using var device = BlockDevice.Open(_world.DeviceOf(made));
        Assert.IsType<ProbeResult.Blank>(BlankCheck.Probe(device));
    }

    [Fact]
    public async Task A_raw_block_volume_is_handed_out_only_when_all_of_it_reads_as_zeros()
    {
        var backend = await _world.OpenAsync();
        using var stop = new CancellationTokenSource();
        var interrupted = new RecordedProgress { OnReport = _ => stop.Cancel() };

        // Killed on the way.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => backend.CreateAsync(Volume("a", 600 * MiB, AccessType.Block), interrupted, stop.Token));
        Assert.Equal(VolumeState.Creating, (await _world.OpenAsync()).FindMetadata(VolumeId.Mint("a"))!.State);

        var made = await backend.CreateAsync(Volume("a", 600 * MiB, AccessType.Block), new RecordedProgress { ResumeFrom = interrupted.Reports[0].Done }, Cancelled);
        Assert.Equal(VolumeState.Ready, backend.FindMetadata(made.Id)!.State);
        Assert.DoesNotContain(_world.Read(made.Id.Value), static b => b != 0);
    }

    [Fact]
    public async Task A_finished_raw_block_volume_is_not_zeroed_again()
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a", access: AccessType.Block));
        _world.Write(made.Id.Value, 0, 7);

        await (await _world.OpenAsync()).CreateAsync(Volume("a", access: AccessType.Block), new RecordedProgress(), Cancelled);

        Assert.Equal(7, _world.Read(made.Id.Value)[0]);
    }

    [Fact]
    public async Task A_creation_that_was_cut_off_before_it_blanked_is_finished()
    {
        var made = await MakeAsync(await _world.OpenAsync(), Volume("a"));
        _world.Write(made.Id.Value, 32 << 10, 7);

        await (await _world.OpenAsync()).CreateAsync(Volume("a"), new RecordedProgress(), Cancelled);

        Assert.Equal(0, _world.Read(made.Id.Value)[32 << 10]);
    }

    [Fact]
    public async Task What_carries_its_file_system_is_left_as_it_is_whatever_its_tags_say()
    {
        var made = await MakeAsync(await _world.OpenAsync(), Volume("a"));
        HostCommand.Run("mkfs.ext4", "-q", "-U", made.FilesystemUuid!.Value.ToString(), _world.DeviceOf(made));
        var before = _world.Read(made.Id.Value);
        var backend = await _world.OpenAsync();

        var again = await backend.CreateAsync(Volume("a"), new RecordedProgress(), Cancelled);

        Assert.Equal(FormatState.Formatted, again.Format);
        Assert.Equal(FormatState.Formatted, backend.FindMetadata(made.Id)!.Format);
        Assert.Equal(before, _world.Read(made.Id.Value));
    }

    [Fact]
    public async Task What_was_made_is_taken_although_lvcreate_said_that_it_failed()
    {
        var backend = await _world.OpenAsync();
        _world.Faults.FailsAfter = "lvcreate";

        var made = await backend.CreateAsync(Volume("a"), new RecordedProgress(), Cancelled);

        Assert.Equal(["lvcreate", "fullreport"], _world.TakeCommands());
        Assert.Equal(made.Id, Assert.Single(backend.List()).Volume!.Id);
    }

    [Fact]
    public async Task What_cannot_be_made_leaves_nothing()
    {
        var backend = await _world.OpenAsync();
        _world.Faults.FailsBefore = "lvcreate";

        await Assert.ThrowsAsync<StorageException>(() => backend.CreateAsync(Volume("a"), new RecordedProgress(), Cancelled));

        Assert.Empty(backend.List());
        Assert.Null(backend.FindMetadata(VolumeId.Mint("a")));
    }

    [Fact]
    public async Task More_than_there_is_room_for_is_refused()
    {
        var backend = await _world.OpenAsync();

        var refused = await Assert.ThrowsAsync<StorageException>(
            () => backend.CreateAsync(Volume("a", 5L << 30), new RecordedProgress(), Cancelled));

        Assert.Equal(StorageError.ResourceExhausted, refused.Error);
        Assert.Empty(backend.List());
    }

    [Fact]
    public async Task A_logical_volume_of_that_name_that_is_not_ours_is_not_touched()
    {
        var backend = await _world.OpenAsync();
        var id = VolumeId.Mint("a");
        await _world.MakeForeignAsync(id.Value);
        _world.Write(id.Value, 0, 7);

        var refused = await Assert.ThrowsAsync<StorageException>(() => backend.CreateAsync(Volume("a"), new RecordedProgress(), Cancelled));
        var kept = await Assert.ThrowsAsync<StorageException>(() => backend.DeleteAsync(Volume("a"), Cancelled));

        Assert.Equal((StorageError.DataLoss, StorageError.DataLoss), (refused.Error, kept.Error));
        Assert.Equal(7, _world.Read(id.Value)[0]);
        Assert.NotNull(Assert.Single(backend.List()).Problem);
    }

    [Fact]
    public async Task A_volume_of_another_creation_is_neither_taken_nor_removed()
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a"));
        var other = Volume("a") with { CreatedAt = made.CreatedAt.AddSeconds(1) };

        var refused = await Assert.ThrowsAsync<StorageException>(() => backend.CreateAsync(other, new RecordedProgress(), Cancelled));
        var kept = await Assert.ThrowsAsync<StorageException>(() => backend.DeleteAsync(other, Cancelled));

        Assert.Equal((StorageError.DataLoss, StorageError.DataLoss), (refused.Error, kept.Error));
        Assert.NotNull(backend.FindMetadata(made.Id));
    }

    [Fact]
    public async Task Other_peoples_logical_volumes_are_none_of_the_pools_business()
    {
        var backend = await _world.OpenAsync();
        await MakeAsync(backend, Volume("a"));
        var elsewhere = Volume("b") with { Pool = "other" };
        await _world.MakeForeignAsync(elsewhere.Id.Value, LvTags.Of(elsewhere));
        await _world.MakeForeignAsync("root");

        backend = await _world.OpenAsync();

        Assert.Equal(VolumeId.Mint("a"), Assert.Single(backend.List()).Volume!.Id);
        Assert.Null(backend.FindMetadata(elsewhere.Id));
    }
}
