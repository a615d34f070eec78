using CsiLocal.Backends.Lvm;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;
using static CsiLocal.Tests.Backends.Lvm.ThickWorld;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>What may be written late, and that it is never lost.</summary>
public sealed class TagLedgerTests : IDisposable
{
    private readonly SteppedClock _clock = new();
    private readonly ThickWorld _world;

    public TagLedgerTests() => _world = new ThickWorld(clock: _clock);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task That_a_volume_was_formatted_is_known_at_once_and_written_later()
    {
        var backend = await _world.OpenAsync();
        var formatted = await FormatAsync(backend);

        Assert.Equal(FormatState.Formatted, backend.FindMetadata(formatted.Id)!.Format);
        await backend.UpkeepAsync(Cancelled);
        Assert.DoesNotContain("lvchange", _world.TakeCommands());

        _clock.Advance(TimeSpan.FromSeconds(5));
        await backend.UpkeepAsync(Cancelled);
        await backend.UpkeepAsync(Cancelled);
        Assert.Single(_world.TakeCommands(), "lvchange");
        Assert.Equivalent(formatted, (await _world.OpenAsync()).FindMetadata(formatted.Id), strict: true);
    }

    [Fact]
    public async Task At_the_end_what_is_still_to_be_written_is_written()
    {
        var backend = await _world.OpenAsync();
        var formatted = await FormatAsync(backend);

        await backend.FlushAsync(Cancelled);

        Assert.Equal(["lvchange"], _world.TakeCommands());
        Assert.Equal(formatted.FormattedAt, (await _world.OpenAsync()).FindMetadata(formatted.Id)!.FormattedAt);
    }

    [Fact]
    public async Task For_a_volume_that_goes_nothing_is_written()
    {
        var backend = await _world.OpenAsync();
        var formatted = await FormatAsync(backend);

        await backend.DeleteAsync(formatted, Cancelled);
        _clock.Advance(TimeSpan.FromMinutes(1));
        await backend.UpkeepAsync(Cancelled);
        await backend.FlushAsync(Cancelled);

        Assert.DoesNotContain("lvchange", _world.TakeCommands());
    }

    [Fact]
    public async Task After_a_kill_the_superblock_tells_what_the_tags_do_not()
    {
        var formatted = await FormatAsync(await _world.OpenAsync());
        HostCommand.Run("mkfs.ext4", "-q", "-U", formatted.FilesystemUuid!.Value.ToString(), _world.DeviceOf(formatted));

        var backend = await _world.OpenAsync();

        Assert.Equal(FormatState.Formatted, backend.FindMetadata(formatted.Id)!.Format);
        Assert.Equal(FormatState.Formatted, Assert.Single(backend.List()).Volume!.Format);
    }

    [Fact]
    public async Task A_foreign_file_system_is_no_evidence()
    {
        var made = await MakeAsync(await _world.OpenAsync(), Volume("a"));
        HostCommand.Run("mkfs.ext4", "-q", "-U", Guid.NewGuid().ToString(), _world.DeviceOf(made));

        Assert.Equal(FormatState.Never, (await _world.OpenAsync()).FindMetadata(made.Id)!.Format);
    }

    [Fact]
    public async Task What_the_data_does_not_tell_is_written_at_once()
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a"));
        _world.TakeCommands();

        await backend.WriteMetadataAsync(made with { FilesystemUuid = Guid.NewGuid() }, Cancelled);

        Assert.Equal(["lvchange"], _world.TakeCommands());
    }

    [Fact]
    public async Task A_failure_is_told_and_the_tags_are_written_later()
    {
        var backend = await _world.OpenAsync();
        var formatted = await FormatAsync(backend);
        _world.Faults.FailsBefore = "lvchange";
        _clock.Advance(TimeSpan.FromSeconds(5));

        await Assert.ThrowsAsync<StorageException>(() => backend.UpkeepAsync(Cancelled));
        await backend.UpkeepAsync(Cancelled);
        _world.Faults.FailsBefore = null;
        _clock.Advance(TimeSpan.FromSeconds(30));
        await backend.UpkeepAsync(Cancelled);

        Assert.Equal(FormatState.Formatted, (await _world.OpenAsync()).FindMetadata(formatted.Id)!.Format);
    }

    [Fact]
    public async Task Tags_of_others_stay()
    {
        var backend = await _world.OpenAsync();
        var made = await MakeAsync(backend, Volume("a"));
        _world.Group.Volumes[made.Id.Value].Tags.Add("backup-nightly");
        backend = await _world.OpenAsync();

        await backend.WriteMetadataAsync(made with { FilesystemUuid = Guid.NewGuid() }, Cancelled);

        Assert.Contains("backup-nightly", _world.Group.Volumes[made.Id.Value].Tags);
        Assert.Equal(2, _world.Group.Volumes[made.Id.Value].Tags.Count);
    }

    private async Task<VolumeRecord> FormatAsync(LvmBackend backend)
    {
        var made = await MakeAsync(backend, Volume("a"));
        var formatted = made with { Format = FormatState.Formatted, FormattedAt = Records.Noon };
        await backend.WriteMetadataAsync(formatted, Cancelled);
        Assert.Equal(["lvcreate"], _world.TakeCommands());
        return formatted;
    }
}
