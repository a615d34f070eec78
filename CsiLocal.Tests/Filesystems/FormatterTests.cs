using System.Security.Cryptography;
using System.Text;
using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Tests.Support;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Filesystems;

/// <summary>The format interlock on real loop devices.</summary>
public sealed class FormatterTests : IDisposable
{
    private const int Limit = 120_000;
    private const long MiB = 1 << 20;

    /// <summary>Enough for every file system; where only refusals are tested, less is hashed sooner.</summary>
    private const long Size = 320 * MiB;
    private const long SmallSize = 136 * MiB;

    private readonly TemporaryFolder _folder = new();
    private readonly CommandRunner _commands = new($"test-{Guid.NewGuid():n}");
    private readonly Formatter _formatter;
    private int _commits;

    public FormatterTests() => _formatter = new Formatter(_commands, new SignatureProbe(_commands));

    /// <summary>What else may lie on a device, and what writes it there.</summary>
    public static TheoryData<string, string> Tools => new()
    {
        { "mkfs.ext4", "-q" },
        { "mkfs.ext4", "-q -b 1024" },
        { "mke2fs", "-q -t ext2" },
        { "mkfs.xfs", "-q" },
        { "mkfs.btrfs", "-q" },
        { "mkswap", "" },
    };

    /// <summary>Bytes at an offset from the start (or, negative, from the end).</summary>
    public static TheoryData<string, long> Marks => new()
    {
        { "LUKS\u00ba\u00be\0\u0001", 0 },
        { "SKUL\u00ba\u00be\0\u0002", 0x4000 },
        { "SKUL\u00ba\u00be\0\u0002", 0x400000 },
        { "LABELONE", 512 },
        { "LABELONE", 3 * 512 },
        { "EFI PART", 512 },
        { "EFI PART", -512 },
        { "\u0055\u00aa", 510 },
        { "SWAPSPACE2", 4086 },
        { "_BHRfS_M", 65536 + 64 },
        { "_BHRfS_M", (64 * MiB) + 64 },
        { "\u0053\u00ef", (8 * MiB) + 1024 + 56 },
        { "\u0053\u00ef", (32 * MiB) + 56 },
        { "\u0053\u00ef", (128 * MiB) + 56 },
        { "\u00fc\u004e\u002b\u00a9", 4096 },
        { "\u00fc\u004e\u002b\u00a9", -65536 },
        { "\u00fc\u004e\u002b\u00a9", -8192 },
        { "\u000c\u00b1\u00ba", 131072 },
        { "\u000c\u00b1\u00ba", -(256 * 1024) },
        { "\u0001", 1 },
        { "\u0001", 4097 },
        { "\u0001", MiB - 1 },
        { "\u0001", -1 },
        { "\u0001", -MiB },
        { "\u00ff", 333 },
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _commands.Dispose();
        _folder.Dispose();
    }

    [Theory(Timeout = Limit)]
    [InlineData("Ext4")]
    [InlineData("Xfs")]
    [InlineData("Btrfs")]
    public async Task A_blank_device_gets_the_recorded_filesystem_with_the_recorded_uuid(string name)
    {
        await using var device = await LoopDevice.CreateAsync(_folder, Size);
        var record = Record(Enum.Parse<FilesystemType>(name));

        await FormatAsync(record, device);

        Assert.Equal(1, _commits);
        Assert.Equal(
            new ProbeResult.Filesystem(record.Filesystem!.Value, record.FilesystemUuid, null),
            await new SignatureProbe(_commands).ProbeAsync(device.Path, Token));
        Assert.True(Resizer.FillsDevice(device.Path));
    }

    [Theory(Timeout = Limit)]
    [InlineData("Ext4", "-b 1024 -I 256 -E stride=4,stripe_width=8 -O ^huge_file -m 2 -N 5000 -T small")]
    [InlineData("Ext4", "-O project,quota -J size=8 -i 8192")]
    [InlineData("Xfs", "-b size=1024 -i size=512,maxpct=10 -l size=64m -m reflink=0,bigtime=1 -d agcount=2 -s size=512 -n size=8192")]
    [InlineData("Btrfs", "-n 16384 -s 4096 -m single -d single --csum xxhash -O no-holes")]
    public async Task Allowed_options_are_accepted_by_mkfs(string name, string options)
    {
        await using var device = await LoopDevice.CreateAsync(_folder, Size);
        var type = Enum.Parse<FilesystemType>(name);
        var record = Record(type) with { MkfsOptions = MkfsOptions.Parse(type, options) };

        await FormatAsync(record, device);

        Assert.Equal(record.FilesystemUuid, Superblock.Read(device.Path)!.Uuid);
    }

