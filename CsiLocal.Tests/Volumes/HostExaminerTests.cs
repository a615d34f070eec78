using CsiLocal.Configuration;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using CsiLocal.Volumes.Diagnosis;
using Xunit;

namespace CsiLocal.Tests.Volumes;

public sealed class HostExaminerTests : IDisposable
{
    private readonly HostWorld world = new();

    public void Dispose() => world.Dispose();

    [Fact]
    public async Task A_machine_that_has_all_is_well_and_every_other_finding_has_a_remedy()
    {
        world.Pool = HostWorld.Thin;
        var well = await world.ExamineAsync();
        Assert.DoesNotContain(well, finding => finding.Severity == Severity.Error);

        world.MakeContainer("27 1 0:40 / / rw - overlay overlay rw\n");
        world.Remove("/run/udev/control");
        world.DeviceMapperProblem = "open /dev/mapper/control";
        world.Answer = static _ => new ToolOutput(1, "", "no");
        var broken = await world.ExamineAsync();

        Assert.Contains(broken, finding => finding.Severity == Severity.Error);
        Assert.All(broken.Where(finding => finding.Severity != Severity.Ok), finding => Assert.False(string.IsNullOrEmpty(finding.Remedy), finding.ToString()));
    }

    [Theory]
    [InlineData("6.1.0-9-amd64", nameof(Severity.Ok))]
    [InlineData("5.14.0", nameof(Severity.Ok))]
    [InlineData("5.10.0-30-cloud", nameof(Severity.Error))]
    [InlineData("4.19", nameof(Severity.Error))]
    public async Task The_kernel_is_new_enough(string release, string severity)
    {
        world.Write("/proc/sys/kernel/osrelease", release);

        Assert.Equal(severity, (await world.FindAsync(FindingCodes.Kernel)).Severity.ToString());
    }

    [Theory]
    [InlineData("000001ffffffffff", nameof(Severity.Ok))]
    [InlineData("000001fffeffffff", nameof(Severity.Warning))]
    [InlineData("000001ffffdfffff", nameof(Severity.Error))]
    [InlineData("", nameof(Severity.Error))]
    public async Task The_process_may_do_what_mounting_and_growing_need(string effective, string severity)
    {
        world.Write("/proc/self/status", $"Name:\tx\nCapPrm:\t000001ffffffffff\nCapEff:\t{effective}\n");

        Assert.Equal(severity, (await world.FindAsync(FindingCodes.Privileges)).Severity.ToString());
    }

    [Fact]
    public async Task A_missing_tool_is_an_error_where_a_pool_needs_it()
    {
        world.Remove("/usr/sbin/losetup");
        world.Remove("/usr/sbin/mkfs.xfs");

        var tools = (await world.ExamineAsync()).Where(static finding => finding.Code == FindingCodes.Tool).ToDictionary(static finding => finding.Subject);

        Assert.Equal((Severity.Error, "apt-get install mount"), (tools["losetup"].Severity, tools["losetup"].Remedy));
        Assert.Equal((Severity.Warning, "apt-get install xfsprogs"), (tools["mkfs.xfs"].Severity, tools["mkfs.xfs"].Remedy));
        Assert.Equal((Severity.Ok, "/usr/sbin/umount"), (tools["umount"].Severity, tools["umount"].Evidence));
    }

    [Fact]
    public async Task Without_a_loop_driver_image_pools_do_not_work_and_others_do_not_care()
    {
        world.Remove("/dev/loop-control");
        Assert.Equal(Severity.Error, (await world.FindAsync(FindingCodes.Loop)).Severity);

        world.Pool = HostWorld.Thin;
        Assert.DoesNotContain(await world.ExamineAsync(), finding => finding.Code == FindingCodes.Loop);
    }

