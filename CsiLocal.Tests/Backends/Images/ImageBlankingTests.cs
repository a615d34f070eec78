using CsiLocal.Backends.Images;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Images;

public abstract class ImageBlankingContract(string? disk) : IAsyncLifetime
{
    private const int Timeout = 60_000;
    private readonly ImagePool _pool = new(disk);
    private ImageBackend _backend = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _backend = await _pool.OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await _pool.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Theory(Timeout = Timeout)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_interrupted_mkfs_leaves_no_trace_in_the_image_nor_in_the_devices_cache(bool preallocated)
    {
        var blank = await ImagePool.DigestAsync(_backend, await ImagePool.MakeAsync(_backend, Records.Volume("blank", 128 * Records.MiB)));
        var volume = await ImagePool.MakeAsync(
            _backend, Records.Volume("a", 128 * Records.MiB) with { Format = FormatState.Formatting, Preallocated = preallocated });
        var attachment = await _backend.AttachAsync(volume, readOnly: false, Cancelled);
        HostCommand.Run("mkfs.ext4", "-q", attachment.Path);
        HostCommand.Run("sh", "-c", "cat < \"$1\" > /dev/null", "sh", attachment.Path);

        await _backend.MakeBlankAsync(volume, Cancelled);
        await _backend.MakeBlankAsync(volume, Cancelled);

        Assert.Equal(0, HostCommand.Run("sh", "-c", "tr -d '\\0' < \"$1\" | head -c 1", "sh", attachment.Path).Length);
        Assert.Equal(blank, await ImagePool.DigestAsync(_backend, volume));
        Assert.Equal(preallocated, _backend.CopyCost(volume) >= volume.SizeBytes);
        Assert.Equal(volume.SizeBytes, new FileInfo(_backend.Location(volume)).Length);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_volume_that_either_record_calls_formatted_keeps_its_content()
    {
        var volume = await ImagePool.MakeAsync(_backend, Records.Volume("a") with { Format = FormatState.Formatted });
        await ImagePool.WriteAsync(_backend, volume, 1);
        var before = await ImagePool.DigestAsync(_backend, volume);

        var beside = await Assert.ThrowsAsync<StorageException>(() => _backend.MakeBlankAsync(
            volume with { Format = FormatState.Formatting },
            Cancelled));
        _backend.WriteMetadata(volume with { Format = FormatState.Formatting });
        var given = await Assert.ThrowsAsync<StorageException>(() => _backend.MakeBlankAsync(volume, Cancelled));
        var stamped = await Assert.ThrowsAsync<StorageException>(
            () => _backend.MakeBlankAsync(volume with { Format = FormatState.Formatting, FormattedAt = Records.Noon }, Cancelled));

        Assert.All((StorageException[])[beside, given, stamped], e => Assert.Equal(StorageError.DataLoss, e.Error));
        Assert.Equal(before, await ImagePool.DigestAsync(_backend, volume));
    }
}

public sealed class ImageBlankingOnExt4Tests() : ImageBlankingContract(null);

public sealed class ImageBlankingOnXfsTests(XfsDisk disk) : ImageBlankingContract(disk.Path), IClassFixture<XfsDisk>;

public sealed class ImageBlankingOnBtrfsTests(BtrfsDisk disk) : ImageBlankingContract(disk.Path), IClassFixture<BtrfsDisk>;
