using CsiLocal.Filesystems;
using CsiLocal.Tests.Support;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Filesystems;

/// <summary>Checking, measuring and freezing real file systems.</summary>
public sealed class FilesystemCareTests : IDisposable
{
    private const int Limit = 120_000;
    private const long MiB = 1 << 20;
    private const long Size = 320 * MiB;

    private readonly TemporaryFolder _folder = new();
    private readonly CommandRunner _real = new($"test-{Guid.NewGuid():n}");
    private readonly CountingRunner _commands;
    private readonly SafePaths _paths = new([], []);
    private readonly Mounter _mounter;
    private readonly UuidChanger _uuids;

    public FilesystemCareTests()
    {
        _commands = new CountingRunner(_real);
        _mounter = new Mounter(_commands);
        _uuids = new UuidChanger(_commands, _mounter, _folder.Combine("work"));
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        foreach (var mount in MountTable.Read().Below(_folder.Path).Reverse())
            HostCommand.Unmount(mount.Path);
        _real.Dispose();
        _folder.Dispose();
    }

    [Fact(Timeout = Limit)]
    public async Task A_mounted_filesystem_keeps_its_uuid()
    {
        await using var device = await MakeAsync(FilesystemType.Ext4);
        await MountAsync(device, FilesystemType.Ext4, "m");

        var e = await Assert.ThrowsAsync<StorageException>(
            () => _uuids.ChangeAsync("stage", device.Attachment, FilesystemType.Ext4, Guid.NewGuid(), Token));

        Assert.Equal(StorageError.FailedPrecondition, e.Error);
        await _mounter.UnmountAsync("unstage", _folder.Combine("m"), Token);
    }

    [Fact(Timeout = Limit)]
    public async Task A_clean_ext4_is_not_checked_and_one_torn_from_its_mount_is()
    {
        await using var device = await MakeAsync(FilesystemType.Ext4);
        var check = new FilesystemCheck(_commands);
        await check.RepairAsync("stage", device.Attachment, FilesystemType.Ext4, Token);
        Assert.Equal(0, _commands.Count);

        await MountAsync(device, FilesystemType.Ext4, "m");
        await File.WriteAllTextAsync(_folder.Combine("m", "file"), "x", Token);
        HostCommand.Run("sync", "-f", _folder.Combine("m"));
        File.Copy(device.File, _folder.Combine("torn.img"));
        await _mounter.UnmountAsync("unstage", _folder.Combine("m"), Token);
        await using var torn = await LoopDevice.AttachAsync(_folder.Combine("torn.img"));
        Assert.False(Superblock.Read(torn.Path)!.IsClean);
        _commands.Count = 0;

        await check.RepairAsync("stage", torn.Attachment, FilesystemType.Ext4, Token);

        Assert.Equal(1, _commands.Count);
        Assert.True(Superblock.Read(torn.Path)!.IsClean);
    }

    [Fact(Timeout = Limit)]
    public async Task An_ext4_beyond_unattended_repair_is_data_loss()
    {
        await using var device = await MakeAsync(FilesystemType.Ext4);
        await LoopDevice.RunAsync("debugfs", "-w", "-R", "clri <2>", device.Path);
        await LoopDevice.RunAsync("debugfs", "-w", "-R", "ssv state 2", device.Path);

        var e = await Assert.ThrowsAsync<StorageException>(
            () => new FilesystemCheck(_commands).RepairAsync("stage volume v", device.Attachment, FilesystemType.Ext4, Token));

        Assert.Equal(StorageError.DataLoss, e.Error);
        Assert.Contains("e2fsck -f", e.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(3, true)]
    [InlineData(4, false)]
    [InlineData(5, false)]
    [InlineData(8, false)]
    [InlineData(16, false)]
    [InlineData(32, false)]
    [InlineData(128, false)]
    [InlineData(137, false)]
    public void Exit_codes_of_e2fsck_are_understood(int code, bool isFit)
    {
        var failure = Record.Exception(() => FilesystemCheck.Judge("stage", "/dev/loop0", new ToolOutput(code, "", "")));

        Assert.Equal(isFit, failure is null);
        Assert.True(failure is null or StorageException { Error: StorageError.DataLoss, Remedy: not null });
    }

    [Fact(Timeout = Limit)]
    public async Task A_frozen_filesystem_takes_no_writes_until_thawed()
    {
        await using var device = await MakeAsync(FilesystemType.Xfs);
        await MountAsync(device, FilesystemType.Xfs, "m");
        var mount = _folder.Combine("m");

        Assert.True(await FilesystemFreezer.FreezeAsync("snapshot", mount, TimeSpan.FromSeconds(30), TimeProvider.System, Token));
        Assert.False(await FilesystemFreezer.FreezeAsync("snapshot", mount, TimeSpan.FromSeconds(30), TimeProvider.System, Token));
        var write = _real.RunAsync(new ToolCommand("touch", $"{mount}/file"), Token);
        await _real.RunAsync(new ToolCommand("sleep", "0.2"), Token);
        Assert.False(write.IsCompleted);
        FilesystemFreezer.Thaw("snapshot", mount);
        FilesystemFreezer.Thaw("snapshot", mount);
        FilesystemFreezer.Thaw("snapshot", $"{mount}/missing");

        Assert.True((await write).Succeeded);
        await _mounter.UnmountAsync("unstage", mount, Token);
    }

    [Fact(Timeout = Limit)]
    public async Task Usage_adds_up()
    {
        await using var device = await MakeAsync(FilesystemType.Ext4);
        await MountAsync(device, FilesystemType.Ext4, "m");
        var before = FilesystemUsage.Of(_folder.Combine("m"));
        await File.WriteAllBytesAsync(_folder.Combine("m", "file"), new byte[10 * MiB], Token);
        HostCommand.Run("sync", "-f", _folder.Combine("m"));

        var after = FilesystemUsage.Of(_folder.Combine("m"));

        Assert.InRange(after.UsedBytes - before.UsedBytes, 10 * MiB, 11 * MiB);
        Assert.InRange(before.AvailableBytes - after.AvailableBytes, 10 * MiB, 11 * MiB);
        Assert.Equal(1, after.UsedInodes - before.UsedInodes);
        Assert.Equal(after.TotalInodes, after.UsedInodes + after.AvailableInodes);
        await _mounter.UnmountAsync("unstage", _folder.Combine("m"), Token);
    }

    private async Task<LoopDevice> MakeAsync(FilesystemType type)
    {
        var device = await LoopDevice.CreateAsync(_folder, Size);
        var command = Formatter.MkfsCommand(type, Guid.NewGuid(), [], device.Path);
        await LoopDevice.RunAsync(command.Program, [.. command.Arguments]);
        return device;
    }

    private async Task MountAsync(LoopDevice device, FilesystemType type, string name)
    {
        using var path = _paths.OpenOrMake("f", _folder.Combine(name), TargetKind.Folder);
        await _mounter.MountDeviceAsync("stage", device.Attachment, path, type, [], Token);
    }

    private sealed class CountingRunner(CommandRunner inner) : ICommandRunner
    {
        public int Count { get; set; }

        public Task<ToolOutput> RunAsync(ToolCommand command, CancellationToken cancellationToken)
        {
            Count++;
            return inner.RunAsync(command, cancellationToken);
        }
    }
}
