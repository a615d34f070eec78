using CsiLocal.Configuration;
using CsiLocal.Tools;
using CsiLocal.Volumes.Diagnosis;
using Xunit;

namespace CsiLocal.Tests.Volumes;

public sealed class LvmExaminerTests : IDisposable
{
    private readonly HostWorld world = new() { Pool = HostWorld.Thin };

    public void Dispose() => world.Dispose();

    [Fact]
    public async Task Without_device_mapper_or_udev_lvm_does_not_work()
    {
        world.DeviceMapperProblem = "open /dev/mapper/control";
        world.Remove("/run/udev/control");

        Assert.Equal(Severity.Error, (await world.FindAsync(FindingCodes.DeviceMapper)).Severity);
        Assert.Equal(Severity.Error, (await world.FindAsync(FindingCodes.Udev)).Severity);
    }

    [Fact]
    public async Task What_a_container_needs_of_the_host_is_not_needed_where_the_host_s_lvm_is_run()
    {
        world.MakeContainer("27 1 0:40 / / rw - overlay overlay rw\n");
        world.Namespace("ipc", "4026532002");
        world.Remove("/run/udev/control");
        string[] codes = [FindingCodes.Udev, FindingCodes.LvmLocks, FindingCodes.LvmSemaphores];

        foreach (var code in codes)
            Assert.Equal(Severity.Error, (await world.FindAsync(code)).Severity);
        world.HostTools = HostToolsSource.Nsenter;
        Assert.DoesNotContain(await world.ExamineAsync(), finding => codes.Contains(finding.Code));
        Assert.Contains(world.Commands, static command => command.Program == "nsenter" && command.Arguments is [.., "lvm", "version"]);
    }

    [Fact]
    public async Task In_a_container_the_locks_are_the_host_s()
    {
        world.MakeContainer("27 1 0:40 / / rw - overlay overlay rw\n31 27 0:25 /lock/lvm /run/lock/lvm rw shared:5 - tmpfs tmpfs rw\n");

        Assert.Equal((Severity.Ok, "shared with the host"), Told(await world.FindAsync(FindingCodes.LvmLocks)));
    }

    [Fact]
    public async Task Targets_are_loaded_loadable_built_in_or_missing()
    {
        Assert.Equal((Severity.Ok, "is loaded when it is first needed"), Told(await world.FindAsync(FindingCodes.Module)));

        world.Write("/sys/module/dm_thin_pool/refcnt", "1");
        Assert.Equal((Severity.Ok, "loaded"), Told(await world.FindAsync(FindingCodes.Module)));

        world.Pool = HostWorld.Thin with { Lvm = new LvmPoolOptions { VolumeGroup = "vg", Layout = LvmLayout.Raid1, Integrity = true, SnapshotReservePercent = 10 } };
        var modules = (await world.ExamineAsync()).Where(static finding => finding.Code == FindingCodes.Module).ToDictionary(static finding => finding.Subject);
        Assert.Equal(["dm-integrity", "dm-raid", "dm-snapshot"], modules.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(Severity.Ok, modules["dm-raid"].Severity);
        Assert.Equal(Severity.Error, modules["dm-snapshot"].Severity);

        world.MakeContainer("27 1 0:40 / / rw - overlay overlay rw\n");
        modules = (await world.ExamineAsync()).Where(static finding => finding.Code == FindingCodes.Module).ToDictionary(static finding => finding.Subject);
        Assert.Equal((Severity.Warning, "on the host: modprobe dm-raid"), (modules["dm-raid"].Severity, modules["dm-raid"].Remedy));
    }

    [Theory]
    [InlineData("use_lvmlockd=1\nudev_sync=1\n", "global/use_lvmlockd")]
    [InlineData("use_lvmlockd=0\nudev_sync=0\n", "activation/udev_sync")]
    public async Task Settings_that_the_driver_cannot_live_with_are_told(string output, string subject)
    {
        world.Answer = command => command.Arguments is ["lvmconfig", ..] ? new ToolOutput(0, output, "") : null;

        var finding = await world.FindAsync(FindingCodes.LvmConfiguration);

        Assert.Equal((Severity.Warning, subject), (finding.Severity, finding.Subject));
    }

    [Fact]
    public async Task Disks_that_lvm_s_devices_file_or_a_filter_hides_are_named()
    {
        world.Answer = static command => command switch
        {
            { Arguments: ["pvs", "--config", ..] } => new ToolOutput(0, "  vg,/dev/sda\n  vg,/dev/sdb\n  other,/dev/sdc\n", ""),
            { Arguments: ["pvs", ..] } => new ToolOutput(0, "  vg,/dev/sda\n", ""),
            _ => null,
        };

        var finding = await world.FindAsync(FindingCodes.LvmDevices);

        Assert.Equal((Severity.Error, "vg"), (finding.Severity, finding.Subject));
        Assert.EndsWith(": /dev/sdb", finding.Evidence, StringComparison.Ordinal);
        Assert.Contains("lvmdevices --adddev /dev/sdb", finding.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_lvm_that_fails_is_told_of_once()
    {
        world.Answer = static command => command.Program == "lvm" ? new ToolOutput(5, "", "no locks") : null;

        var findings = await world.ExamineAsync();

        Assert.Single(findings, static finding => finding.Evidence.Contains("no locks", StringComparison.Ordinal));
    }

    private static (Severity, string) Told(Finding finding) => (finding.Severity, finding.Evidence);
}