    [Fact]
    public async Task Loop_devices_that_are_used_have_their_nodes()
    {
        UseLoopDevices(2);
        Assert.Equal((Severity.Ok, "2 of at most 1048576 in use"), await LoopAsync());

        world.Remove("/dev/loop1");
        var (severity, evidence) = await LoopAsync();
        Assert.Equal(Severity.Error, severity);
        Assert.Contains("loop1", evidence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Loop_devices_are_limited_by_what_partitions_take_of_their_numbers()
    {
        UseLoopDevices(15);
        world.Write("/sys/module/loop/parameters/max_part", "63\n");
        Assert.Equal((Severity.Ok, "15 of at most 16384 in use"), await LoopAsync());

        world.Write("/sys/module/loop/parameters/max_part", "65535\n");
        Assert.Equal((Severity.Warning, "15 of at most 16 in use"), await LoopAsync());
    }

    [Theory]
    [InlineData("27 1 0:40 / / rw - overlay overlay rw\n", nameof(Severity.Error), "seen by nobody else")]
    [InlineData("27 1 0:40 / / rw - overlay overlay rw\n30 27 8:1 /kubelet /var/lib/kubelet rw master:1 - ext4 /dev/sda1 rw\n", nameof(Severity.Error), "is not shared")]
    [InlineData("27 1 0:40 / / rw - overlay overlay rw\n30 27 8:1 /kubelet /var/lib/kubelet rw shared:7 master:1 - ext4 /dev/sda1 rw\n", nameof(Severity.Ok), "is shared")]
    public async Task In_a_container_the_publish_roots_are_shared_with_the_host(string mounts, string severity, string evidence)
    {
        world.MakeContainer(mounts);
        world.PublishRoots = ["/var/lib/kubelet"];

        var finding = await world.FindAsync(FindingCodes.Propagation);

        Assert.Equal((severity, "/var/lib/kubelet"), (finding.Severity.ToString(), finding.Subject));
        Assert.Contains(evidence, finding.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task On_the_host_mounts_are_seen_whatever_an_image_left_behind()
    {
        world.Write("/.dockerenv", "");
        Assert.Equal(Severity.Ok, (await world.FindAsync(FindingCodes.Propagation)).Severity);

        // A service with mounts of its own, and no container.
        world.Remove("/.dockerenv");
        world.Namespace("mnt", "4026532001");
        world.PublishRoots = ["/mnt"];
        world.Write("/proc/self/mountinfo", "27 1 254:1 / / rw,relatime master:1 - ext4 /dev/vda1 rw\n");
        Assert.Equal(Severity.Error, (await world.FindAsync(FindingCodes.Propagation)).Severity);
    }

    [Fact]
    public async Task A_tool_s_version_is_told_and_lvm_s_has_to_be_new_enough()
    {
        world.Pool = HostWorld.Thin;
        world.Answer = static command => command.Program switch
        {
            "lvm" when command.Arguments is ["version"] => new ToolOutput(0, "  LVM version:     2.03.11(2) (2021-01-08)\n  Library version: 1.02.175\n", ""),
            "mkfs.ext4" => new ToolOutput(0, "", "mke2fs 1.47.0 (5-Feb-2023)\n"),
            "mkfs.xfs" => new ToolOutput(127, "", "error while loading shared libraries"),
            _ => null,
        };

        var tools = (await world.ExamineAsync()).Where(static finding => finding.Code == FindingCodes.Tool).ToDictionary(static finding => finding.Subject);

        Assert.Equal(Severity.Error, tools["lvm"].Severity);
        Assert.Contains("2.03.12", tools["lvm"].Remedy, StringComparison.Ordinal);
        Assert.EndsWith(", version 1.47.0", tools["mkfs.ext4"].Evidence, StringComparison.Ordinal);
        Assert.Equal(Severity.Warning, tools["mkfs.xfs"].Severity);
        Assert.Contains("shared libraries", tools["mkfs.xfs"].Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pool_of_folders_needs_no_mkfs()
    {
        world.Pool = new PoolOptions { Name = "folders", Backend = BackendKind.Directory, Path = "/nowhere", Quota = QuotaMode.None };

        Assert.DoesNotContain(await world.ExamineAsync(), static finding => finding.Subject.StartsWith("mkfs", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_pool_with_limits_needs_a_file_system_that_keeps_them()
    {
        world.Pool = new PoolOptions { Name = "folders", Backend = BackendKind.Directory, Path = "/nowhere", Quota = QuotaMode.Auto };
        Assert.Equal(Severity.Error, (await world.FindAsync(FindingCodes.Quota)).Severity);

        world.Pool = world.Pool with { Path = "/proc" };
        var finding = await world.FindAsync(FindingCodes.Quota);
        Assert.Equal((Severity.Error, "folders"), (finding.Severity, finding.Subject));
        Assert.Contains("neither ext4, xfs nor btrfs", finding.Evidence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("6.1.0-9-amd64", "6.1.0")]
    [InlineData("LVM version:     2.03.16(2) (2022-05-18)", "2.3.16")]
    [InlineData("mkfs.ext4: mke2fs 1.47.0 (5-Feb-2023)", "1.47.0")]
    [InlineData("btrfs-progs v6.2", "6.2")]
    [InlineData("blkid from util-linux 2.38.1", "2.38.1")]
    [InlineData("0.9.0", "0.9.0")]
    [InlineData("no version here", null)]
    public void Versions_are_found_in_what_programs_say(string text, string? version) => Assert.Equal(version, VersionText.Find(text)?.ToString());

    private async Task<(Severity, string)> LoopAsync()
    {
        var finding = await world.FindAsync(FindingCodes.Loop);
        return (finding.Severity, finding.Evidence);
    }

    private void UseLoopDevices(int count)
    {
        world.Write("/sys/block/vda/size", "1");
        world.Write("/sys/block/loop99/size", "0");
        for (var i = 0; i < count; i++)
        {
            world.Write($"/sys/block/loop{i}/loop/backing_file", "/x.img");
            world.Write($"/dev/loop{i}", "");
        }
    }
}