    [Theory(Timeout = Limit)]
    [MemberData(nameof(Tools))]
    public async Task Whatever_a_tool_made_is_not_formatted(string tool, string options)
    {
        await using var device = await LoopDevice.CreateAsync(_folder, SizeFor(tool));
        await LoopDevice.RunAsync(tool, [.. options.Split(' ', StringSplitOptions.RemoveEmptyEntries), device.Path]);

        await AssertRefusedAsync(Record() with { SizeBytes = SizeFor(tool) }, device, "blkid finds ");
        AssertNotBlank(device);
    }

    [Theory(Timeout = Limit)]
    [MemberData(nameof(Tools))]
    public async Task A_filesystem_whose_beginning_was_wiped_is_not_formatted(string tool, string options)
    {
        await using var device = await LoopDevice.CreateAsync(_folder, SizeFor(tool));
        await LoopDevice.RunAsync(tool, [.. options.Split(' ', StringSplitOptions.RemoveEmptyEntries), device.Path]);
        if (tool == "mkswap")
            device.Write(SizeFor(tool) / 2, 1); // Swapped-out pages: mkswap writes nothing but its header.
        device.Write(0, new byte[MiB]);

        AssertNotBlank(device);
        await AssertRefusedAsync(Record() with { SizeBytes = SizeFor(tool) }, device, "");
    }

    [Theory(Timeout = Limit)]
    [MemberData(nameof(Marks))]
    public async Task A_device_with_any_signature_is_not_formatted(string mark, long offset)
    {
        await using var device = await LoopDevice.CreateAsync(_folder, SmallSize);
        device.Write(offset < 0 ? SmallSize + offset : offset, Encoding.Latin1.GetBytes(mark));

        AssertNotBlank(device);
        await AssertRefusedAsync(Record() with { SizeBytes = SmallSize }, device, "");
    }

    [Theory(Timeout = Limit)]
    [InlineData("Formatting")]
    [InlineData("Formatted")]
    [InlineData("Inherited")]
    public async Task A_record_that_is_not_Never_is_not_formatted(string state)
    {
        await using var device = await LoopDevice.CreateAsync(_folder, SmallSize);

        await AssertRefusedAsync(Record() with { SizeBytes = SmallSize, Format = Enum.Parse<FormatState>(state) }, device, $"its record says {state.ToLowerInvariant()}");
    }

    [Theory(Timeout = Limit)]
    [InlineData(4096)]
    [InlineData(-4096)]
    [InlineData(-512)]
    public async Task A_device_of_another_size_is_not_formatted(long difference)
    {
        await using var device = await LoopDevice.CreateAsync(_folder, SmallSize + difference);

        await AssertRefusedAsync(Record() with { SizeBytes = SmallSize }, device, $"has {SmallSize + difference} bytes, its record says {SmallSize}");
    }

    [Fact(Timeout = Limit)]
    public async Task A_device_that_is_not_the_one_attached_is_not_formatted()
    {
        await using var device = await LoopDevice.CreateAsync(_folder, Size);
        await using var other = await LoopDevice.CreateAsync(_folder, Size);
        var before = Hash(device);

        var e = await Assert.ThrowsAsync<StorageException>(
            () => _formatter.FormatAsync(Record(), device.Attachment with { DeviceNumber = other.Attachment.DeviceNumber }, Commit, Token));

        Assert.Contains("another device", e.Message, StringComparison.Ordinal);
        Assert.Equal(before, Hash(device));
    }

    [Fact(Timeout = Limit)]
    public async Task A_plain_file_or_a_missing_node_is_not_formatted()
    {
        await using var device = await LoopDevice.CreateAsync(_folder, Size);
        var file = _folder.Combine("file");
        await File.WriteAllBytesAsync(file, new byte[MiB], Token);
        foreach (var path in new[] { file, _folder.Combine("missing") })
        {
            var e = await Assert.ThrowsAsync<StorageException>(
                () => _formatter.FormatAsync(Record(), device.Attachment with { Path = path }, Commit, Token));

            Assert.Equal(StorageError.DataLoss, e.Error);
        }

        Assert.All(await File.ReadAllBytesAsync(file, Token), value => Assert.Equal(0, value));
        Assert.Equal(0, _commits);
    }

