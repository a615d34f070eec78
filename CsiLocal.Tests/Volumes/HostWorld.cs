using CsiLocal.Configuration;
using CsiLocal.Native;
using CsiLocal.Tests.Support;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using CsiLocal.Volumes.Diagnosis;
using Xunit;

namespace CsiLocal.Tests.Volumes;

/// <summary>A machine to be examined: files in a folder that stands for "/", and tools that say what the test wants.</summary>
internal sealed class HostWorld : ICommandRunner, IDeviceMapper, IDisposable
{
    private const string Release = "6.1.0-9-amd64";

    private readonly TemporaryFolder folder = new();

    /// <summary>The host itself, with udev, and device-mapper's modules for the loading.</summary>
    public HostWorld()
    {
        Write("/proc/sys/kernel/osrelease", Release + "\n");
        Write("/proc/self/mountinfo", "27 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n");
        foreach (var (name, number) in ((string, string)[])[("pid", "4026531836"), ("cgroup", "4026531835"), ("ipc", "4026531839"), ("mnt", "4026531841")])
            Namespace(name, number);

        Link("/proc/1/ns/mnt", "mnt:[4026531841]");
        Write("/proc/self/status", "Name:\tcsilocal\nCapEff:\t000001ffffffffff\nCapBnd:\t000001ffffffffff\n");
        string[] programs =
        [
            "mount", "umount", "blkid", "losetup", "lvm", "thin_check", "mkfs.ext4", "e2fsck", "resize2fs", "tune2fs", "mkfs.xfs", "xfs_growfs",
            "xfs_admin", "mkfs.btrfs", "btrfs", "btrfstune",
        ];
        foreach (var program in programs)
            Write($"/usr/sbin/{program}", "");

        Write("/dev/loop-control", "");
        Write("/run/udev/control", "");
        Write($"/lib/modules/{Release}/modules.builtin", "kernel/drivers/md/dm-mod.ko\n");
        Write($"/lib/modules/{Release}/modules.dep", "kernel/drivers/md/dm-thin-pool.ko.xz: kernel/drivers/md/dm-mod.ko\nkernel/drivers/md/dm-raid.ko:\n");
    }

    public PoolOptions Pool { get; set; } = new() { Name = "images", Backend = BackendKind.Image, Path = "/nowhere" };

    public IReadOnlyList<string> PublishRoots { get; set; } = [];

    public HostToolsSource HostTools { get; set; }

    public string? DeviceMapperProblem { get; set; }

    /// <summary>What a tool says; null: it is there, and says nothing.</summary>
    public Func<ToolCommand, ToolOutput?> Answer { get; set; } = static _ => null;

    public List<ToolCommand> Commands { get; } = [];

    /// <summary>A thin pool with all that LVM may need.</summary>
    public static PoolOptions Thin => new()
    {
        Name = "fast",
        Backend = BackendKind.LvmThin,
        Lvm = new LvmPoolOptions { VolumeGroup = "vg", ThinPool = "pool0" },
    };

    public void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder.Path + path)!);
        File.WriteAllText(folder.Path + path, text);
    }

    public void Remove(string path) => File.Delete(folder.Path + path);

    public void Namespace(string name, string number) => Link($"/proc/self/ns/{name}", $"{name}:[{number}]");

    /// <summary>Another mount namespace, as containers have it.</summary>
    public void MakeContainer(string mounts)
    {
        Namespace("pid", "4026532000");
        Namespace("mnt", "4026532001");
        Remove("/proc/1/ns/mnt");
        Write("/proc/self/mountinfo", mounts);
    }

    public Task<IReadOnlyList<Finding>> ExamineAsync() => new HostExaminer(new HostFiles(folder.Path), this, this).ExamineAsync(
        new FileConfiguration { Pools = [Pool], PublishRoots = PublishRoots }, HostTools, TestContext.Current.CancellationToken);

    /// <summary>The only finding of that name.</summary>
    public async Task<Finding> FindAsync(string code) => Assert.Single(await ExamineAsync(), finding => finding.Code == code);

    public Task<ToolOutput> RunAsync(ToolCommand command, CancellationToken cancellationToken)
    {
        Commands.Add(command);
        return Task.FromResult(Answer(command) ?? new ToolOutput(0, "", ""));
    }

    public void Probe()
    {
        if (DeviceMapperProblem is { } problem)
            throw new NativeException(problem, Errno.NoDevice);
    }

    public DmDevice? FindByName(string name) => null;

    public DmDevice? FindByUuid(string uuid) => null;

    public IReadOnlyList<DmTarget> Status(string uuid) => [];

    public string NodeOf(DmDevice device) => "/dev/null";

    public void Dispose() => folder.Dispose();

    private void Link(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder.Path + path)!);
        File.Delete(folder.Path + path);
        File.CreateSymbolicLink(folder.Path + path, target);
    }
}
