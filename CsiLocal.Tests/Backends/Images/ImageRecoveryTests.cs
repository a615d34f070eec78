using CsiLocal.Backends;
using CsiLocal.Backends.Images;
using CsiLocal.Tests.Fakes;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Images;

/// <summary>What a kill at each step leaves, and what the next call makes of it.</summary>
public sealed class ImageRecoveryTests : IAsyncLifetime
{
    private const int Timeout = 30_000;
    private readonly ImagePool _pool = new();
    private readonly VolumeRecord _wanted = Records.Volume("a");
    private ImageBackend _backend = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private string Image => _backend.Location(_wanted);

    public async ValueTask InitializeAsync() => _backend = await _pool.OpenAsync();

    public async ValueTask DisposeAsync() => await _pool.DisposeAsync();

    [Theory(Timeout = Timeout)]
    [InlineData(-1, false)] // killed after the metadata
    [InlineData(0, false)] // after the file was made
    [InlineData(64 * Records.MiB, false)] // after it got its length
    [InlineData(-1, true)]
    [InlineData(0, true)]
    [InlineData(64 * Records.MiB, true)]
    public async Task A_creation_cut_off_is_finished(long length, bool preallocated)
    {
        _backend.WriteMetadata(_wanted with { Preallocated = preallocated });
        MakeImage(length);

        var made = await _backend.CreateAsync(_wanted with { Preallocated = preallocated }, Cancelled);

        Assert.Equal(made.SizeBytes, new FileInfo(Image).Length);
        Assert.Equal(preallocated, _backend.CopyCost(made) >= made.SizeBytes);
        Assert.Equal(2, Directory.GetFileSystemEntries(Path.GetDirectoryName(Image)!).Length);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_creation_finished_but_not_recorded_is_answered_from_its_metadata()
    {
        var made = await ImagePool.MakeAsync(_backend, _wanted);

        var again = await _backend.CreateAsync(_wanted, Cancelled);

        Assert.Equal((made.SizeBytes, VolumeState.Creating), (again.SizeBytes, again.State));
        Assert.Equal(VolumeState.Ready, Assert.Single(_backend.List()).Volume!.State);
    }

    [Fact(Timeout = Timeout)]
    public async Task An_image_longer_than_its_record_is_not_taken_over()
    {
        _backend.WriteMetadata(_wanted);
        MakeImage(80 * Records.MiB);

        await AssertRefusedAsync(StorageError.DataLoss, () => _backend.CreateAsync(_wanted, Cancelled));

        Assert.Equal(80 * Records.MiB, new FileInfo(Image).Length);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_claim_to_another_specification_is_not_taken_over()
    {
        foreach (var other in (VolumeRecord[])[
            _wanted with { SizeBytes = 32 * Records.MiB },
            _wanted with { Name = "other" },
            _wanted with { Source = new ContentSource.FromVolume(VolumeId.Mint("s")) },
            _wanted with { Access = AccessType.Block }])
        {
            _backend.WriteMetadata(other);
            await AssertRefusedAsync(StorageError.DataLoss, () => _backend.CreateAsync(_wanted, Cancelled));
            Assert.False(File.Exists(Image));
        }
    }

    [Fact(Timeout = Timeout)]
    public async Task Damaged_metadata_keeps_everything_as_it_is()
    {
        var made = await ImagePool.MakeAsync(_backend, _wanted);
        File.WriteAllText(Path.ChangeExtension(Image, ".json"), "{");

        await AssertRefusedAsync(StorageError.DataLoss, () => _backend.CreateAsync(_wanted, Cancelled));
        await AssertRefusedAsync(StorageError.DataLoss, () => _backend.DeleteAsync(made, Cancelled));
        await AssertRefusedAsync(StorageError.DataLoss, () => _backend.MakeBlankAsync(made, Cancelled));

        Assert.Equal(made.SizeBytes, new FileInfo(Image).Length);
        Assert.Equal("MetadataUnreadable", Assert.Single(_backend.Inspect(made)).Reason);
    }

    [Theory(Timeout = Timeout)]
    [InlineData(-1)] // killed after the image was removed
    [InlineData(64 * Records.MiB)] // before that
    public async Task A_deletion_cut_off_is_not_undone_but_finished(long length)
    {
        _backend.WriteMetadata(_wanted with { State = VolumeState.Deleting });
        MakeImage(length);

        await AssertRefusedAsync(StorageError.FailedPrecondition, () => _backend.CreateAsync(_wanted, Cancelled));
        await _backend.DeleteAsync(_wanted, Cancelled);

        Assert.Empty(Directory.GetFileSystemEntries(Path.GetDirectoryName(Image)!));
    }

    [Fact(Timeout = Timeout)]
    public async Task Deleting_what_never_was_succeeds_and_touches_nothing_else()
    {
        var other = await ImagePool.MakeAsync(_backend, Records.Volume("b"));

        await _backend.DeleteAsync(_wanted, Cancelled);
        await _backend.DeleteSnapshotAsync(Records.Snapshot("s", _wanted), Cancelled);

        Assert.Equal(other.Id, Assert.Single(_backend.List()).Volume!.Id);
    }

    [Theory(Timeout = Timeout)]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(10 * Records.MiB)]
    public async Task A_snapshot_cut_off_is_cut_again(long length)
    {
        var made = await ImagePool.MakeAsync(_backend, _wanted with { Format = FormatState.Formatted });
        await ImagePool.WriteAsync(_backend, made, 1);
        var wanted = Records.Snapshot("s", made);
        MetadataFile.Write(Path.Combine(_pool.Path, "snapshots"), wanted);
        var image = Path.Combine(_pool.Path, "snapshots", $"{wanted.Id}.img");
        if (length >= 0)
        {
            using var file = File.Create(image);
            file.SetLength(length);
        }

        var cut = await _backend.CreateSnapshotAsync(wanted, new CopySource { Volume = made }, new RecordedProgress(), Cancelled);

        Assert.Equal(FormatState.Inherited, cut.Format);
        Assert.True(File.ReadAllBytes(Image).AsSpan().SequenceEqual(File.ReadAllBytes(image)));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_snapshot_of_another_volume_under_the_same_id_is_not_taken_over()
    {
        var made = await ImagePool.MakeAsync(_backend, _wanted);
        var other = await ImagePool.MakeAsync(_backend, Records.Volume("b"));
        await _backend.CreateSnapshotAsync(
            Records.Snapshot("s", other),
            new CopySource { Volume = other },
            new RecordedProgress(),
            Cancelled);

        await AssertRefusedAsync(
            StorageError.DataLoss,
            () => _backend.CreateSnapshotAsync(
                Records.Snapshot("s", made),
                new CopySource { Volume = made },
                new RecordedProgress(),
                Cancelled));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_missing_source_is_told_and_nothing_is_made()
    {
        var made = await ImagePool.MakeAsync(_backend, _wanted);
        File.Delete(Image);

        await AssertRefusedAsync(
            StorageError.DataLoss,
            () => _backend.CreateSnapshotAsync(
                Records.Snapshot("s", made),
                new CopySource { Volume = made },
                new RecordedProgress(),
                Cancelled));

        Assert.DoesNotContain(_backend.List(), o => o.Snapshot is not null);
    }

    private void MakeImage(long length)
    {
        if (length < 0)
            return;
        using var file = File.Create(Image);
        file.SetLength(length);
    }

    private static async Task AssertRefusedAsync(StorageError error, Func<Task> call) =>
        Assert.Equal(error, (await Assert.ThrowsAsync<StorageException>(call)).Error);
}
