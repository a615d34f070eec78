using CsiLocal.Backends;
using CsiLocal.Backends.Images;
using CsiLocal.Native;
using CsiLocal.Tests.Fakes;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Images;

/// <summary>Copies on a file system without reflink: cut off, taken up again, sparse.</summary>
public sealed class SparseCopyTests : IAsyncLifetime
{
    private const int Timeout = 60_000;
    private const long Size = 300 * Records.MiB;
    private readonly ImagePool _pool = new();
    private ImageBackend _backend = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _backend = await _pool.OpenAsync();

    public async ValueTask DisposeAsync() => await _pool.DisposeAsync();

    [Fact(Timeout = Timeout)]
    public async Task Holes_and_blocks_of_zeros_stay_holes()
    {
        var source = await MakeSourceAsync();
        using (var image = NativeFile.Open(_backend.Location(source), NativeFile.ReadWrite))
            RandomAccess.Write(image, new byte[20 * Records.MiB], 200 * Records.MiB);
        Assert.True(_backend.CopyCost(source) >= 116 * Records.MiB);

        var clone = await CloneAsync(source, new RecordedProgress(), Cancelled);

        Assert.Equal(await ImagePool.DigestAsync(_backend, source), await ImagePool.DigestAsync(_backend, clone));
        Assert.InRange(_backend.CopyCost(clone), 96 * Records.MiB, 97 * Records.MiB);
    }

    [Fact(Timeout = Timeout)]
    public async Task Progress_is_told_every_64_MiB_and_at_the_end()
    {
        var source = await MakeSourceAsync();
        var progress = new RecordedProgress();

        await CloneAsync(source, progress, Cancelled);

        Assert.Equal((Size, Size), progress.Reports[^1]);
        Assert.Equal(3, progress.Reports.Count);
        Assert.Equal(progress.Reports.Order(), progress.Reports);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_cancelled_copy_of_a_snapshot_goes_on_where_it_was()
    {
        var source = await MakeSourceAsync();
        var before = await ImagePool.DigestAsync(_backend, source);
        var snapshot = await _backend.CreateSnapshotAsync(
            Records.Snapshot("snap", source), new CopySource { Volume = source }, new RecordedProgress(), Cancelled);
        var restored = Records.Volume("b", Size) with { Source = new ContentSource.FromSnapshot(snapshot.Id) };
        var done = await CutOffAsync(progress => RestoreAsync(progress.Progress, progress.Token));

        // Proof of where it goes on: what lies before is not read again.
        using (var target = NativeFile.Open(_backend.Location(restored), NativeFile.ReadWrite))
            RandomAccess.Write(target, "marked"u8, 0);
        var made = await RestoreAsync(new RecordedProgress { ResumeFrom = done }, Cancelled);

        using (var target = NativeFile.Open(_backend.Location(restored), NativeFile.ReadWrite))
        {
            var head = new byte[6];
            RandomAccess.Read(target, head, 0);
            Assert.Equal("marked"u8.ToArray(), head);
            using var image = NativeFile.Open(_backend.Location(source), NativeFile.ReadOnly);
            RandomAccess.Read(image, head, 0);
            RandomAccess.Write(target, head, 0);
        }

        Assert.Equal(before, await ImagePool.DigestAsync(_backend, made));

        Task<VolumeRecord> RestoreAsync(RecordedProgress progress, CancellationToken token) =>
            _backend.CreateFromAsync(restored, new CopySource { Snapshot = snapshot }, progress, token);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_copy_of_a_volume_written_to_in_between_starts_over()
    {
        var source = await MakeSourceAsync();
        var done = await CutOffAsync(run => CloneAsync(source, run.Progress, run.Token));
        await ImagePool.WriteAsync(_backend, source, 99);

        var clone = await CloneAsync(source, new RecordedProgress { ResumeFrom = done }, Cancelled);

        Assert.Equal(await ImagePool.DigestAsync(_backend, source), await ImagePool.DigestAsync(_backend, clone));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_progress_whose_target_is_gone_starts_over()
    {
        var source = await MakeSourceAsync();
        var done = await CutOffAsync(run => CloneAsync(source, run.Progress, run.Token));
        File.Delete(_backend.Location(Records.Volume("b")));

        var clone = await CloneAsync(source, new RecordedProgress { ResumeFrom = done }, Cancelled);

        Assert.Equal(await ImagePool.DigestAsync(_backend, source), await ImagePool.DigestAsync(_backend, clone));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_target_that_no_metadata_claims_is_left_alone()
    {
        var source = await MakeSourceAsync();
        var target = _backend.Location(Records.Volume("b"));
        File.WriteAllText(target, "somebody's");

        var e = await Assert.ThrowsAsync<StorageException>(() => CloneAsync(source, new RecordedProgress { ResumeFrom = 1 }, Cancelled));

        Assert.Equal(StorageError.DataLoss, e.Error);
        Assert.Equal("somebody's", File.ReadAllText(target));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_finished_clone_is_not_filled_again()
    {
        var source = await MakeSourceAsync();
        var clone = await CloneAsync(source, new RecordedProgress(), Cancelled);
        _backend.WriteMetadata(clone with { State = VolumeState.Ready });
        await ImagePool.WriteAsync(_backend, clone, 7);
        var used = await ImagePool.DigestAsync(_backend, clone);

        var again = await CloneAsync(source, new RecordedProgress(), Cancelled);

        Assert.Equal(used, await ImagePool.DigestAsync(_backend, again));
    }

    /// <summary>96 MiB of data around a hole.</summary>
    private async Task<VolumeRecord> MakeSourceAsync()
    {
        var volume = await ImagePool.MakeAsync(_backend, Records.Volume("a", Size) with { Format = FormatState.Formatted });
        var random = new Random(3);
        var bytes = new byte[16 * Records.MiB];
        using var image = NativeFile.Open(_backend.Location(volume), NativeFile.ReadWrite);
        for (var i = 0; i < 6; i++)
        {
            random.NextBytes(bytes);
            RandomAccess.Write(image, bytes, (i < 5 ? i * 16 : 230) * Records.MiB);
        }

        RandomAccess.FlushToDisk(image);
        return volume;
    }

    private Task<VolumeRecord> CloneAsync(VolumeRecord source, RecordedProgress progress, CancellationToken token) => _backend.CreateFromAsync(
        Records.Volume("b", Size) with { Source = new ContentSource.FromVolume(source.Id) }, new CopySource { Volume = source }, progress, token);

    /// <summary>Cancels after the first report; returns what was reported.</summary>
    private static async Task<long> CutOffAsync(Func<(RecordedProgress Progress, CancellationToken Token), Task> copy)
    {
        using var cancellation = new CancellationTokenSource();
        var progress = new RecordedProgress { OnReport = _ => cancellation.Cancel() };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => copy((progress, cancellation.Token)));
        return Assert.Single(progress.Reports).Done;
    }
}
