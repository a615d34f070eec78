using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Vm;

/// <summary>File systems on logical volumes, reached by udev's names of them.</summary>
[Trait("Needs", "vm")]
public sealed class FilesystemTests : IDisposable
{
    private const int Limit = 300_000;

    private readonly RecordingCommandRunner _commands = new();
    private readonly TemporaryFolder _folder = new();
    private readonly DeviceMapper _mapper = new();
    private readonly Mounter _mounter;

    public FilesystemTests() => _mounter = new Mounter(_commands);

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
    public async Task Mounted_file_system_grows_with_its_volume(string name)
    {
        var type = Enum.Parse<FilesystemType>(name);
        using var group = new VolumeGroup();
        HostCommand.Run($"mkfs.{name.ToLowerInvariant()}", "-q", group.Create("v", "--size", "400m"));
        var device = Attached(group, "v");
        var path = await MountAsync(device, type, "mnt");
        try
        {
            var mount = Assert.Single(MountTable.Read().OfDevice(device.DeviceNumber));
            Assert.Equal(path, mount.Path);
            File.WriteAllText(Path.Combine(path, "file"), "kept");
            HostCommand.Run("lvextend", "--quiet", "--size", "1g", $"{group.Name}/v");
            var grown = Attached(group, "v");
            Assert.Equal((1L << 30, device.DeviceNumber), (grown.SizeBytes, grown.DeviceNumber));
            var resizer = new Resizer(_commands);
            _commands.Commands.Clear();

            await resizer.GrowAsync("expand volume v", grown, type, path, Token);
            await resizer.GrowAsync("expand volume v", grown, type, path, Token);

            Assert.InRange(_commands.Commands.Count, 1, type == FilesystemType.Ext4 ? 1 : 2);
            Assert.InRange(FilesystemUsage.Of(path).TotalBytes, 900L << 20, 1L << 30);
            Assert.Equal("kept", File.ReadAllText(Path.Combine(path, "file")));
        }
        finally
        {
            await _mounter.UnmountAsync("unstage volume v", path, CancellationToken.None);
        }

        Assert.Equal(0, _mapper.FindByName($"{group.Name}-v")!.OpenCount);
    }

    [Theory(Timeout = Limit)]
    [InlineData("Ext4", false)]
    [InlineData("Xfs", false)]
    [InlineData("Btrfs", false)]
    [InlineData("Ext4", true)]
    [InlineData("Xfs", true)]
    [InlineData("Btrfs", true)]
    public async Task Snapshot_of_a_mounted_volume_gets_a_UUID_of_its_own_and_mounts_beside_it(string name, bool thin)
    {
        var type = Enum.Parse<FilesystemType>(name);
        using var group = new VolumeGroup(disks: 2);
        MakeVolume(group, thin);
        HostCommand.Run($"mkfs.{name.ToLowerInvariant()}", "-q", $"/dev/{group.Name}/v");
        var uuid = Guid.NewGuid();
        var path = await MountAsync(Attached(group, "v"), type, "source");
        var copyPath = "";
        try
        {
            WriteDurably(Path.Combine(path, "before"), 100_000);
            string[] reserve = thin ? [] : ["--size", "200m"];
            string[] command = ["lvcreate", "--quiet", "--snapshot", "--setactivationskip", "n", .. reserve, "--name", "copy", $"{group.Name}/v"];
            await AtRestAsync(path, type, command);
            WriteDurably(Path.Combine(path, "after"), 10_000);
            var copy = Attached(group, "copy");

            await new UuidChanger(_commands, _mounter, _folder.Combine("work")).ChangeAsync("stage volume c", copy, type, uuid, Token);
            copyPath = await MountAsync(copy, type, "copy");

            Assert.Equal(uuid, Superblock.Read(copy.Path)!.Uuid);
            Assert.Equal(100_000, new FileInfo(Path.Combine(copyPath, "before")).Length);
            Assert.False(File.Exists(Path.Combine(copyPath, "after")));
            Assert.Equal(10_000, new FileInfo(Path.Combine(path, "after")).Length);
        }
        finally
        {
            if (copyPath.Length > 0)
                await _mounter.UnmountAsync("unstage volume c", copyPath, CancellationToken.None);
            await _mounter.UnmountAsync("unstage volume v", path, CancellationToken.None);
        }
    }

