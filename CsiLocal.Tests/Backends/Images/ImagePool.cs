using System.Security.Cryptography;
using CsiLocal.Backends;
using CsiLocal.Backends.Images;
using CsiLocal.Configuration;
using CsiLocal.Native;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Images;

/// <summary>An image pool for one test, on a given file system or the host's; detached and removed afterwards.</summary>
internal sealed class ImagePool(string? disk = null) : IAsyncDisposable
{
    private readonly TemporaryFolder? _folder = disk is null ? new TemporaryFolder() : null;
    private readonly string _name = $"pool-{Guid.NewGuid():N}";
    private string? _path;

    public string Path => _path ??= System.IO.Path.Combine(disk ?? _folder!.Path, _name);

    public PoolOptions Options { get; init; } = new() { Name = "pool", Backend = BackendKind.Image, Path = "/" };

    public ImageBackend MakeBackend(TimeProvider? time = null) => new(Options with { Path = Path }, time ?? TimeProvider.System);

    public async Task<ImageBackend> OpenAsync(TimeProvider? time = null)
    {
        var backend = MakeBackend(time);
        await backend.InspectAsync(knownIdentity: null, TestContext.Current.CancellationToken);
        return backend;
    }

    public static async Task<VolumeRecord> MakeAsync(ImageBackend backend, VolumeRecord wanted)
    {
        var volume = await backend.CreateAsync(wanted, TestContext.Current.CancellationToken) with { State = VolumeState.Ready };
        backend.WriteMetadata(volume);
        return volume;
    }

    /// <summary>Two runs of random bytes, one of them across a hole.</summary>
    public static async Task WriteAsync(IStorageBackend backend, VolumeRecord volume, int seed)
    {
        var bytes = new byte[Records.MiB];
        new Random(seed).NextBytes(bytes);
        var attachment = await backend.AttachAsync(volume, readOnly: false, TestContext.Current.CancellationToken);
        using (var device = NativeFile.OpenFollowing(attachment.Path, NativeFile.ReadWrite))
        {
            RandomAccess.Write(device, bytes, 0);
            RandomAccess.Write(device, bytes, 11 * Records.MiB);
            RandomAccess.FlushToDisk(device);
        }

        await backend.DetachAsync(volume, readOnly: false, TestContext.Current.CancellationToken);
    }

    public static async Task<string> DigestAsync(IStorageBackend backend, VolumeRecord volume, long? length = null)
    {
        var attachment = await backend.AttachAsync(volume, readOnly: true, TestContext.Current.CancellationToken);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using (var device = NativeFile.OpenFollowing(attachment.Path, NativeFile.ReadOnly))
        {
            var buffer = new byte[Records.MiB];
            for (long at = 0; at < (length ?? attachment.SizeBytes); at += buffer.Length)
                hash.AppendData(buffer, 0, RandomAccess.Read(device, buffer, at));
        }

        await backend.DetachAsync(volume, readOnly: true, TestContext.Current.CancellationToken);
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    public async ValueTask DisposeAsync()
    {
        // A failed test may have left devices: by their backing files, ours alone.
        foreach (var image in Directory.Exists(Path) ? Directory.GetFiles(Path, "*.img", SearchOption.AllDirectories) : [])
        {
            if (FileStatus.Find(image) is not { IsRegular: true })
                continue;
            var file = new ImageFile(image, System.IO.Path.GetFileNameWithoutExtension(image));
            foreach (var loop in LoopAttachments.FindAll(file))
                LoopDevices.TryClear(loop.Number);
        }

        await Task.CompletedTask;
        if (Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
        _folder?.Dispose();
    }
}
