using CsiLocal.Backends;
using CsiLocal.Tests.Backends;
using CsiLocal.Tests.Fakes;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Contracts;

/// <summary>What every backend does, whatever it stores volumes as. Each test has an empty pool.</summary>
public abstract partial class BackendContract : IAsyncLifetime
{
    protected const int Timeout = 60_000;

    private protected IStorageBackend Backend { get; private set; } = null!;

    protected static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public virtual async ValueTask InitializeAsync()
    {
        Backend = MakeBackend();
        await Backend.InspectAsync(knownIdentity: null, Cancelled);
    }

    /// <summary>Detaches what a failed test left attached, and removes the pool.</summary>
    public abstract ValueTask DisposeAsync();

    /// <summary>A new instance for the test's pool, not yet inspected.</summary>
    private protected abstract IStorageBackend MakeBackend();

    private protected async Task<IStorageBackend> RestartAsync()
    {
        var backend = MakeBackend();
        await backend.InspectAsync(knownIdentity: null, Cancelled);
        return backend;
    }

    private protected abstract VolumeRecord NewVolume(string name);

    private protected virtual SnapshotRecord NewSnapshot(string name, VolumeRecord source) => Records.Snapshot(name, source);

    /// <summary>Writes content that depends on the seed, and leaves the volume unattached.</summary>
    private protected abstract Task WriteAsync(VolumeRecord volume, int seed);

    /// <summary>A digest of the whole content.</summary>
    private protected abstract Task<string> DigestAsync(VolumeRecord volume);

    /// <summary>Path of the data, to damage it.</summary>
    private protected string DataOf(VolumeRecord volume) => Backend.Location(volume);

    /// <summary>Data and metadata are two things, of which one may be lost; false: they come and go together.</summary>
    private protected virtual bool HasMetadataApart => true;

    private protected virtual bool HasData(VolumeRecord volume) => Path.Exists(DataOf(volume));

    /// <summary>Takes the data away behind the backend's back; it sees that when it looks the next time.</summary>
    private protected virtual Task LoseDataAsync(VolumeRecord volume)
    {
        var path = DataOf(volume);
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
        else
            File.Delete(path);
        return Task.CompletedTask;
    }

    /// <summary>Takes away what says whose the data is, in the same way.</summary>
    private protected virtual Task LoseMetadataAsync(VolumeRecord volume)
    {
        File.Delete(MetadataFile.PathOf(Path.GetDirectoryName(DataOf(volume))!, volume.Id.Value));
        return Task.CompletedTask;
    }

    private protected async Task<VolumeRecord> MakeAsync(string name, int? seed = null)
    {
        var volume = await Backend.CreateAsync(NewVolume(name), Cancelled) with { State = VolumeState.Ready };
        await Backend.WriteMetadataAsync(volume, Cancelled);
        if (seed is { } number)
            await WriteAsync(volume, number);
        return volume;
    }

