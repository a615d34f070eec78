using CsiLocal.Backends.Lvm;
using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Fakes.Lvm;
using CsiLocal.Tests.Support;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Microsoft.Extensions.Logging;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>Volume groups of blank devices, on real block devices with real probes; LVM itself is emulated.</summary>
public sealed class DeviceClaimTests : IAsyncLifetime
{
    private const int Limit = 60_000;
    private const long GiB = 1L << 30;
    private const long Size = 2 * GiB;

    private readonly TemporaryFolder _folder = new();
    private readonly LvmEmulator _emulator = new();
    private readonly CommandFaults _commands = new();
    private readonly CommandRunner _real = new($"test-{Guid.NewGuid():n}");
    private readonly CapturedLog _log = new();
    private readonly List<LoopDevice> _loops = [];
    private LvmTool _tool = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _tool = new LvmTool(_commands.Wrap(_emulator.Wrap(_real)), []);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var loop in _loops)
            await loop.DisposeAsync();
        _emulator.Dispose();
        _real.Dispose();
        _log.Dispose();
        _folder.Dispose();
    }

    [Fact(Timeout = Limit)]
    public async Task Blank_devices_become_the_volume_group_and_the_log_says_so_before()
    {
        var (one, two) = (await BlankAsync(), await BlankAsync());

        var report = await OpenAsync(Start(), [one, two]);

        Assert.Equal([one, two], report.PhysicalVolumes.Select(static device => device.Device));
        Assert.Equal((1, 0), (Count("vgcreate"), Count("vgextend")));
        Assert.Contains(_log.Lines, line => line.Contains($"volume group data is made: of blank devices that 'devices' matches: {one}, {two}", StringComparison.Ordinal));
        Assert.Empty(_emulator.Misuses);
    }

    /// <summary>What lies on the device, and a word of the reason.</summary>
    [Theory(Timeout = Limit)]
    [InlineData("ext4", "carries ext4")]
    [InlineData("xfs", "carries xfs")]
    [InlineData("swap", "data at byte")]
    [InlineData("gpt", "data at byte")]
    [InlineData("partitions", "has partitions: loop")]
    [InlineData("luks", "data at byte 0")]
    [InlineData("lvm", "data at byte 512")]
    [InlineData("zfs", "data at byte 131072")]
    [InlineData("byte 0", "data at byte 0")]
    [InlineData("byte 4096", "data at byte 4096")]
    [InlineData("last byte", "data at byte 2147483647")]
    [InlineData("second superblock of ext4", "data at byte 134217728")]
    [InlineData("mounted", "is mounted at")]
    [InlineData("held", "is in use")]
    [InlineData("read-only", "is read-only")]
    [InlineData("too small", "less than 1 GiB")]
    [InlineData("blkid alone objects", "is not blank: something")]
    public async Task What_is_not_blank_is_left_alone_and_unchanged(string what, string reason)
    {
        await using var device = await PrepareAsync(what);
        var before = Sum(device.Path);

        var refusal = await Assert.ThrowsAsync<StorageException>(() => OpenAsync(Start(), [device.Path]));

        Assert.Equal(StorageError.Unavailable, refusal.Error);
        Assert.Contains($"is blank: {device.Path} ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
        Assert.Equal((0, 0), (Count("vgcreate"), Count("pvcreate")));
        Assert.Equal(before, Sum(device.Path));
    }

    [Fact(Timeout = Limit)]
    public async Task A_device_that_is_not_blank_is_named_and_keeps_the_others_from_nothing()
    {
        var (blank, dirty) = (await BlankAsync(), await BlankAsync());
        _loops[1].Write(4096, 1);

        var report = await OpenAsync(Start(), [blank, dirty]);

        Assert.Equal(blank, Assert.Single(report.PhysicalVolumes).Device);
        Assert.Contains(_log.Lines, line => line.Contains($"{dirty} is not blank: data at byte 4096", StringComparison.Ordinal));
    }

    [Fact(Timeout = Limit)]
    public async Task Loop_devices_are_not_caught_by_a_wildcard()
    {
        var blank = await BlankAsync();

        var refusal = await Assert.ThrowsAsync<StorageException>(() => OpenAsync(Start(), [$"{blank[..^1]}?", $"{blank}*"]));

        Assert.Contains($"{blank} is a loop device; name it in full if it is meant", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(0, Count("vgcreate"));
    }

    [Fact(Timeout = Limit)]
    public async Task Where_nothing_matches_the_patterns_are_told()
    {
        var refusal = await Assert.ThrowsAsync<StorageException>(() => OpenAsync(Start(), ["/dev/disk/by-id/none-*"]));

        Assert.Equal(StorageError.Unavailable, refusal.Error);
        Assert.Contains("'devices' (/dev/disk/by-id/none-*) matches no block device", refusal.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Limit)]
    public async Task A_volume_group_that_is_there_is_extended_by_what_came_later_and_by_nothing_else()
    {
        var (one, two, dirty) = (await BlankAsync(), await BlankAsync(), await BlankAsync());
        _loops[2].Write(0, 1);
        var known = (await OpenAsync(Start(), [one])).Uuid;

        var report = await OpenAsync(Start(), [one, two, dirty], known);
        await OpenAsync(Start(), [one, two, dirty], known);

        Assert.Equal([one, two], report.PhysicalVolumes.Select(static device => device.Device));
        Assert.Equal((1, 1, 1), (Count("vgcreate"), Count("pvcreate"), Count("vgextend")));
        Assert.Empty(_emulator.Misuses);
    }

    [Fact(Timeout = Limit)]
    public async Task A_volume_group_that_somebody_else_made_is_taken_by_its_name_and_extended()
    {
        var group = _emulator.AddGroup("data", disks: 1, diskBytes: GiB);
        var blank = await BlankAsync();

        var report = await OpenAsync(Start(), [blank]);

        Assert.Equal(group.Uuid, report.Uuid);
        Assert.Equal(2, report.PhysicalVolumes.Count);
        Assert.Equal((0, 1), (Count("vgcreate"), Count("vgextend")));
    }

    [Fact(Timeout = Limit)]
    public async Task One_whose_disks_are_missing_is_never_made_anew()
    {
        var blank = await BlankAsync();

        var refusal = await Assert.ThrowsAsync<StorageException>(() => OpenAsync(Start(), [blank], "AAAAAA-known"));

        Assert.Contains("(UUID AAAAAA-known)", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(0, Count("vgcreate"));
    }

    [Fact(Timeout = Limit)]
    public async Task Nor_for_a_pool_that_does_not_know_it_while_another_does()
    {
        var blank = await BlankAsync();
        var group = Start();
        await Assert.ThrowsAsync<StorageException>(() => OpenAsync(group, [blank], "AAAAAA-known"));

        await Assert.ThrowsAsync<StorageException>(() => OpenAsync(group, [blank]));

        Assert.Equal(0, Count("vgcreate"));
    }

    [Fact(Timeout = Limit)]
    public async Task Nor_after_it_went_away_while_the_daemon_ran()
    {
        var blank = await BlankAsync();
        var emulated = _emulator.AddGroup("data", disks: 1, diskBytes: GiB);
        var group = Start();
        await OpenAsync(group, ["/dev/disk/by-id/none-*"]);
        emulated.Disks[0].IsMissing = true;

        await Assert.ThrowsAsync<StorageException>(() => OpenAsync(group, [blank]));

        Assert.Equal(0, Count("vgcreate"));
    }

    [Fact(Timeout = Limit)]
    public async Task With_a_disk_missing_none_is_added()
    {
        var blank = await BlankAsync();
        _emulator.AddGroup("data", disks: 2, diskBytes: GiB).Disks[0].IsMissing = true;

        await OpenAsync(Start(), [blank]);

        Assert.Equal((0, 0), (Count("pvcreate"), Count("vgextend")));
    }

    [Fact(Timeout = Limit)]
    public async Task A_volume_group_that_cannot_be_extended_is_used_as_it_is()
    {
        _emulator.AddGroup("data", disks: 1, diskBytes: GiB);
        var blank = await BlankAsync();
        _commands.Around = static (command, run) => command.Arguments[0] == "vgextend" ? Task.FromResult(new ToolOutput(5, "", "  Device or resource busy\n")) : run();

        Assert.Single((await OpenAsync(Start(), [blank])).PhysicalVolumes);

        Assert.Contains(_log.Lines, static line => line.StartsWith("Warning: volume group data could not be extended", StringComparison.Ordinal));
    }

    [Fact(Timeout = Limit)]
    public async Task Devices_left_alone_are_told_once()
    {
        _emulator.AddGroup("data", disks: 1, diskBytes: GiB);
        var dirty = await BlankAsync();
        _loops[0].Write(0, 1);
        var claim = Claim();
        var group = Start(claim);

        await OpenAsync(group, [dirty]);
        await OpenAsync(group, [dirty]);

        Assert.Single(_log.Lines, static line => line.Contains("leaves devices alone", StringComparison.Ordinal));
    }

    private DeviceClaim Claim() => new(new SignatureProbe(_commands.Wrap(_real)), new Logger<DeviceClaim>(_log));

    private VolumeGroup Start(DeviceClaim? claim = null) => new("data", _tool, _emulator.Devices, claim ?? Claim(), new SteppedClock());

    private static Task<VolumeGroupReport> OpenAsync(VolumeGroup group, IReadOnlyList<string> patterns, string? known = null) =>
        group.OpenAsync(known, patterns, Token);

    private int Count(string subcommand) => _commands.Commands.Count(command => command.Program == "lvm" && command.Arguments[0] == subcommand);

    private async Task<string> BlankAsync(long size = Size)
    {
        _loops.Add(await LoopDevice.CreateAsync(_folder, size));
        return _loops[^1].Path;
    }

    private async Task<PreparedDevice> PrepareAsync(string what)
    {
        var path = await BlankAsync(what == "too small" ? GiB - 512 : Size);
        var loop = _loops[^1];
        switch (what)
        {
            case "ext4":
                await LoopDevice.RunAsync("mkfs.ext4", "-q", path);
                break;
            case "xfs":
                await LoopDevice.RunAsync("mkfs.xfs", "-q", path);
                break;
            case "swap":
                await LoopDevice.RunAsync("mkswap", path);
                break;
            case "gpt":
                Partition(path, "");
                break;
            case "partitions":
                Partition(path, ",1G\n");
                await LoopDevice.RunAsync("partx", "--add", path);
                return new PreparedDevice(path, () => LoopDevice.RunAsync("partx", "--delete", path));
            case "luks":
                loop.Write(0, [.. "LUKS"u8, 0xBA, 0xBE, 0, 2]);
                break;
            case "lvm":
                loop.Write(512, [.. "LABELONE"u8]);
                break;
            case "zfs":
                loop.Write(128 << 10, 0x0C, 0xB1, 0xBA, 0, 0, 0, 0, 0);
                break;
            case "byte 0":
                loop.Write(0, 1);
                break;
            case "byte 4096":
                loop.Write(4096, 1);
                break;
            case "last byte":
                loop.Write(Size - 1, 1);
                break;
            case "second superblock of ext4":
                loop.Write(128L << 20, 1);
                break;
            case "mounted":
                await LoopDevice.RunAsync("mkfs.ext4", "-q", path);
                Directory.CreateDirectory(_folder.Combine("mnt"));
                await LoopDevice.RunAsync("mount", path, _folder.Combine("mnt"));
                return new PreparedDevice(path, () => LoopDevice.RunAsync("umount", _folder.Combine("mnt")));
            case "held":
                var held = BlockDevice.Open(path, BlockOpen.Exclusive);
                return new PreparedDevice(path, () =>
                {
                    held.Dispose();
                    return Task.CompletedTask;
                });
            case "read-only":
                // The kernel keeps it for whatever file comes next.
                await LoopDevice.RunAsync("blockdev", "--setro", path);
                return new PreparedDevice(path, () => LoopDevice.RunAsync("blockdev", "--setrw", path));
            case "blkid alone objects":
                _commands.Around = static (command, run) => command.Program == "blkid" ? Task.FromResult(new ToolOutput(0, "TYPE=something\n", "")) : run();
                break;
        }

        return new PreparedDevice(path, static () => Task.CompletedTask);
    }

    private static void Partition(string path, string table)
    {
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("sfdisk", ["--quiet", "--no-reread", "--no-tell-kernel", path])
        {
            RedirectStandardInput = true,
        })!;
        process.StandardInput.Write($"label: gpt\n{table}");
        process.StandardInput.Close();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    /// <summary>Of the places that anything could have been written to: the first MiB and the last.</summary>
    private static string Sum(string path)
    {
        using var device = BlockDevice.Open(path);
        var bytes = new byte[2 << 20];
        device.Read(0, bytes.AsSpan(0, 1 << 20));
        device.Read(device.SizeBytes - (1 << 20), bytes.AsSpan(1 << 20));
        return Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(bytes));
    }

    private sealed record PreparedDevice(string Path, Func<Task> Undo) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await Undo();
    }
}
