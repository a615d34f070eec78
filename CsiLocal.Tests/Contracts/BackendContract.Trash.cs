using CsiLocal.Tests.Backends;
using CsiLocal.Tests.Fakes;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Contracts;

/// <summary>What every backend does with deleted volumes.</summary>
public abstract partial class BackendContract
{
    private protected static readonly DateTimeOffset Deleted = Records.Noon.AddDays(1);

    /// <summary>Raw bytes of what lies in the trash; null where there are none.</summary>
    private protected virtual string? ContentInTrash(TrashRecord item) => null;

    /// <summary>Takes away what says whose the data in the trash is, behind the backend's back.</summary>
    private protected abstract Task LoseMetadataAsync(TrashRecord item);

    private protected static TrashRecord Trashed(VolumeRecord volume, EraseMode erase = EraseMode.Discard) => new()
    {
        Id = TrashId.Of(volume),
        Volume = volume,
        DeletedAt = Deleted,
        Deadline = Deleted.AddHours(24),
        Erase = erase,
    };

    private protected async Task<TrashRecord> DeleteAsync(VolumeRecord volume, EraseMode erase = EraseMode.Discard)
    {
        var item = Trashed(volume, erase);
        Assert.True(await Backend.QuarantineAsync(item, Cancelled));
        return item;
    }

    /// <summary>The next volume of a name.</summary>
    private protected async Task<VolumeRecord> MakeAnotherAsync(string name)
    {
        var volume = await Backend.CreateAsync(NewVolume(name) with { CreatedAt = Deleted.AddMinutes(1) }, Cancelled) with { State = VolumeState.Ready };
        await Backend.WriteMetadataAsync(volume, Cancelled);
        return volume;
    }

