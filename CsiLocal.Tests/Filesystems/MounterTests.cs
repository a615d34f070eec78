using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Tests.Support;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Filesystems;

/// <summary>Real mounts of real file systems.</summary>
public sealed class MounterTests : IDisposable
{
    private const int Limit = 60_000;
    private const long Size = 320L << 20;

    private readonly TemporaryFolder _folder = new();
    private readonly CommandRunner _commands = new($"test-{Guid.NewGuid():n}");
    private readonly SafePaths _paths = new([], []);
    private readonly Mounter _mounter;

    public MounterTests() => _mounter = new Mounter(_commands);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        // What a failed test left mounted would keep the folder.
        foreach (var mount in MountTable.Read().Below(_folder.Path).Reverse())
            HostCommand.Unmount(mount.Path);
        _commands.Dispose();
        _folder.Dispose();
    }

    [Theory(Timeout = Limit)]
    [InlineData("Ext4")]
    [InlineData("Xfs")]
    [InlineData("Btrfs")]
    public async Task A_device_is_mounted_bound_and_unmounted(string name)
    {
        var type = Enum.Parse<FilesystemType>(name);
        await using var device = await MakeAsync(type);
        using (var stage = Open("stage", TargetKind.Folder))
        {
            await _mounter.MountDeviceAsync("stage volume v", device.Attachment, stage, type, ["noatime"], Token);
            await File.WriteAllTextAsync(_folder.Combine("stage", "file"), "data", Token);
            using var target = Open("target", TargetKind.Folder);
            await _mounter.BindAsync("publish volume v", stage.RealPath, target, ["ro", "nosuid"], Token);

            Assert.Equal("data", await File.ReadAllTextAsync(_folder.Combine("target", "file"), Token));
            Assert.Throws<IOException>(() => File.WriteAllText(_folder.Combine("target", "file"), "x"));
            await File.WriteAllTextAsync(_folder.Combine("stage", "file"), "more", Token);
            var bound = MountTable.Read().FindAt(target.RealPath)!;
            Assert.True(bound.HasOption("ro") && bound.HasOption("nosuid") && bound.HasOption("noatime"));
            Assert.Equal(2, MountTable.Read().OfDevice(device.Attachment.DeviceNumber).Count);
            Assert.Equal(name.ToLowerInvariant(), bound.Filesystem);
        }

        await _mounter.UnmountAsync("unpublish volume v", _folder.Combine("target"), Token);
        await _mounter.UnmountAsync("unstage volume v", _folder.Combine("stage"), Token);
        await _mounter.UnmountAsync("unstage volume v", _folder.Combine("stage"), Token);
        _paths.Remove("target_path", _folder.Combine("target"));

        Assert.Empty(MountTable.Read().OfDevice(device.Attachment.DeviceNumber));
        Assert.False(Directory.Exists(_folder.Combine("target")));
    }

    [Fact(Timeout = Limit)]
    public async Task A_read_only_mount_is_read_only()
    {
        await using var device = await MakeAsync(FilesystemType.Ext4);
        using (var stage = Open("stage", TargetKind.Folder))
            await _mounter.MountDeviceAsync("stage", device.Attachment, stage, FilesystemType.Ext4, ["ro", "noatime"], Token);

        Assert.True(MountTable.Read().FindAt(_folder.Combine("stage"))!.IsReadOnly);
        Assert.Throws<IOException>(() => File.WriteAllText(_folder.Combine("stage", "file"), "x"));
        await _mounter.UnmountAsync("unstage", _folder.Combine("stage"), Token);
    }

    [Fact(Timeout = Limit)]
    public async Task A_device_node_is_bound_to_a_file()
    {
        await using var device = await LoopDevice.CreateAsync(_folder, 1 << 20);
        using (var target = Open("block", TargetKind.File))
            await _mounter.BindAsync("publish", device.Path, target, ["noexec"], Token);

        var status = FileStatus.Find(_folder.Combine("block"))!.Value;
        Assert.True(status.IsBlockDevice);
        Assert.Equal(device.Attachment.DeviceNumber, status.DeviceNumber);
        using (var again = Open("block", TargetKind.File))
            Assert.False(again.Created);
        await _mounter.UnmountAsync("unpublish", _folder.Combine("block"), Token);
        _paths.Remove("target_path", _folder.Combine("block"));
        Assert.False(File.Exists(_folder.Combine("block")));
    }

    [Fact(Timeout = Limit)]
    public async Task A_target_swapped_for_a_symlink_after_the_check_redirects_nothing()
    {
        Directory.CreateDirectory(_folder.Combine("source"));
        Directory.CreateDirectory(_folder.Combine("victim"));
        using var target = Open("target", TargetKind.Folder);
        Directory.Move(_folder.Combine("target"), _folder.Combine("moved"));
        Directory.CreateSymbolicLink(_folder.Combine("target"), _folder.Combine("victim"));

        // It lands on the folder that was checked; the table then does not show it where it was asked for.
        var e = await Assert.ThrowsAsync<StorageException>(() => _mounter.BindAsync("publish", _folder.Combine("source"), target, [], Token));

        Assert.Equal(StorageError.DataLoss, e.Error);
        Assert.Null(MountTable.Read().FindAt(_folder.Combine("victim")));
    }

    [Fact(Timeout = Limit)]
    public async Task A_mount_in_use_is_not_unmounted_and_its_user_is_named()
    {
        await using var device = await MakeAsync(FilesystemType.Ext4);
        using (var stage = Open("stage", TargetKind.Folder))
            await _mounter.MountDeviceAsync("stage", device.Attachment, stage, FilesystemType.Ext4, [], Token);
        var file = _folder.Combine("stage", "held");
        using var source = new CancellationTokenSource();
        var holder = _commands.RunAsync(new ToolCommand("sh", "-c", $"exec 7>'{file}'; echo held >&7; exec sleep 100"), source.Token);
        while (!File.Exists(file) || new FileInfo(file).Length == 0)
            await Task.Yield();

        var e = await Assert.ThrowsAsync<StorageException>(() => _mounter.UnmountAsync("unstage volume v", _folder.Combine("stage"), Token));

        Assert.Equal(StorageError.FailedPrecondition, e.Error);
        Assert.Matches($"unstage volume v: {_folder.Path}/stage is in use by (sleep|sh) \\(pid [0-9]+\\)", e.Message);
        Assert.NotNull(MountTable.Read().FindAt(_folder.Combine("stage")));
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => holder);
        await _mounter.UnmountAsync("unstage volume v", _folder.Combine("stage"), Token);
    }

    [Fact(Timeout = Limit)]
    public async Task Mounts_below_are_named_as_what_keeps_a_mount()
    {
        await using var device = await MakeAsync(FilesystemType.Ext4);
        using (var stage = Open("stage", TargetKind.Folder))
            await _mounter.MountDeviceAsync("stage", device.Attachment, stage, FilesystemType.Ext4, [], Token);
        Directory.CreateDirectory(_folder.Combine("stage", "below"));
        using (var below = _paths.OpenOrMake("f", _folder.Combine("stage", "below"), TargetKind.Folder))
            await _mounter.BindAsync("bind", _folder.Path, below, [], Token);

        var e = await Assert.ThrowsAsync<StorageException>(() => _mounter.UnmountAsync("unstage", _folder.Combine("stage"), Token));

        Assert.Contains($"mounts below it: {_folder.Combine("stage", "below")}", e.Message, StringComparison.Ordinal);
        await _mounter.UnmountAsync("unstage", _folder.Combine("stage", "below"), Token);
        await _mounter.UnmountAsync("unstage", _folder.Combine("stage"), Token);
    }

    [Fact(Timeout = Limit)]
    public async Task A_failed_mount_is_told_with_the_path_that_was_given()
    {
        await using var device = await LoopDevice.CreateAsync(_folder, Size);
        using var stage = Open("stage", TargetKind.Folder);

        var e = await Assert.ThrowsAsync<StorageException>(
            () => _mounter.MountDeviceAsync("stage volume v", device.Attachment, stage, FilesystemType.Ext4, [], Token));

        Assert.Equal(StorageError.Internal, e.Error);
        Assert.Contains($"{device.Path} could not be mounted at {stage.Path}", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("/proc/", e.Message, StringComparison.Ordinal);
    }

    [Theory(Timeout = Limit)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Whoever_loses_its_folder_to_an_unmount_beside_it_is_told_to_try_again(bool bind)
    {
        await using var device = await MakeAsync(FilesystemType.Ext4);
        using var stage = Open("stage", TargetKind.Folder);
        Directory.Delete(stage.Path);

        var e = await Assert.ThrowsAsync<StorageException>(() => bind
            ? _mounter.BindAsync("publish volume v", _folder.Path, stage, [], Token)
            : _mounter.MountDeviceAsync("stage volume v", device.Attachment, stage, FilesystemType.Ext4, [], Token));

        Assert.Equal(StorageError.Aborted, e.Error);
    }

    [Fact(Timeout = Limit)]
    public async Task A_mount_that_shows_another_device_is_undone()
    {
        await using var device = await MakeAsync(FilesystemType.Ext4);
        using var stage = Open("stage", TargetKind.Folder);

        var e = await Assert.ThrowsAsync<StorageException>(
            () => _mounter.MountDeviceAsync("stage", device.Attachment with { DeviceNumber = 1 }, stage, FilesystemType.Ext4, [], Token));

        Assert.Equal(StorageError.DataLoss, e.Error);
        Assert.Null(MountTable.Read().FindAt(stage.RealPath));
    }

    [Fact(Timeout = Limit)]
    public async Task A_mount_point_is_not_removed()
    {
        using (var target = Open("target", TargetKind.Folder))
            await _mounter.BindAsync("bind", "/usr", target, ["ro"], Token);

        var e = Assert.Throws<StorageException>(() => _paths.Remove("target_path", _folder.Combine("target")));

        Assert.Equal(StorageError.FailedPrecondition, e.Error);
        await _mounter.UnmountAsync("unbind", _folder.Combine("target"), Token);
    }

    private SafePath Open(string name, TargetKind kind) => _paths.OpenOrMake("target_path", _folder.Combine(name), kind);

    private async Task<LoopDevice> MakeAsync(FilesystemType type)
    {
        var device = await LoopDevice.CreateAsync(_folder, Size);
        await LoopDevice.RunAsync($"mkfs.{type.ToString().ToLowerInvariant()}", "-q", device.Path);
        return device;
    }
}
