using CsiLocal.Tests.Contracts;
using CsiLocal.Backends;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Images;

public sealed class XfsDisk() : LoopFilesystem("xfs", 2048);

public sealed class BtrfsDisk() : LoopFilesystem("btrfs", 2048);

/// <summary>The contract for image pools: content is written to the raw device.</summary>
public abstract class ImageContract(string? disk, bool shares) : BackendContract
{
    private readonly ImagePool _images = new(disk);

    public override async ValueTask DisposeAsync()
    {
        await _images.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected override IStorageBackend MakeBackend() => _images.MakeBackend();

    private protected override VolumeRecord NewVolume(string name) =>
        Records.Volume(name, 40 * Records.MiB) with { Format = FormatState.Formatted };

    private protected override Task WriteAsync(VolumeRecord volume, int seed) => ImagePool.WriteAsync(Backend, volume, seed);

    private protected override Task<string> DigestAsync(VolumeRecord volume) => ImagePool.DigestAsync(Backend, volume);

    private protected override string? ContentInTrash(TrashRecord item) => Path.Combine(_images.Path, "trash", $"{item.Id}.img");

    private protected override Task LoseMetadataAsync(TrashRecord item)
    {
        File.Delete(Path.Combine(_images.Path, "trash", $"{item.Id}.json"));
        return Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task An_attached_volume_is_not_put_into_the_trash()
    {
        var made = await MakeAsync("a", seed: 1);
        await Backend.AttachAsync(made, readOnly: false, Cancelled);

        var e = await Assert.ThrowsAsync<StorageException>(() => Backend.QuarantineAsync(Trashed(made), Cancelled));
        await Backend.DetachAsync(made, readOnly: false, Cancelled);

        Assert.Equal(StorageError.FailedPrecondition, e.Error);
        Assert.True(HasData(made));
    }

    [Fact(Timeout = Timeout)]
    public async Task The_file_system_below_decides_whether_a_copy_is_instant()
    {
        Assert.Equal(shares, Backend.Features.InstantCopy);
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task A_copy_promises_again_what_it_shares_and_nothing_else()
    {
        var made = await MakeAsync("a", seed: 1);
        var held = Backend.CopyCost(made);

        var snapshot = await CutAsync("snap", made);
        var restored = await RestoreAsync("b", snapshot);

        Assert.True(held >= 2 * Records.MiB);
        Assert.Equal(shares ? held : 0, snapshot.SharedBytes);
        Assert.Equal(shares ? held : 0, restored.SharedBytes);
        Assert.Equal(restored.SharedBytes, Backend.List().Single(o => o.Volume?.Id == restored.Id).Volume!.SharedBytes);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_restored_volume_may_be_larger_than_its_snapshot()
    {
        var made = await MakeAsync("a", seed: 1);
        var snapshot = await CutAsync("snap", made);

        var restored = await Backend.CreateFromAsync(
            NewVolume("b") with { SizeBytes = 60 * Records.MiB, Source = new ContentSource.FromSnapshot(snapshot.Id) },
            new CopySource { Snapshot = snapshot },
            new CsiLocal.Tests.Fakes.RecordedProgress(),
            Cancelled);

        Assert.Equal(60 * Records.MiB, new FileInfo(DataOf(restored)).Length);
        Assert.Equal(
            await ImagePool.DigestAsync(Backend, made, 40 * Records.MiB),
            await ImagePool.DigestAsync(Backend, restored, 40 * Records.MiB));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_restored_volume_cannot_be_smaller_than_its_snapshot()
    {
        var made = await MakeAsync("a", seed: 1);
        var snapshot = await CutAsync("snap", made);

        var e = await Assert.ThrowsAsync<StorageException>(() => Backend.CreateFromAsync(
            NewVolume("b") with { SizeBytes = 20 * Records.MiB }, new CopySource { Snapshot = snapshot }, new CsiLocal.Tests.Fakes.RecordedProgress(), Cancelled));

        Assert.Equal(StorageError.OutOfRange, e.Error);
        Assert.DoesNotContain(Backend.List(), o => o.Volume?.Id == VolumeId.Mint("b"));
    }

    [Theory(Timeout = Timeout)]
    [InlineData(nameof(FormatState.Formatted), nameof(FormatState.Inherited))]
    [InlineData(nameof(FormatState.Inherited), nameof(FormatState.Inherited))]
    [InlineData(nameof(FormatState.Formatting), nameof(FormatState.Never))]
    [InlineData(nameof(FormatState.Never), nameof(FormatState.Never))]
    public async Task A_copy_inherits_a_finished_file_system_and_nothing_of_an_unfinished_one(string source, string copy)
    {
        var made = await MakeAsync("a", seed: 1) with { Format = Enum.Parse<FormatState>(source) };

        var clone = await CloneAsync("b", made);
        var restored = await RestoreAsync("c", await CutAsync("snap", made));

        Assert.Equal(Enum.Parse<FormatState>(copy), clone.Format);
        Assert.Equal(Enum.Parse<FormatState>(copy), restored.Format);
        var isBlank = await DigestAsync(restored) == await DigestAsync(await MakeAsync("blank"));
        Assert.Equal(clone.Format == FormatState.Never, isBlank);
    }

    [Fact(Timeout = Timeout)]
    public async Task Files_are_the_owners_alone_and_snapshots_read_only()
    {
        var made = await MakeAsync("a");
        var snapshot = await CutAsync("snap", made);

        Assert.Equal((UnixFileMode)0b110_000_000, File.GetUnixFileMode(DataOf(made)));
        var path = Path.Combine(_images.Path, "snapshots", $"{snapshot.Id}.img");
        Assert.Equal((UnixFileMode)0b100_000_000, File.GetUnixFileMode(path));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_snapshot_cut_off_before_its_last_steps_is_cut_again()
    {
        var made = await MakeAsync("a", seed: 1);
        var snapshot = await CutAsync("snap", made);
        var folder = Path.Combine(_images.Path, "snapshots");
        MetadataFile.Write(folder, snapshot with { State = SnapshotState.Creating });
        File.SetUnixFileMode(Path.Combine(folder, $"{snapshot.Id}.img"), (UnixFileMode)0b110_000_000);
        await WriteAsync(made, 2);

        var again = await CutAsync("snap", made);

        Assert.Equal(await DigestAsync(made), await DigestAsync(await RestoreAsync("b", again)));
    }
}

public sealed class ImageOnExt4Tests() : ImageContract(null, shares: false);

public sealed class ImageOnXfsTests(XfsDisk disk) : ImageContract(disk.Path, shares: true), IClassFixture<XfsDisk>;

public sealed class ImageOnBtrfsTests(BtrfsDisk disk) : ImageContract(disk.Path, shares: true), IClassFixture<BtrfsDisk>;