    [Theory(Timeout = Limit)]
    [InlineData(0)]
    [InlineData(4096)]
    [InlineData(Size - MiB)]
    [InlineData(Size - 4096)]
    public async Task A_device_that_cannot_be_read_is_not_formatted(long readable)
    {
        await using var device = await LoopDevice.CreateAsync(_folder, Size);
        using (var file = File.OpenHandle(device.File, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            RandomAccess.SetLength(file, readable);

        var e = await Assert.ThrowsAsync<StorageException>(() => FormatAsync(Record(), device));

        Assert.Equal(StorageError.DataLoss, e.Error);
        Assert.Equal(0, _commits);
        Assert.Equal(readable, new FileInfo(device.File).Length);
    }

    [Fact(Timeout = Limit)]
    public async Task A_failed_mkfs_is_told_with_the_options_that_made_it_fail()
    {
        await using var device = await LoopDevice.CreateAsync(_folder, Size);
        var record = Record(FilesystemType.Xfs) with { MkfsOptions = ["-d", "agcount=1000000"] };

        var e = await Assert.ThrowsAsync<StorageException>(() => FormatAsync(record, device));

        Assert.Equal(StorageError.InvalidArgument, e.Error);
        Assert.Contains("agcount=1000000", e.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Limit)]
    public async Task Each_filesystem_can_be_made_at_its_minimum_size()
    {
        foreach (var type in Enum.GetValues<FilesystemType>())
        {
            var size = FilesystemLimits.MinimumBytes(type);
            await using var device = await LoopDevice.CreateAsync(_folder, size);

            await FormatAsync(Record(type) with { SizeBytes = size }, device);
        }
    }

    [Fact(Timeout = Limit)]
    public async Task A_tebibyte_is_probed_in_milliseconds()
    {
        await using var loop = await LoopDevice.CreateAsync(_folder, 1L << 40);
        using var device = BlockDevice.Open(loop.Path);
        BlankCheck.Probe(device);
        var best = Enumerable.Range(0, 5).Min(_ =>
        {
            var started = System.Diagnostics.Stopwatch.GetTimestamp();
            Assert.IsType<ProbeResult.Blank>(BlankCheck.Probe(device));
            return System.Diagnostics.Stopwatch.GetElapsedTime(started);
        });

        Assert.True(best < TimeSpan.FromMilliseconds(5), $"{best}");
    }

    private static long SizeFor(string tool) => tool == "mkfs.xfs" ? Size : SmallSize;

    private static VolumeRecord Record(FilesystemType type = FilesystemType.Ext4) => new()
    {
        Id = VolumeId.Mint("pvc-1"),
        Name = "pvc-1",
        Pool = "pool",
        Backend = BackendKind.Image,
        SizeBytes = Size,
        Access = AccessType.Mount,
        Filesystem = type,
        FilesystemUuid = Guid.NewGuid(),
        State = VolumeState.Ready,
        CreatedAt = DateTimeOffset.UnixEpoch,
    };

    private static void AssertNotBlank(LoopDevice loop)
    {
        using var device = BlockDevice.Open(loop.Path);
        Assert.IsType<ProbeResult.OtherSignature>(BlankCheck.Probe(device));
    }

    private static string Hash(LoopDevice device)
    {
        using var stream = new FileStream(device.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        return Convert.ToHexString(SHA256.HashData(stream));
    }

    private Task FormatAsync(VolumeRecord record, LoopDevice device) => _formatter.FormatAsync(record, device.Attachment, Commit, Token);

    private void Commit() => _commits++;

    private async Task AssertRefusedAsync(VolumeRecord record, LoopDevice device, string fact)
    {
        var before = Hash(device);

        var e = await Assert.ThrowsAsync<StorageException>(() => FormatAsync(record, device));

        Assert.Equal(StorageError.DataLoss, e.Error);
        Assert.Contains(fact, e.Message, StringComparison.Ordinal);
        Assert.Contains("nothing was written", e.Message, StringComparison.Ordinal);
        Assert.Equal(before, Hash(device));
        Assert.Equal(0, _commits);
    }
}
