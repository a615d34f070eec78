using CsiLocal.Backends;
using CsiLocal.Backends.Images;
using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Images;

public sealed class SmallXfsDisk() : LoopFilesystem("xfs", 320);

/// <summary>Sizes, space and growth.</summary>
public sealed class ImageSizeTests(SmallXfsDisk disk) : IClassFixture<SmallXfsDisk>, IAsyncLifetime
{
    private const int Timeout = 60_000;
    private readonly ImagePool _pool = new();
    private readonly ImagePool _small = new(disk.Path);
    private ImageBackend _backend = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _backend = await _pool.OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await _pool.DisposeAsync();
        await _small.DisposeAsync();
    }

    [Theory(Timeout = Timeout)]
    [InlineData(0, 16 * Records.MiB)]
    [InlineData(1, 16 * Records.MiB)]
    [InlineData(16 * Records.MiB, 16 * Records.MiB)]
    [InlineData((16 * Records.MiB) + 1, 17 * Records.MiB)]
    [InlineData(1L << 50, 1L << 50)]
    public async Task Sizes_are_whole_mebibytes(long required, long size)
    {
        Assert.Equal(size, _backend.RoundUp(required));
        await Task.CompletedTask;
    }

    [Theory(Timeout = Timeout)]
    [InlineData("ext4")]
    [InlineData("xfs")]
    [InlineData("btrfs")]
    public async Task The_smallest_size_of_a_file_system_is_enough_for_it(string name)
    {
        using var folder = new TemporaryFolder();
        var minimum = FilesystemLimits.MinimumBytes(Enum.Parse<FilesystemType>(name, ignoreCase: true));
        using (var file = File.Create(folder.Combine("disk")))
            file.SetLength(minimum);

        HostCommand.Run($"mkfs.{name}", "-q", folder.Combine("disk"));
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task A_sparse_volume_takes_nothing_and_a_preallocated_one_everything()
    {
        var sparse = await ImagePool.MakeAsync(_backend, Records.Volume("a"));
        var full = await ImagePool.MakeAsync(_backend, Records.Volume("b") with { Preallocated = true });

        Assert.Equal(0, _backend.CopyCost(sparse));
        Assert.True(_backend.CopyCost(full) >= full.SizeBytes);
        Assert.Equal(full.SizeBytes, new FileInfo(_backend.Location(full)).Length);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_preallocated_volume_that_does_not_fit_leaves_nothing()
    {
        var backend = await _small.OpenAsync();
        var before = FilesystemStatus.Of(_small.Path).AvailableBytes;

        var e = await Assert.ThrowsAsync<StorageException>(
            () => backend.CreateAsync(Records.Volume("a", 2048 * Records.MiB) with { Preallocated = true }, Cancelled));

        Assert.Equal(StorageError.ResourceExhausted, e.Error);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_small.Path, "volumes")));
        Assert.InRange(FilesystemStatus.Of(_small.Path).AvailableBytes, before - Records.MiB, before + Records.MiB);
    }

    [Fact(Timeout = Timeout)]
    public async Task An_expansion_that_does_not_fit_changes_nothing()
    {
        var backend = await _small.OpenAsync();
        var volume = await ImagePool.MakeAsync(backend, Records.Volume("a", 32 * Records.MiB) with { Preallocated = true });
        await ImagePool.WriteAsync(backend, volume, 1);
        var before = await ImagePool.DigestAsync(backend, volume);

        var e = await Assert.ThrowsAsync<StorageException>(() => backend.ResizeAsync(volume, 2048 * Records.MiB, Cancelled));

        Assert.Equal(StorageError.ResourceExhausted, e.Error);
        Assert.Equal(volume.SizeBytes, new FileInfo(backend.Location(volume)).Length);
        Assert.InRange(backend.CopyCost(volume), volume.SizeBytes, volume.SizeBytes + Records.MiB);
        Assert.Equal(before, await ImagePool.DigestAsync(backend, volume));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_copy_that_does_not_fit_leaves_nothing()
    {
        var backend = await _small.OpenAsync();
        var volume = await ImagePool.MakeAsync(backend, Records.Volume("a", 32 * Records.MiB) with { Format = FormatState.Formatted });
        var clone = Records.Volume("b", 2048 * Records.MiB) with { Preallocated = true, Source = new ContentSource.FromVolume(volume.Id) };

        var e = await Assert.ThrowsAsync<StorageException>(
            () => backend.CreateFromAsync(clone, new CopySource { Volume = volume }, new Fakes.RecordedProgress(), Cancelled));

        Assert.Equal(StorageError.ResourceExhausted, e.Error);
        Assert.Equal(volume.Id, Assert.Single(backend.List()).Volume!.Id);
    }

    [Theory(Timeout = Timeout)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Growing_reaches_live_devices_of_both_kinds_and_may_be_repeated(bool preallocated)
    {
        var volume = await ImagePool.MakeAsync(_backend, Records.Volume("a") with { Preallocated = preallocated });
        await _backend.AttachAsync(volume, readOnly: false, Cancelled);
        await _backend.AttachAsync(volume, readOnly: true, Cancelled);

        Assert.Equal(100 * Records.MiB, await _backend.ResizeAsync(volume, (100 * Records.MiB) - 5, Cancelled));
        Assert.Equal(100 * Records.MiB, await _backend.ResizeAsync(volume, 100 * Records.MiB, Cancelled));

        Assert.Equal(100 * Records.MiB, _backend.FindAttachment(volume, readOnly: false)!.SizeBytes);
        Assert.Equal(100 * Records.MiB, _backend.FindAttachment(volume, readOnly: true)!.SizeBytes);
        Assert.Equal(preallocated, _backend.CopyCost(volume) >= 100 * Records.MiB);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_device_that_a_kill_kept_from_its_new_size_gets_it_when_attached_again()
    {
        var volume = await ImagePool.MakeAsync(_backend, Records.Volume("a"));
        await _backend.AttachAsync(volume, readOnly: false, Cancelled);
        using (var image = NativeFile.Open(_backend.Location(volume), NativeFile.ReadWrite))
            RandomAccess.SetLength(image, 100 * Records.MiB);

        var again = await _pool.MakeBackend().AttachAsync(volume, readOnly: false, Cancelled);

        Assert.Equal(100 * Records.MiB, again.SizeBytes);
    }

    [Fact(Timeout = Timeout)]
    public async Task An_image_does_not_shrink()
    {
        var volume = await ImagePool.MakeAsync(_backend, Records.Volume("a"));

        var e = await Assert.ThrowsAsync<StorageException>(() => _backend.ResizeAsync(volume, 32 * Records.MiB, Cancelled));

        Assert.Equal(StorageError.OutOfRange, e.Error);
        Assert.Equal(volume.SizeBytes, new FileInfo(_backend.Location(volume)).Length);
    }

    [Fact(Timeout = Timeout)]
    public async Task Space_is_what_is_free_less_reserve_promises_and_what_is_shared()
    {
        var backend = await _small.OpenAsync();
        var total = FilesystemStatus.Of(_small.Path);
        var sparse = await ImagePool.MakeAsync(backend, Records.Volume("a") with { SharedBytes = 7, PendingSizeBytes = 70 * Records.MiB });
        var planned = Records.Volume("planned");
        var deleting = Records.Volume("deleting") with { State = VolumeState.Deleting };
        var snapshot = Records.Snapshot("s", sparse) with { SharedBytes = 5 };
        var pool = new ImagePool(disk.Path)
        {
            Options = _small.Options with { ReserveBytes = 11, Overprovision = 2.5 },
        };
        var generous = await pool.OpenAsync();

        var plain = backend.MeasureSpace([sparse, planned, deleting], [snapshot]);
        var stretched = generous.MeasureSpace([], []);

        Assert.Equal(total.TotalBytes, plain.TotalBytes);
        Assert.Equal(plain.FreeBytes - (70 * Records.MiB) - 7 - (64 * Records.MiB) - 5, plain.AvailableBytes);
        Assert.Equal(FilesystemStatus.Of(_small.Path).AvailableBytes - 11, stretched.FreeBytes);
        Assert.Equal(stretched.FreeBytes + (long)(1.5 * total.TotalBytes), stretched.AvailableBytes);
        await pool.DisposeAsync();
    }

    [Fact(Timeout = Timeout)]
    public async Task The_space_of_a_thousand_volumes_is_measured_in_ten_milliseconds()
    {
        var volumes = Enumerable.Range(0, 1000).Select(i => Records.Volume($"v{i}")).ToList();
        foreach (var volume in volumes)
            File.WriteAllText(_backend.Location(volume), "");

        var best = Enumerable.Range(0, 20).Min(_ =>
        {
            var begin = TimeProvider.System.GetTimestamp();
            _backend.MeasureSpace(volumes, []);
            return TimeProvider.System.GetElapsedTime(begin);
        });

        TestContext.Current.TestOutputHelper?.WriteLine($"{best.TotalMilliseconds} ms");
        Assert.True(best < TimeSpan.FromMilliseconds(10), $"{best.TotalMilliseconds} ms");
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task A_full_pool_shows_in_the_health_of_a_sparse_volume()
    {
        var backend = await _small.OpenAsync();
        var volume = await ImagePool.MakeAsync(backend, Records.Volume("a"));
        Assert.Empty(backend.Inspect(volume));
        var filler = Path.Combine(_small.Path, "filler");
        using (var file = NativeFile.Open(filler, NativeFile.ReadWrite | NativeFile.Create))
        {
            var buffer = new byte[Records.MiB];
            try
            {
                for (long at = 0; ; at += buffer.Length)
                    RandomAccess.Write(file, buffer, at);
            }
            catch (IOException e) when (e.HResult == Errno.NoSpace)
            {
                RandomAccess.FlushToDisk(file);
            }
        }

        Assert.Equal("PoolFull", Assert.Single(backend.Inspect(volume)).Reason);
        File.Delete(filler);
    }
}