    [Theory(Timeout = Limit)]
    [InlineData("Xfs")]
    [InlineData("Btrfs")]
    public async Task Volume_mounts_beside_snapshots_that_still_have_its_UUID(string name)
    {
        var type = Enum.Parse<FilesystemType>(name);
        using var group = new VolumeGroup(disks: 2);
        MakeVolume(group, thin: true);
        HostCommand.Run($"mkfs.{name.ToLowerInvariant()}", "-q", $"/dev/{group.Name}/v");
        for (var i = 0; i < 2; i++)
        {
            HostCommand.Run("lvcreate", "--quiet", "--snapshot", "--setactivationskip", "n", "--name", $"s{i}", $"{group.Name}/v");
            HostCommand.Run("udevadm", "settle");
            var device = Attached(group, "v");

            var path = await MountAsync(device, type, "mnt");

            Assert.Equal([path], MountTable.Read().OfDevice(device.DeviceNumber).Select(static mount => mount.Path));
            Assert.Empty(MountTable.Read().OfDevice(Attached(group, $"s{i}").DeviceNumber));
            WriteDurably(Path.Combine(path, $"file{i}"), 10_000);
            await _mounter.UnmountAsync("unstage volume v", path, Token);
        }
    }

    [Fact(Timeout = Limit)]
    public async Task Raw_block_volume_is_bound_as_its_own_node_and_not_as_udevs_symlink()
    {
        using var group = new VolumeGroup();
        group.Create("v", "--size", "64m");
        var device = Attached(group, "v");
        Assert.NotNull(new FileInfo(device.Path).LinkTarget);
        var path = _folder.Combine("block");
        using (var target = new SafePaths([_folder.Path], []).OpenOrMake("target", path, TargetKind.File))
            await _mounter.BindDeviceAsync("publish volume v", device, target, [], Token);
        try
        {
            Assert.True(FileStatus.Find(path) is { IsBlockDevice: true } node && node.DeviceNumber == device.DeviceNumber);
            Assert.True(MountFacts.IsInUse(device));
            using var opened = BlockDevice.Open(path, BlockOpen.Write);
            opened.Write(0, new byte[4096]);
        }
        finally
        {
            await _mounter.UnmountAsync("unpublish volume v", path, CancellationToken.None);
        }
    }

    /// <summary>The kernel freezes ext4 and xfs by itself when lvcreate suspends their device; for btrfs the driver does (BtrfsRest).</summary>
    private static async Task AtRestAsync(string path, FilesystemType type, string[] command)
    {
        if (type == FilesystemType.Btrfs)
            Assert.True(await FilesystemFreezer.FreezeAsync("test", path, TimeSpan.FromSeconds(60), TimeProvider.System, Token));
        HostCommand.Run(command[0], command[1..]);
        if (type == FilesystemType.Btrfs)
            FilesystemFreezer.Thaw("test", path);
    }

    private static void MakeVolume(VolumeGroup group, bool thin)
    {
        if (!thin)
        {
            group.Create("v", "--size", "400m");
            return;
        }

        HostCommand.Run("lvcreate", "--quiet", "--yes", "--type", "thin-pool", "--size", "1g", "--name", "pool", group.Name);
        HostCommand.Run("lvcreate", "--quiet", "--thin", "--virtualsize", "400m", "--name", "v", $"{group.Name}/pool");
    }

    private async Task<string> MountAsync(Attachment device, FilesystemType type, string folder)
    {
        var path = Directory.CreateDirectory(_folder.Combine(folder)).FullName;
        using var target = new SafePaths([_folder.Path], []).OpenOrMake("target", path, TargetKind.Folder);
        await _mounter.MountDeviceAsync("stage volume v", device, target, type, [], Token);
        return target.RealPath;
    }

    private static void WriteDurably(string path, int bytes)
    {
        using var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
        RandomAccess.Write(file, new byte[bytes], 0);
        RandomAccess.FlushToDisk(file);
    }

    private Attachment Attached(VolumeGroup group, string name)
    {
        var device = _mapper.FindByName($"{group.Name}-{name}")!;
        return new Attachment(_mapper.NodeOf(device), IsBlockDevice: true, device.DeviceNumber, device.SizeBytes);
    }
}
