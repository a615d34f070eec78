using System.Security.Cryptography;
using CsiLocal.Native;
using CsiLocal.Tests.Support;
using Xunit;

namespace CsiLocal.Tests.Native;

public sealed class BlockDeviceTests : IAsyncLifetime
{
    private const int Limit = 30_000;
    private const int MiB = 1 << 20;

    private readonly TemporaryFolder _folder = new();
    private LoopDevice _loop = null!;

    public async ValueTask InitializeAsync() => _loop = await LoopDevice.CreateAsync(_folder, 8 * MiB);

    public async ValueTask DisposeAsync()
    {
        await _loop.DisposeAsync();
        _folder.Dispose();
    }

    [Theory(Timeout = Limit)]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_written_and_flushed_is_in_the_backing_file(bool direct)
    {
        using var memory = new AlignedBuffer(MiB);
        RandomNumberGenerator.Fill(memory.Bytes);
        using (var device = BlockDevice.Open(_loop.Path, BlockOpen.Write | (direct ? BlockOpen.Direct : BlockOpen.Read)))
        {
            device.Write(3 * MiB, memory.Bytes);
            device.Flush();
        }

        Assert.True(File.ReadAllBytes(_loop.File).AsSpan(3 * MiB, MiB).SequenceEqual(memory.Bytes));
        using var reader = BlockDevice.Open(_loop.Path, direct ? BlockOpen.Direct : BlockOpen.Read);
        using var read = new AlignedBuffer(MiB);
        reader.Read(3 * MiB, read.Bytes);
        Assert.True(read.Bytes.SequenceEqual(memory.Bytes));
    }

    [Fact(Timeout = Limit)]
    public void Range_is_zeroed_and_nothing_beside_it()
    {
        FillWithOnes();
        using (var device = BlockDevice.Open(_loop.Path, BlockOpen.Write))
        {
            device.ZeroOut(MiB, 4096);
            device.Flush();
        }

        var content = File.ReadAllBytes(_loop.File);
        Assert.Equal(1, content[MiB - 1]);
        Assert.True(content.AsSpan(MiB, 4096).IndexOfAnyExcept((byte)0) < 0);
        Assert.Equal(1, content[MiB + 4096]);
    }

    [Fact(Timeout = Limit)]
    public void Zeroing_past_the_end_is_an_error_that_says_where()
    {
        using var device = BlockDevice.Open(_loop.Path, BlockOpen.Write);

        var e = Assert.Throws<NativeException>(() => device.ZeroOut(8 * MiB, 4096));

        Assert.Contains($"{_loop.Path} at {8 * MiB}", e.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Limit)]
    public void Discarded_range_gives_its_space_back()
    {
        FillWithOnes();
        using (var device = BlockDevice.Open(_loop.Path, BlockOpen.Write))
            Assert.True(device.TryDiscard(2 * MiB, 4 * MiB));

        Assert.InRange(FileStatus.Find(_loop.File)!.Value.AllocatedBytes, 4 * MiB, 5 * MiB);
    }

    [Fact(Timeout = Limit)]
    public void Writing_past_the_end_is_an_error_that_says_where()
    {
        using var device = BlockDevice.Open(_loop.Path, BlockOpen.Write);

        var e = Assert.Throws<NativeException>(() => device.Write(8 * MiB, new byte[512]));

        Assert.Equal(Errno.NoSpace, e.ErrorNumber);
        Assert.Contains($"{_loop.Path} at {8 * MiB}", e.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Limit)]
    public void Device_of_somebody_else_is_not_opened_exclusively()
    {
        using var holder = BlockDevice.Open(_loop.Path, BlockOpen.Write | BlockOpen.Exclusive);

        var e = Assert.Throws<NativeException>(() => BlockDevice.Open(_loop.Path, BlockOpen.Write | BlockOpen.Exclusive));
        BlockDevice.Open(_loop.Path).Dispose();

        Assert.Equal(Errno.Busy, e.ErrorNumber);
    }

    [Fact(Timeout = Limit)]
    public void Symlink_leads_to_the_device_and_a_file_is_none()
    {
        var link = _folder.Combine("link");
        File.CreateSymbolicLink(link, _loop.Path);

        using (var device = BlockDevice.Open(link))
            Assert.Equal((8 * MiB, 512, _loop.Attachment.DeviceNumber), (device.SizeBytes, device.LogicalBlockBytes, device.Number));
        Assert.Throws<NativeException>(() => BlockDevice.Open(_loop.File));
        Assert.Throws<NativeException>(() => BlockDevice.Open(_folder.Combine("none")));
    }

    private void FillWithOnes()
    {
        using var device = BlockDevice.Open(_loop.Path, BlockOpen.Write);
        var ones = new byte[8 * MiB];
        Array.Fill(ones, (byte)1);
        device.Write(0, ones);
        device.Flush();
    }
}
