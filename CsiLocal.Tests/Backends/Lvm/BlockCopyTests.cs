using System.Security.Cryptography;
using CsiLocal.Backends.Lvm;
using CsiLocal.Native;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class BlockCopyTests : IDisposable
{
    private const int Limit = 60_000;
    private const long MiB = 1 << 20;

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory(Timeout = Limit)]
    [InlineData(150)]
    [InlineData(200)]
    public async Task Thick_target_is_the_source_followed_by_zeros_whatever_it_held(int targetMiB)
    {
        await using var source = await MakeSourceAsync(150);
        await using var target = await LoopDevice.CreateAsync(_folder, targetMiB * MiB);
        Fill(target, 0xEE);
        var progress = new RecordedProgress();

        await BlockCopy.RunAsync(Job(source, target, thin: false), progress, Cancelled);

        Assert.Equal(Digest(source, 150 * MiB), Digest(target, 150 * MiB));
        Assert.True(IsZero(target, 150 * MiB));
        Assert.Equal((targetMiB * MiB, targetMiB * MiB), progress.Reports[^1]);
    }

    [Fact(Timeout = Limit)]
    public async Task Thin_target_gets_the_data_and_nothing_for_zeros()
    {
        await using var source = await MakeSourceAsync(150);
        await using var target = await LoopDevice.CreateAsync(_folder, 200 * MiB);
        var progress = new RecordedProgress();

        await BlockCopy.RunAsync(Job(source, target, thin: true), progress, Cancelled);

        Assert.Equal(Digest(source, 150 * MiB), Digest(target, 150 * MiB));
        Assert.True(IsZero(target, 150 * MiB));
        Assert.InRange(FileStatus.Find(target.File)!.Value.AllocatedBytes, 41 * MiB, 42 * MiB);
        Assert.Equal((150 * MiB, 150 * MiB), progress.Reports[^1]);
    }

    [Fact(Timeout = Limit)]
    public async Task Progress_is_told_about_every_64_MiB_in_order()
    {
        await using var source = await MakeSourceAsync(150);
        await using var target = await LoopDevice.CreateAsync(_folder, 200 * MiB);
        var progress = new RecordedProgress();

        await BlockCopy.RunAsync(Job(source, target, thin: false), progress, Cancelled);

        Assert.Equal([(64 * MiB, 200 * MiB), (128 * MiB, 200 * MiB), (150 * MiB, 200 * MiB), (200 * MiB, 200 * MiB)], progress.Reports);
    }

    [Theory(Timeout = Limit)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Cancelled_copy_goes_on_where_it_was(bool thin)
    {
        await using var source = await MakeSourceAsync(150);
        await using var target = await LoopDevice.CreateAsync(_folder, 160 * MiB);
        using var stop = new CancellationTokenSource();
        var first = new RecordedProgress { OnReport = _ => stop.Cancel() };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => BlockCopy.RunAsync(Job(source, target, thin), first, stop.Token));
        var done = Assert.Single(first.Reports).Done;

        // What lies before is not read again: a mark there stays.
        target.Write(0, 77);
        var second = new RecordedProgress();
        await BlockCopy.RunAsync(Job(source, target, thin) with { ResumeFrom = done }, second, Cancelled);

        Assert.Equal(77, Read(target, 0, 1)[0]);
        target.Write(0, Read(source, 0, 1));
        Assert.Equal(Digest(source, 150 * MiB), Digest(target, 150 * MiB));
        Assert.All(second.Reports, report => Assert.True(report.Done > done));
    }

    [Theory(Timeout = Limit)]
    [InlineData(150)]
    [InlineData(155)]
    [InlineData(160)]
    public async Task Copy_that_was_done_but_for_its_end_finishes_the_end(int doneMiB)
    {
        await using var source = await MakeSourceAsync(150);
        await using var target = await LoopDevice.CreateAsync(_folder, 160 * MiB);
        Fill(target, 0xEE);

        await BlockCopy.RunAsync(Job(source, target, thin: false) with { ResumeFrom = doneMiB * MiB }, new RecordedProgress(), Cancelled);

        Assert.True(IsZero(target, doneMiB * MiB));
        Assert.Equal(0xEE, Read(target, (doneMiB * MiB) - 1, 1)[0]);
    }

    [Fact(Timeout = Limit)]
    public async Task What_the_page_cache_holds_of_the_source_is_copied_and_what_it_held_of_the_target_is_forgotten()
    {
        await using var source = await MakeSourceAsync(8);
        await using var target = await LoopDevice.CreateAsync(_folder, 8 * MiB);
        Assert.Equal(0, Read(target, 0, 1)[0]);
        using (var dirty = File.OpenHandle(source.Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            RandomAccess.Write(dirty, "written late"u8, 0);
            await BlockCopy.RunAsync(Job(source, target, thin: false), new RecordedProgress(), Cancelled);
        }

        Assert.Equal("written late"u8.ToArray(), Read(target, 0, 12));
    }

    [Fact(Timeout = Limit)]
    public async Task Smaller_target_and_one_in_use_are_refused_untouched()
    {
        await using var source = await MakeSourceAsync(8);
        await using var small = await LoopDevice.CreateAsync(_folder, 7 * MiB);
        await using var used = await LoopDevice.CreateAsync(_folder, 8 * MiB);
        using var holder = BlockDevice.Open(used.Path, BlockOpen.Exclusive);

        var tooSmall = await Assert.ThrowsAsync<StorageException>(() => BlockCopy.RunAsync(Job(source, small, thin: false), new RecordedProgress(), Cancelled));
        var inUse = await Assert.ThrowsAsync<StorageException>(() => BlockCopy.RunAsync(Job(source, used, thin: false), new RecordedProgress(), Cancelled));

        Assert.Equal(StorageError.OutOfRange, tooSmall.Error);
        Assert.Equal(StorageError.FailedPrecondition, inUse.Error);
        Assert.Contains($"(pid {Environment.ProcessId})", inUse.Message, StringComparison.Ordinal);
        Assert.True(IsZero(used, 0));
    }

    [Fact(Timeout = Limit)]
    public async Task Device_that_became_another_is_refused_untouched()
    {
        await using var source = await MakeSourceAsync(8);
        await using var target = await LoopDevice.CreateAsync(_folder, 8 * MiB);
        var moved = Job(source, target, thin: false) with { To = target.Attachment with { DeviceNumber = source.Attachment.DeviceNumber } };
        var resized = Job(source, target, thin: false) with { To = target.Attachment with { SizeBytes = 9 * MiB } };

        foreach (var job in new[] { moved, resized })
        {
            var e = await Assert.ThrowsAsync<StorageException>(() => BlockCopy.RunAsync(job, new RecordedProgress(), Cancelled));
            Assert.Equal(StorageError.DataLoss, e.Error);
        }

        Assert.True(IsZero(target, 0));
    }

    [Fact(Timeout = Limit)]
    public async Task Source_that_cannot_be_read_ends_the_copy_with_what_the_disk_said()
    {
        await using var source = await MakeSourceAsync(64);
        await using var target = await LoopDevice.CreateAsync(_folder, 64 * MiB);
        using (var file = File.OpenHandle(source.File, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            RandomAccess.SetLength(file, 40 * MiB); // a loop device answers EIO beyond its file's end

        var e = await Assert.ThrowsAsync<StorageException>(() => BlockCopy.RunAsync(Job(source, target, thin: false), new RecordedProgress(), Cancelled));

        Assert.Contains($"read {source.Path} at", e.Message, StringComparison.Ordinal);
    }

    private static BlockCopyJob Job(LoopDevice source, LoopDevice target, bool thin) => new()
    {
        Attempted = "create volume v",
        From = source.Attachment,
        To = target.Attachment,
        TargetReadsZero = thin,
        ResumeFrom = 0,
    };

    /// <summary>Data at the begin, in the middle beside zeros, and in the last block.</summary>
    private async Task<LoopDevice> MakeSourceAsync(int sizeMiB)
    {
        var device = await LoopDevice.CreateAsync(_folder, sizeMiB * MiB);
        using var disk = BlockDevice.Open(device.Path, BlockOpen.Write);
        disk.Write(0, RandomNumberGenerator.GetBytes((int)MiB));
        if (sizeMiB > 120)
            disk.Write(80 * MiB, RandomNumberGenerator.GetBytes((int)(40 * MiB)));
        disk.Write((sizeMiB * MiB) - 4096, RandomNumberGenerator.GetBytes(4096));
        disk.Flush();
        return device;
    }

    private static void Fill(LoopDevice device, byte value)
    {
        using var disk = BlockDevice.Open(device.Path, BlockOpen.Write);
        var bytes = new byte[MiB];
        Array.Fill(bytes, value);
        for (long at = 0; at < disk.SizeBytes; at += MiB)
            disk.Write(at, bytes);
        disk.Flush();
    }

    private static byte[] Read(LoopDevice device, long offset, int length)
    {
        using var disk = BlockDevice.Open(device.Path);
        var bytes = new byte[length];
        disk.Read(offset, bytes);
        return bytes;
    }

    private static string Digest(LoopDevice device, long length)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (long at = 0; at < length; at += MiB)
            hash.AppendData(Read(device, at, (int)MiB));
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static bool IsZero(LoopDevice device, long from)
    {
        for (var at = from; at < device.Attachment.SizeBytes; at += MiB)
        {
            if (Read(device, at, (int)MiB).AsSpan().ContainsAnyExcept((byte)0))
                return false;
        }

        return true;
    }
}