    [Fact(Timeout = Timeout)]
    public async Task A_deleted_volume_comes_back_with_its_content()
    {
        var made = await MakeAsync("a", seed: 1);
        var before = await DigestAsync(made);
        var item = await DeleteAsync(made);
        Assert.Null(Backend.FindMetadata(made.Id));
        Assert.False(HasData(made));

        await Backend.RestoreAsync(item, made, Cancelled);

        Assert.Equal(before, await DigestAsync(made));
        Assert.Null(Backend.FindTrash(item.Id));
        var found = Assert.Single(Backend.List());
        Assert.Equal((made.Id, made.FilesystemUuid, VolumeState.Ready), (found.Volume!.Id, found.Volume.FilesystemUuid, found.Volume.State));
        Assert.Empty(Backend.Inspect(made));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_deleted_volume_comes_back_under_another_name_beside_its_successor()
    {
        var made = await MakeAsync("a", seed: 1);
        var before = await DigestAsync(made);
        var item = await DeleteAsync(made);
        var next = await MakeAnotherAsync("a");
        var blank = await DigestAsync(next);
        Assert.NotEqual(before, blank);
        var back = made with { Name = "b", Id = VolumeId.Mint("b") };

        await Backend.RestoreAsync(item, back, Cancelled);

        Assert.Equal(before, await DigestAsync(back));
        Assert.Equal(blank, await DigestAsync(next));
        Assert.Equal("b", Backend.FindMetadata(back.Id)!.Name);
        Assert.Equal(2, Backend.List().Count);
    }

    [Fact(Timeout = Timeout)]
    public async Task Nothing_comes_back_over_its_successor()
    {
        var made = await MakeAsync("a", seed: 1);
        var item = await DeleteAsync(made);
        var next = await MakeAnotherAsync("a");
        await WriteAsync(next, 2);
        var before = await DigestAsync(next);

        var e = await Assert.ThrowsAsync<StorageException>(() => Backend.RestoreAsync(item, made, Cancelled));

        Assert.Equal(StorageError.AlreadyExists, e.Error);
        Assert.Equal(before, await DigestAsync(next));
        Assert.Equal(item.Id, Backend.FindTrash(item.Id)!.Id);
    }

    [Fact(Timeout = Timeout)]
    public async Task What_lies_in_the_trash_says_itself_what_it_was_and_until_when_it_is_kept()
    {
        var made = await MakeAsync("a");
        var item = await DeleteAsync(made, EraseMode.None);

        var again = await RestartAsync();

        var found = Assert.Single(again.List());
        Assert.True(found.HasData && found.Problem is null);
        Assert.Equal(
            (item.Id, item.DeletedAt, item.Deadline, EraseMode.None, false),
            (found.Trash!.Id, found.Trash.DeletedAt, found.Trash.Deadline, found.Trash.Erase, found.Trash.Erasing));
        Assert.Equal((made.Id, made.Name, made.CreatedAt), (found.Trash.Volume.Id, found.Trash.Volume.Name, found.Trash.Volume.CreatedAt));
        Assert.Equal(item.Deadline, again.FindTrash(item.Id)!.Deadline);
    }

    [Fact(Timeout = Timeout)]
    public async Task Each_step_of_the_trash_may_be_repeated()
    {
        var made = await MakeAsync("a", seed: 1);
        var before = await DigestAsync(made);
        var item = await DeleteAsync(made);
        Assert.True(await (await RestartAsync()).QuarantineAsync(item, Cancelled));

        await Backend.InspectAsync(knownIdentity: null, Cancelled);
        await Backend.RestoreAsync(item, made, Cancelled);
        await (await RestartAsync()).RestoreAsync(item, made, Cancelled);
        Assert.Equal(before, await DigestAsync(made));

        await DeleteAsync(made);
        await Backend.EraseAsync(item, new RecordedErasure(), Cancelled);
        await (await RestartAsync()).EraseAsync(item, new RecordedErasure(), Cancelled);
        Assert.Empty(Backend.List());
        Assert.False(await Backend.QuarantineAsync(item, Cancelled));
    }

    [Fact(Timeout = Timeout)]
    public async Task An_erasure_leaves_nothing_of_it_and_everything_of_its_successor()
    {
        var item = await DeleteAsync(await MakeAsync("a", seed: 1));
        var next = await MakeAnotherAsync("a");
        await WriteAsync(next, 2);
        var before = await DigestAsync(next);

        await Backend.EraseAsync(item, new RecordedErasure(), Cancelled);

        Assert.Null(Backend.FindTrash(item.Id));
        Assert.Equal(next.Id, Assert.Single(Backend.List()).Volume!.Id);
        Assert.Equal(before, await DigestAsync(next));
    }

    [Fact(Timeout = Timeout)]
    public async Task What_nothing_proves_to_be_a_deleted_volume_is_not_erased()
    {
        var item = await DeleteAsync(await MakeAsync("a", seed: 1));
        await LoseMetadataAsync(item);

        var e = await Assert.ThrowsAsync<StorageException>(() => Backend.EraseAsync(item, new RecordedErasure(), Cancelled));

        Assert.Equal(StorageError.DataLoss, e.Error);
        Assert.NotNull(Assert.Single(Backend.List()).Problem);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_volume_of_another_creation_is_not_put_into_the_trash()
    {
        var made = await MakeAsync("a", seed: 1);

        var e = await Assert.ThrowsAsync<StorageException>(
            () => Backend.QuarantineAsync(Trashed(made with { CreatedAt = Deleted }), Cancelled));

        Assert.Equal(StorageError.DataLoss, e.Error);
        Assert.Equal(made.Id, Assert.Single(Backend.List()).Volume!.Id);
    }

    [Theory(Timeout = Timeout)]
    [InlineData(nameof(EraseMode.Zero))]
    [InlineData(nameof(EraseMode.Random))]
    public async Task What_is_to_be_overwritten_is_overwritten_as_a_whole(string mode)
    {
        if (!Backend.Features.Overwrite)
            return;

        var item = await DeleteAsync(await MakeAsync("a", seed: 1), Enum.Parse<EraseMode>(mode));
        var path = ContentInTrash(item)!;
        var before = await File.ReadAllBytesAsync(path, Cancelled);
        byte[] after = [];

        var progress = new RecordedErasure { OnReport = (done, total) => after = done == total ? File.ReadAllBytes(path) : after };
        await Backend.EraseAsync(item, progress, Cancelled);

        Assert.Equal(before.Length, after.Length);
        Assert.Equal(progress.Reports.Select(static report => report.Done).Order(), progress.Reports.Select(static report => report.Done));
        for (var at = 0; at < before.Length; at += 4096)
        {
            var was = before.AsSpan(at, 4096);
            var becomes = after.AsSpan(at, 4096);
            if (was.IndexOfAnyExcept((byte)0) >= 0)
                Assert.True(mode == nameof(EraseMode.Zero) ? becomes.IndexOfAnyExcept((byte)0) < 0 : !was.SequenceEqual(becomes), $"{at}");
        }
    }

    [Fact(Timeout = Timeout)]
    public async Task An_erasure_that_was_cut_off_goes_on_and_its_volume_does_not_come_back()
    {
        if (!Backend.Features.Overwrite)
            return;

        var made = await MakeAsync("a", seed: 1);
        var item = await DeleteAsync(made, EraseMode.Zero);
        var first = new RecordedErasure { OnReport = static (_, _) => throw new OperationCanceledException() };
        await Assert.ThrowsAsync<OperationCanceledException>(() => Backend.EraseAsync(item, first, Cancelled));

        var again = await RestartAsync();
        Assert.True(again.FindTrash(item.Id)!.Erasing);
        var e = await Assert.ThrowsAsync<StorageException>(() => again.RestoreAsync(item, made, Cancelled));
        var second = new RecordedErasure { ResumeFrom = first.Reports[^1].Done };
        await again.EraseAsync(item, second, Cancelled);

        Assert.Equal(StorageError.FailedPrecondition, e.Error);
        Assert.True(second.Reports.Count == 0 || second.Reports[0].Done > first.Reports[^1].Done);
        Assert.Empty(again.List());
    }

    [Fact(Timeout = Timeout)]
    public async Task The_trash_promises_no_more_than_its_erasure_gives()
    {
        var kept = await MakeAsync("b", seed: 2);
        var snapshot = Backend.Features is { Snapshots: true, SnapshotsNeedSource: false } ? await CutAsync("snap", kept) : null;
        SnapshotRecord[] snapshots = snapshot is null ? [] : [snapshot];
        var made = await MakeAsync("a", seed: 1);
        var all = Backend.MeasureSpace([kept, made], snapshots, []);

        var item = await DeleteAsync(made);
        TrashRecord[] items = snapshot is null ? [item] : [item, await DeleteAsync(kept)];
        VolumeRecord[] volumes = snapshot is null ? [kept] : [];
        var full = Backend.MeasureSpace(volumes, snapshots, items);
        foreach (var one in items)
            await Backend.EraseAsync(one, new RecordedErasure(), Cancelled);
        await Backend.InspectAsync(knownIdentity: null, Cancelled);
        var empty = Backend.MeasureSpace(volumes, snapshots, []);

        // Others write to the same disk.
        var slack = Math.Max(8 * Records.MiB, full.TotalBytes / 100);
        Assert.True(full.ReclaimableBytes >= 0);
        Assert.True(full.AvailableBytes + full.ReclaimableBytes <= empty.AvailableBytes + slack, $"{full} {empty}");
        if (Backend.Features.HardLimit)
            Assert.True(full.AvailableBytes + full.ReclaimableBytes >= all.AvailableBytes - slack, $"{all} {full}");
    }

    [Fact(Timeout = Timeout)]
    public async Task A_volume_that_its_snapshots_live_on_is_not_put_into_the_trash()
    {
        if (!Backend.Features.SnapshotsNeedSource)
            return;

        var made = await MakeAsync("a", seed: 1);
        var snapshot = await CutAsync("snap", made);

        var e = await Assert.ThrowsAsync<StorageException>(() => Backend.QuarantineAsync(Trashed(made), Cancelled));

        Assert.Equal(StorageError.FailedPrecondition, e.Error);
        Assert.Contains(snapshot.Id.Value, e.Message, StringComparison.Ordinal);
        Assert.True(HasData(made));
    }
}
