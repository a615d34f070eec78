using CsiLocal.Backends.Lvm;
using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class BlockEraseTests : IDisposable
{
    private const int Limit = 60_000;
    private const long MiB = 1 << 20;

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory(Timeout = Limit)]
    [InlineData(300 * MiB)]
    [InlineData(4 * MiB)]
    [InlineData(MiB)]
    [InlineData((64 * MiB) + 512)]
    public async Task Full_device_is_blank_to_both_probes_afterwards(long sizeBytes)
    {
        await using var device = await LoopDevice.CreateAsync(_folder, sizeBytes);
        HostCommand.Run("sh", "-c", "tr '\\0' 'x' < /dev/zero | head -c \"$1\" > \"$2\"; sync \"$2\"", "sh", $"{sizeBytes}", device.Path);

        BlockErase.ClearSignatures("create volume v", device.Attachment);

        using (var disk = BlockDevice.Open(device.Path))
            Assert.IsType<ProbeResult.Blank>(BlankCheck.Probe(disk));
        using var commands = new CommandRunner("tests");
        Assert.IsType<ProbeResult.Blank>(await new SignatureProbe(commands).ProbeAsync(device.Path, Cancelled));
    }

    [Theory(Timeout = Limit)]
    [InlineData("mkfs.ext4", "-q")]
    [InlineData("mkfs.xfs", "-q")]
    [InlineData("mkfs.btrfs", "-q")]
    [InlineData("mkswap")]
    public async Task File_system_of_an_earlier_user_is_blank_to_both_probes_afterwards(string program, params string[] options)
    {
        await using var device = await LoopDevice.CreateAsync(_folder, 400 * MiB);
        HostCommand.Run(program, [.. options, device.Path]);

        BlockErase.ClearSignatures("create volume v", device.Attachment);

        using (var disk = BlockDevice.Open(device.Path))
            Assert.IsType<ProbeResult.Blank>(BlankCheck.Probe(disk));
        using var commands = new CommandRunner("tests");
        Assert.IsType<ProbeResult.Blank>(await new SignatureProbe(commands).ProbeAsync(device.Path, Cancelled));
    }

    [Fact(Timeout = Limit)]
    public async Task Everything_is_zero_after_a_full_erasure_that_was_cancelled_and_went_on()
    {
        await using var device = await LoopDevice.CreateAsync(_folder, 600 * MiB);
        using (var disk = BlockDevice.Open(device.Path, BlockOpen.Write))
        {
            foreach (var offset in new[] { 0, 255 * MiB, 256 * MiB, 400 * MiB, 512 * MiB, 599 * MiB })
                disk.Write(offset, "an earlier tenant's secret"u8);
            disk.Flush();
        }

        using var stop = new CancellationTokenSource();
        var first = new RecordedProgress { OnReport = _ => stop.Cancel() };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => BlockErase.ZeroAsync("create volume v", device.Attachment, first, stop.Token));
        var second = new RecordedProgress { ResumeFrom = first.Reports[^1].Done };
        await UntilNobodyElseHasItOpenAsync(() => BlockErase.ZeroAsync("create volume v", device.Attachment, second, Cancelled));

        Assert.Equal([(256 * MiB, 600 * MiB)], first.Reports);
        Assert.Equal([(512 * MiB, 600 * MiB), (600 * MiB, 600 * MiB)], second.Reports);
        Assert.Equal("", HostCommand.Run("sh", "-c", "tr -d '\\0' < \"$1\" | head -c 1", "sh", device.Path));
    }

    /// <summary>A child that another test starts at this moment has a copy of the first attempt's descriptor until its exec.</summary>
    private static async Task UntilNobodyElseHasItOpenAsync(Func<Task> work)
    {
        while (true)
        {
            try
            {
                await work();
                return;
            }
            catch (StorageException e) when (e.Error == StorageError.FailedPrecondition && !TestContext.Current.CancellationToken.IsCancellationRequested)
            {
                await Task.Delay(20);
            }
        }
    }

    [Fact(Timeout = Limit)]
    public async Task Mounted_device_is_refused_and_named()
    {
        using var image = new LoopImage(FilesystemType.Ext4, 32);
        image.Mount();

        var part = Assert.Throws<StorageException>(() => BlockErase.ClearSignatures("create volume v", image.Attachment));
        var whole = await Assert.ThrowsAsync<StorageException>(
            () => BlockErase.ZeroAsync("create volume v", image.Attachment, new RecordedProgress(), Cancelled));

        foreach (var e in new[] { part, whole })
        {
            Assert.Equal(StorageError.FailedPrecondition, e.Error);
            Assert.Contains($"the mount at {image.Path}", e.Message, StringComparison.Ordinal);
        }

        Assert.NotNull(Superblock.Read(image.Device));
    }
}
