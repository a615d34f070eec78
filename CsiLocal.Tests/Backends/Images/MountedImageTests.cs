using CsiLocal.Backends;
using CsiLocal.Backends.Images;
using CsiLocal.Configuration;
using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Images;

/// <summary>Snapshots and clones of volumes in use.</summary>
public abstract class MountedImageContract(string? disk, bool shares) : IAsyncLifetime
{
    protected const int Timeout = 60_000;

    private protected ImagePool Pool { get; } = new(disk);

    private protected ImageBackend Backend { get; private set; } = null!;

    protected static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => Backend = await Pool.OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await Pool.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Theory(Timeout = Timeout)]
    [InlineData("ext4")]
    [InlineData("xfs")]
    [InlineData("btrfs")]
    public async Task A_snapshot_of_a_mounted_volume_holds_what_was_written_and_mounts_clean(string filesystem)
    {
        var volume = await MakeFormattedAsync("a", filesystem);
        var progress = new RecordedProgress();
        SnapshotRecord snapshot;
        string checksum;
        using (var mounted = await MountedVolume.MountAsync(Backend, volume))
        {
            checksum = mounted.WriteFile("data", 3 * Records.MiB);

            snapshot = await Backend.CreateSnapshotAsync(
                Records.Snapshot("snap", volume), new CopySource { Volume = volume, FrozenAt = mounted.Path, InUse = true }, progress, Cancelled);

            Assert.Equal([mounted.Path, null], progress.Freezes);
            mounted.WriteFile("data", 3 * Records.MiB); // thawed, and not in the snapshot
        }

        var restored = await Backend.CreateFromAsync(
            volume with { Id = VolumeId.Mint("b"), Name = "b", Source = new ContentSource.FromSnapshot(snapshot.Id) },
            new CopySource { Snapshot = snapshot },
            new RecordedProgress(),
            Cancelled);

        using var copy = await MountedVolume.MountAsync(Backend, restored);
        Assert.Equal(checksum, copy.Checksum("data"));
        Assert.Equal(FormatState.Inherited, restored.Format);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_freeze_of_somebody_elses_is_not_thawed()
    {
        var volume = await MakeFormattedAsync("a", "ext4");
        using var mounted = await MountedVolume.MountAsync(Backend, volume);
        using var folder = NativeFile.Open(mounted.Path, NativeFile.Folder);
        var progress = new RecordedProgress();
        FilesystemFreeze.Freeze(folder, mounted.Path);
        try
        {
            var e = await Assert.ThrowsAsync<StorageException>(() => Backend.CreateSnapshotAsync(
                Records.Snapshot("snap", volume), new CopySource { Volume = volume, FrozenAt = mounted.Path }, progress, Cancelled));

            Assert.Equal(StorageError.FailedPrecondition, e.Error);
            Assert.Equal([mounted.Path, null], progress.Freezes);
        }
        finally
        {
            Assert.True(FilesystemFreeze.Thaw(folder, mounted.Path));
        }
    }

    [Fact(Timeout = Timeout)]
    public async Task A_path_that_is_not_the_volumes_mount_is_never_frozen()
    {
        using var elsewhere = new TemporaryFolder();
        var volume = await MakeFormattedAsync("a", "ext4");
        using var mounted = await MountedVolume.MountAsync(Backend, volume);
        var progress = new RecordedProgress();

        var e = await Assert.ThrowsAsync<StorageException>(() => Backend.CreateSnapshotAsync(
            Records.Snapshot("snap", volume), new CopySource { Volume = volume, FrozenAt = elsewhere.Path }, progress, Cancelled));

        Assert.Equal(StorageError.FailedPrecondition, e.Error);
        Assert.Empty(progress.Freezes);
        Assert.DoesNotContain(Backend.List(), o => o.Snapshot is not null);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_raw_device_in_use_is_copied_in_an_instant_or_not_at_all()
    {
        var volume = await ImagePool.MakeAsync(
            Backend,
            Records.Volume("a") with { Access = AccessType.Block, Filesystem = null, FilesystemUuid = null });
        await ImagePool.WriteAsync(Backend, volume, 1);
        await Backend.AttachAsync(volume, readOnly: false, Cancelled);
        var source = new CopySource { Volume = volume, InUse = true };

        if (shares)
        {
            var cut = await Backend.CreateSnapshotAsync(Records.Snapshot("snap", volume), source, new RecordedProgress(), Cancelled);
            var restored = await Backend.CreateFromAsync(
                volume with { Id = VolumeId.Mint("b"), Name = "b", Source = new ContentSource.FromSnapshot(cut.Id) },
                new CopySource { Snapshot = cut },
                new RecordedProgress(),
                Cancelled);

            Assert.Equal(FormatState.Never, restored.Format);
            Assert.Equal(await ImagePool.DigestAsync(Backend, volume), await ImagePool.DigestAsync(Backend, restored));
        }
        else
        {
            var e = await Assert.ThrowsAsync<StorageException>(
                () => Backend.CreateSnapshotAsync(Records.Snapshot("snap", volume), source, new RecordedProgress(), Cancelled));

            Assert.Equal(StorageError.FailedPrecondition, e.Error);
            Assert.Contains("xfs or btrfs", e.Remedy!, StringComparison.Ordinal);
            Assert.DoesNotContain(Backend.List(), o => o.Snapshot is not null);
        }
    }

    [Fact(Timeout = Timeout)]
    public async Task What_a_device_holds_in_its_cache_is_in_the_copy()
    {
        var volume = await ImagePool.MakeAsync(Backend, Records.Volume("a") with { Format = FormatState.Formatted });
        var attachment = await Backend.AttachAsync(volume, readOnly: false, Cancelled);
        var bytes = new byte[Records.MiB];
        new Random(5).NextBytes(bytes);
        using (var device = NativeFile.Open(attachment.Path, NativeFile.ReadWrite))
        {
            RandomAccess.Write(device, bytes, 0); // not flushed

            var clone = await Backend.CreateFromAsync(
                volume with { Id = VolumeId.Mint("b"), Name = "b", Source = new ContentSource.FromVolume(volume.Id) },
                new CopySource { Volume = volume },
                new RecordedProgress(),
                Cancelled);

            using var image = NativeFile.Open(Backend.Location(clone), NativeFile.ReadOnly);
            var copied = new byte[bytes.Length];
            RandomAccess.Read(image, copied, 0);
            Assert.True(bytes.AsSpan().SequenceEqual(copied));
        }
    }

    private protected async Task<VolumeRecord> MakeFormattedAsync(string name, string filesystem)
    {
        var type = Enum.Parse<FilesystemType>(filesystem, ignoreCase: true);
        var volume = await ImagePool.MakeAsync(
            Backend, Records.Volume(name, FilesystemLimits.MinimumBytes(type) + (64 * Records.MiB)) with { Filesystem = type, Format = FormatState.Formatted });
        var attachment = await Backend.AttachAsync(volume, readOnly: false, Cancelled);
        HostCommand.Run($"mkfs.{filesystem}", "-q", attachment.Path);
        await Backend.DetachAsync(volume, readOnly: false, Cancelled);
        return volume;
    }
}

public sealed class MountedImageOnXfsTests(XfsDisk disk) : MountedImageContract(disk.Path, shares: true), IClassFixture<XfsDisk>;

public sealed class MountedImageOnBtrfsTests(BtrfsDisk disk) : MountedImageContract(disk.Path, shares: true), IClassFixture<BtrfsDisk>;

public sealed class MountedImageOnExt4Tests() : MountedImageContract(null, shares: false)
{
    [Fact(Timeout = Timeout)]
    public async Task A_copy_that_would_freeze_for_too_long_is_refused_before_the_freeze()
    {
        var volume = await MakeFormattedAsync("a", "ext4");
        using var mounted = await MountedVolume.MountAsync(Backend, volume);
        var backend = new ImageBackend(Options(TimeSpan.FromTicks(1)), TimeProvider.System);
        var progress = new RecordedProgress();

        var e = await Assert.ThrowsAsync<StorageException>(() => CutAsync(backend, volume, mounted, progress));

        Assert.Equal(StorageError.FailedPrecondition, e.Error);
        Assert.Contains("xfs or btrfs", e.Remedy!, StringComparison.Ordinal);
        Assert.Empty(progress.Freezes);
        Assert.Single(Backend.List());
    }

    [Fact(Timeout = Timeout)]
    public async Task A_copy_that_turns_out_too_slow_thaws_and_leaves_nothing()
    {
        var volume = await MakeFormattedAsync("a", "ext4");
        using var mounted = await MountedVolume.MountAsync(Backend, volume);
        mounted.WriteFile("data", 20 * Records.MiB);
        var backend = new ImageBackend(Options(TimeSpan.FromSeconds(10)), new HastyTime());
        var progress = new RecordedProgress();

        var e = await Assert.ThrowsAsync<StorageException>(() => CutAsync(backend, volume, mounted, progress));

        Assert.Equal(StorageError.FailedPrecondition, e.Error);
        Assert.Contains("longer than the 10 s allowed", e.Message, StringComparison.Ordinal);
        Assert.Equal([mounted.Path, null], progress.Freezes);
        Assert.Empty(progress.Reports);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(Pool.Path, "snapshots")));
        mounted.WriteFile("more", Records.MiB);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_copy_during_which_somebody_thawed_is_not_taken_for_a_snapshot()
    {
        var volume = await MakeFormattedAsync("a", "ext4");
        using var mounted = await MountedVolume.MountAsync(Backend, volume);
        var backend = new ImageBackend(Options(TimeSpan.FromSeconds(10)), new ThawingTime(mounted.Path));

        var e = await Assert.ThrowsAsync<StorageException>(() => CutAsync(backend, volume, mounted, new RecordedProgress()));
        Assert.Equal(StorageError.Aborted, e.Error);
        Assert.Equal(SnapshotState.Creating, Backend.List().Single(o => o.Snapshot is not null).Snapshot!.State);

        // The half-made one is not taken for a finished one.
        var checksum = mounted.WriteFile("late", Records.MiB);
        var cut = await CutAsync(Backend, volume, mounted, new RecordedProgress());
        using var restored = await MountedVolume.MountAsync(
            Backend,
            await Backend.CreateFromAsync(
                volume with { Id = VolumeId.Mint("b"), Name = "b", Source = new ContentSource.FromSnapshot(cut.Id) },
                new CopySource { Snapshot = cut },
                new RecordedProgress(),
                Cancelled));
        Assert.Equal(checksum, restored.Checksum("late"));
    }

    private PoolOptions Options(TimeSpan limit) => Pool.Options with { Path = Pool.Path, FreezeLimit = limit };

    private static Task<SnapshotRecord> CutAsync(ImageBackend backend, VolumeRecord volume, MountedVolume mounted, RecordedProgress progress) =>
        backend.CreateSnapshotAsync(
            Records.Snapshot("snap", volume),
            new CopySource { Volume = volume, FrozenAt = mounted.Path },
            progress,
            Cancelled);

    /// <summary>Six seconds pass with every look at the clock.</summary>
    private sealed class HastyTime : TimeProvider
    {
        private long _seconds;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Interlocked.Add(ref _seconds, 6);
    }

    /// <summary>Thaws a path at each look at the clock, as an impatient administrator would.</summary>
    private sealed class ThawingTime(string path) : TimeProvider
    {
        public override long GetTimestamp()
        {
            using var folder = NativeFile.Open(path, NativeFile.Folder);
            FilesystemFreeze.Thaw(folder, path);
            return base.GetTimestamp();
        }
    }
}