    [Fact(Timeout = Timeout)]
    public async Task A_pool_keeps_its_identity()
    {
        var first = await Backend.InspectAsync(knownIdentity: null, Cancelled);

        Assert.Equal(first, await MakeBackend().InspectAsync(knownIdentity: null, Cancelled));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_new_volume_has_its_rounded_size_and_its_metadata_beside_it()
    {
        var wanted = NewVolume("a");

        var made = await Backend.CreateAsync(wanted, Cancelled);

        Assert.Equal(Backend.RoundUp(wanted.SizeBytes), made.SizeBytes);
        Assert.Equal(VolumeState.Creating, made.State);
        var found = Assert.Single(Backend.List());
        Assert.True(found.HasData);
        Assert.Null(found.Problem);
        Assert.Equal(made.Id, found.Volume!.Id);
        Assert.Equal(made.SizeBytes, found.Volume.SizeBytes);
        Assert.Empty(Backend.Inspect(made));
    }

    [Fact(Timeout = Timeout)]
    public async Task Creating_again_answers_the_same()
    {
        var first = await Backend.CreateAsync(NewVolume("a"), Cancelled);
        var second = await (await RestartAsync()).CreateAsync(NewVolume("a"), Cancelled);

        Assert.Equal((first.Id, first.SizeBytes, first.State), (second.Id, second.SizeBytes, second.State));
        Assert.Single(Backend.List());
    }

    [Fact(Timeout = Timeout)]
    public async Task Creating_again_after_the_first_was_used_keeps_its_content()
    {
        var made = await MakeAsync("a", seed: 1);
        var before = await DigestAsync(made);

        await Backend.CreateAsync(NewVolume("a"), Cancelled);

        Assert.Equal(before, await DigestAsync(made));
    }

    [Fact(Timeout = Timeout)]
    public async Task Metadata_alone_is_a_creation_to_be_finished()
    {
        var wanted = NewVolume("a");
        if (!HasMetadataApart)
        {
            await Assert.ThrowsAsync<StorageException>(() => Backend.WriteMetadataAsync(wanted, Cancelled));
            Assert.Empty(Backend.List());
            return;
        }

        await Backend.WriteMetadataAsync(wanted with { SizeBytes = Backend.RoundUp(wanted.SizeBytes) }, Cancelled);

        var made = await Backend.CreateAsync(wanted, Cancelled);

        Assert.True(Assert.Single(Backend.List()).HasData);
        await DigestAsync(made);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_finished_volume_whose_data_is_gone_is_not_made_again()
    {
        var made = await MakeAsync("a");
        await LoseDataAsync(made);

        // Where its metadata went with it, only the caller's row tells that there was one, and a creation is no mistake.
        var e = await Assert.ThrowsAsync<StorageException>(() => HasMetadataApart
            ? Backend.CreateAsync(NewVolume("a"), Cancelled)
            : Backend.AttachAsync(made, readOnly: false, Cancelled));

        Assert.Equal(StorageError.DataLoss, e.Error);
        Assert.False(HasData(made));
        Assert.Equal(HealthStatus.DataLoss, Backend.Inspect(made)[0].Status);
    }

    [Fact(Timeout = Timeout)]
    public async Task Data_without_metadata_is_neither_taken_over_nor_removed()
    {
        var made = await MakeAsync("a", seed: 1);
        await LoseMetadataAsync(made);

        var create = await Assert.ThrowsAsync<StorageException>(() => Backend.CreateAsync(NewVolume("a"), Cancelled));
        var delete = await Assert.ThrowsAsync<StorageException>(() => Backend.DeleteAsync(made, Cancelled));

        Assert.Equal((StorageError.DataLoss, StorageError.DataLoss), (create.Error, delete.Error));
        Assert.True(HasData(made));
        Assert.NotNull(Assert.Single(Backend.List()).Problem);
    }

    [Fact(Timeout = Timeout)]
    public async Task Deleting_leaves_nothing_and_may_be_repeated()
    {
        var made = await MakeAsync("a", seed: 1);

        await Backend.DeleteAsync(made, Cancelled);
        await Backend.DeleteAsync(made, Cancelled);

        Assert.Empty(Backend.List());
        Assert.False(HasData(made));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_deletion_that_was_cut_off_after_the_data_is_finished()
    {
        var made = await MakeAsync("a", seed: 1);
        await Backend.WriteMetadataAsync(made with { State = VolumeState.Deleting }, Cancelled);
        await LoseDataAsync(made);

        if (HasMetadataApart)
            Assert.Equal(VolumeState.Deleting, Assert.Single(Backend.List()).Volume!.State);
        await Backend.DeleteAsync(made, Cancelled);

        Assert.Empty(Backend.List());
    }

    [Fact(Timeout = Timeout)]
    public async Task Attaching_and_detaching_may_be_repeated()
    {
        var made = await MakeAsync("a");

        var first = await Backend.AttachAsync(made, readOnly: false, Cancelled);
        var second = await (await RestartAsync()).AttachAsync(made, readOnly: false, Cancelled);
        Assert.Equal(first, second);
        Assert.Equal(first, Backend.FindAttachment(made, readOnly: false));
        Assert.Equal(first, (await RestartAsync()).FindAttachment(made, readOnly: false));

        await Backend.DetachAsync(made, readOnly: false, Cancelled);
        await Backend.DetachAsync(made, readOnly: false, Cancelled);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_snapshot_keeps_what_the_volume_held_when_it_was_cut()
    {
        var made = await MakeAsync("a", seed: 1);
        var before = await DigestAsync(made);

        var snapshot = await CutAsync("snap", made);
        await WriteAsync(made, 2);
        var restored = await RestoreAsync("b", snapshot);

        Assert.NotEqual(before, await DigestAsync(made));
        Assert.Equal(before, await DigestAsync(restored));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_snapshot_outlives_its_source_and_a_volume_its_snapshot()
    {
        var made = await MakeAsync("a", seed: 1);
        var before = await DigestAsync(made);

        var snapshot = await CutAsync("snap", made);
        if (Backend.Features.SnapshotsNeedSource)
            await RequireKeptForAsync(snapshot, made);
        else
            await Backend.DeleteAsync(made, Cancelled);
        var restored = await RestoreAsync("b", snapshot);
        await Backend.DeleteSnapshotAsync(snapshot, Cancelled);
        await Backend.DeleteAsync(made, Cancelled);

        Assert.Equal(before, await DigestAsync(restored));
        Assert.Equal(restored.Id, Assert.Single(Backend.List()).Volume!.Id);
    }

    [Fact(Timeout = Timeout)]
    public async Task Cutting_a_finished_snapshot_again_keeps_it()
    {
        var made = await MakeAsync("a", seed: 1);
        var before = await DigestAsync(made);
        var first = await CutAsync("snap", made);
        await WriteAsync(made, 2);

        var second = await Backend.CreateSnapshotAsync(
            NewSnapshot("snap", made), new CopySource { Volume = made }, new RecordedProgress(), Cancelled);

        Assert.Equal(first, second);
        Assert.Equal(before, await DigestAsync(await RestoreAsync("b", second)));
    }

    [Fact(Timeout = Timeout)]
    public async Task Deleting_a_snapshot_may_be_repeated()
    {
        var made = await MakeAsync("a");
        var snapshot = await CutAsync("snap", made);

        await Backend.DeleteSnapshotAsync(snapshot, Cancelled);
        await Backend.DeleteSnapshotAsync(snapshot, Cancelled);

        Assert.Single(Backend.List());
    }

    [Fact(Timeout = Timeout)]
    public async Task A_clone_goes_its_own_way()
    {
        var made = await MakeAsync("a", seed: 1);
        var before = await DigestAsync(made);

        var clone = await CloneAsync("b", made);
        Assert.Equal(before, await DigestAsync(clone));
        await WriteAsync(clone, 2);

        Assert.Equal(before, await DigestAsync(made));
        Assert.NotEqual(before, await DigestAsync(clone));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_clone_cut_off_before_its_end_is_made_again()
    {
        var made = await MakeAsync("a", seed: 1);
        await CloneAsync("b", made);

        var again = await CloneAsync("b", made);

        Assert.Equal(await DigestAsync(made), await DigestAsync(again));
    }

    [Fact(Timeout = Timeout)]
    public async Task The_list_names_volumes_and_snapshots()
    {
        var made = await MakeAsync("a");
        var snapshot = await CutAsync("snap", made);

        var found = Backend.List();

        Assert.Equal([made.Id], found.Where(o => o.Volume is not null).Select(o => o.Volume!.Id));
        Assert.Equal([snapshot.Id], found.Where(o => o.Snapshot is not null).Select(o => o.Snapshot!.Id));
        Assert.All(found, o => Assert.True(o.HasData && o.Problem is null));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_promise_is_taken_off_the_space_before_anything_is_written()
    {
        var volume = NewVolume("a") with { SizeBytes = Backend.RoundUp(NewVolume("a").SizeBytes) };

        var before = Backend.MeasureSpace([], []);
        var after = Backend.MeasureSpace([volume], []);

        // A size that limits nothing is no promise.
        var promised = Backend.Features.HardLimit ? volume.SizeBytes : 0;
        Assert.True(before.AvailableBytes - after.AvailableBytes >= promised - before.TotalBytes / 100);
        Assert.True(before.FreeBytes <= before.TotalBytes);
        await Task.CompletedTask;
    }

    private protected async Task<SnapshotRecord> CutAsync(string name, VolumeRecord source) => await Backend.CreateSnapshotAsync(
        NewSnapshot(name, source), new CopySource { Volume = source }, new RecordedProgress(), Cancelled);

    private protected async Task<VolumeRecord> RestoreAsync(string name, SnapshotRecord snapshot) => await Backend.CreateFromAsync(
        NewVolume(name) with { Source = new ContentSource.FromSnapshot(snapshot.Id) },
        new CopySource { Snapshot = snapshot },
        new RecordedProgress(),
        Cancelled);

    private protected async Task<VolumeRecord> CloneAsync(string name, VolumeRecord source) => await Backend.CreateFromAsync(
        NewVolume(name) with { Source = new ContentSource.FromVolume(source.Id) },
        new CopySource { Volume = source },
        new RecordedProgress(),
        Cancelled);

    private async Task RequireKeptForAsync(SnapshotRecord snapshot, VolumeRecord source)
    {
        var refused = Assert.Throws<StorageException>(() => Backend.RequireUnused(source));
        var e = await Assert.ThrowsAsync<StorageException>(() => Backend.DeleteAsync(source, Cancelled));

        Assert.Equal((StorageError.FailedPrecondition, StorageError.FailedPrecondition), (refused.Error, e.Error));
        Assert.Contains(snapshot.Id.Value, e.Message, StringComparison.Ordinal);
        Assert.True(HasData(source));
    }
}
