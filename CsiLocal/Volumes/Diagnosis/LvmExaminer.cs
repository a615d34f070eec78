using CsiLocal.Configuration;
using CsiLocal.Native;
using CsiLocal.Tools;

namespace CsiLocal.Volumes.Diagnosis;

/// <summary>Whether lvm can work here: device-mapper, its targets, udev, the locks that all lvm of a machine share, its configuration, its devices.</summary>
internal sealed class LvmExaminer(HostFiles files, ICommandRunner commands, IDeviceMapper devices, bool isContainer)
{
    private const string InitialSemaphores = "ipc:[4026531839]"; // linux/proc_ns.h
    private const string ModuleRemedy = "on the host: modprobe ";
    private const string See = "see docs/configuration.md, LVM in a container";

    // All that is there, whatever the host's own rules hide.
    private const string Unfiltered = "devices/use_devicesfile=0 devices/filter=[\"a|.*|\"] devices/global_filter=[\"a|.*|\"]";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public async Task<IReadOnlyList<Finding>> ExamineAsync(
        IReadOnlyList<PoolOptions> pools, HostToolsSource hostTools, CancellationToken cancellationToken)
    {
        var findings = new List<Finding> { DeviceMapper() };
        findings.AddRange(Modules(pools));
        if (hostTools == HostToolsSource.Own)
            findings.AddRange([Udev(), Locks(), Semaphores()]);

        var prefix = hostTools == HostToolsSource.Nsenter ? HostNamespaces.Prefix : [];
        findings.AddRange(await ConfigurationAsync(prefix, cancellationToken));
        findings.AddRange(await HiddenDevicesAsync(pools, prefix, cancellationToken));
        return findings;
    }

    private Finding DeviceMapper()
    {
        const string Subject = "/dev/mapper/control";
        try
        {
            devices.Probe();
            return Finding.Ok(FindingCodes.DeviceMapper, Subject, "the kernel's device-mapper answers");
        }
        catch (NativeException e)
        {
            return Finding.Error(FindingCodes.DeviceMapper, Subject, e.Message, $"{ModuleRemedy}dm-mod; in a container, mount the host's /dev");
        }
    }

    /// <summary>LVM loads what is missing when it first needs it, from a container only where it may.</summary>
    private IEnumerable<Finding> Modules(IReadOnlyList<PoolOptions> pools)
    {
        var release = files.Read("/proc/sys/kernel/osrelease")?.Trim() ?? "";
        var builtIn = files.Read($"/lib/modules/{release}/modules.builtin") ?? "";
        var loadable = files.Read($"/lib/modules/{release}/modules.dep");
        foreach (var module in NeededBy(pools))
        {
            var subject = module.Replace('_', '-');
            if (files.Exists($"/sys/module/{module}"))
                yield return Finding.Ok(FindingCodes.Module, subject, "loaded");
            else if (Names(builtIn, subject))
                yield return Finding.Ok(FindingCodes.Module, subject, "built into the kernel");
            else if (loadable is null)
                yield return Finding.Warning(FindingCodes.Module, subject, $"not loaded, and /lib/modules/{release} cannot be seen from here", ModuleRemedy + subject);
            else if (!Names(loadable, subject))
                yield return Finding.Error(FindingCodes.Module, subject, $"Linux {release} does not have it", "boot a kernel that has it (Debian's has)");
            else if (isContainer)
                yield return Finding.Warning(FindingCodes.Module, subject, "not loaded, and from a container it may not be loaded when it is needed", ModuleRemedy + subject);
            else
                yield return Finding.Ok(FindingCodes.Module, subject, "is loaded when it is first needed");
        }
    }

    private static SortedSet<string> NeededBy(IReadOnlyList<PoolOptions> pools)
    {
        var modules = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var pool in pools)
        {
            if (pool.Lvm is not { } lvm)
                continue;
            if (lvm.ThinPool is not null)
                modules.Add("dm_thin_pool");
            if (lvm.SnapshotReservePercent is not null)
                modules.Add("dm_snapshot");
            if (lvm.Layout is not (LvmLayout.Linear or LvmLayout.Striped))
                modules.Add("dm_raid");
            if (lvm.Integrity)
                modules.Add("dm_integrity");
        }

        return modules;
    }

    // "kernel/drivers/md/dm-thin-pool.ko.xz: …"
    private static bool Names(string list, string module) => list.Contains($"/{module}.ko", StringComparison.Ordinal);

    private Finding Udev() => files.Exists("/run/udev/control")
        ? Finding.Ok(FindingCodes.Udev, "/run/udev", "udev runs and can be seen")
        : Finding.Error(
            FindingCodes.Udev, "/run/udev", "/run/udev/control is missing: lvm waits for udev in vain",
            isContainer ? $"mount the host's /run/udev at the same path; {See}" : "start udev (systemd-udevd)");

    private Finding Locks()
    {
        const string Folder = "/run/lock/lvm";
        var mounts = files.Read("/proc/self/mountinfo") is { } table ? Filesystems.MountTable.Parse(table) : Filesystems.MountTable.Read();
        if (isContainer && mounts.FindContaining(Folder) is null or { Path: "/" })
        {
            return Finding.Error(
                FindingCodes.LvmLocks, Folder, "it is the container's own: two lvm could change a volume group at the same time",
                $"mount the host's {Folder} at the same path; {See}");
        }

        return Finding.Ok(FindingCodes.LvmLocks, Folder, isContainer ? "shared with the host" : files.Exists(Folder) ? "is there" : "is made by the first lvm");
    }

    // udev's own process ends lvm's wait, by a System V semaphore (dmsetup(8), udevcomplete).
    private Finding Semaphores()
    {
        var own = files.Link("/proc/self/ns/ipc");
        return own is null or InitialSemaphores
            ? Finding.Ok(FindingCodes.LvmSemaphores, "ipc", "the host's")
            : Finding.Error(
                FindingCodes.LvmSemaphores, "ipc", $"{own} is not the host's: lvm waits for udev without end", $"hostIPC: true (podman, docker: --ipc=host); {See}");
    }

    private async Task<IReadOnlyList<Finding>> ConfigurationAsync(IReadOnlyList<string> prefix, CancellationToken cancellationToken)
    {
        if (await RunAsync([.. prefix, "lvm", "lvmconfig", "--typeconfig", "full", "global/use_lvmlockd", "activation/udev_sync"], cancellationToken)
            is not { Succeeded: true } output)
            return []; // Of an lvm that does not run the tools tell.

        var findings = new List<Finding>();
        if (output.StandardOutput.Contains("use_lvmlockd=1", StringComparison.Ordinal))
        {
            findings.Add(Finding.Warning(
                FindingCodes.LvmConfiguration, "global/use_lvmlockd", "1: volume groups that several hosts share are not supported", "use pools in local volume groups only"));
        }

        if (output.StandardOutput.Contains("udev_sync=0", StringComparison.Ordinal))
        {
            findings.Add(Finding.Warning(
                FindingCodes.LvmConfiguration, "activation/udev_sync", "0: lvm does not wait for udev, and device nodes may come late", "set it to 1 in lvm.conf"));
        }

        return findings.Count > 0 ? findings : [Finding.Ok(FindingCodes.LvmConfiguration, "lvm.conf", "local locks, and lvm waits for udev")];
    }

    /// <summary>LVM's devices file and filters decide what is a physical volume to it (lvmdevices(8), lvm.conf(5)).</summary>
    private async Task<IReadOnlyList<Finding>> HiddenDevicesAsync(
        IReadOnlyList<PoolOptions> pools, IReadOnlyList<string> prefix, CancellationToken cancellationToken)
    {
        if (await DevicesAsync(prefix, [], cancellationToken) is not { } seen
            || await DevicesAsync(prefix, ["--config", Unfiltered], cancellationToken) is not { } there)
            return [];

        var findings = new List<Finding>();
        foreach (var group in pools.Select(static pool => pool.Lvm?.VolumeGroup).OfType<string>().Distinct(StringComparer.Ordinal))
        {
            var hidden = there.Where(line => line.StartsWith(group + ",", StringComparison.Ordinal) && !seen.Contains(line))
                .Select(line => line[(group.Length + 1)..]).ToList();
            findings.Add(hidden.Count == 0
                ? Finding.Ok(FindingCodes.LvmDevices, group, $"{seen.Count(line => line.StartsWith(group + ",", StringComparison.Ordinal))} physical volumes, none hidden from lvm")
                : Finding.Error(
                    FindingCodes.LvmDevices, group, $"hidden from lvm by its devices file or a filter: {string.Join(", ", hidden)}",
                    $"lvmdevices --adddev {hidden[0]}, or correct filter and global_filter in lvm.conf"));
        }

        return findings;
    }

    /// <summary>"VG,device" of every physical volume; null where lvm fails.</summary>
    private async Task<IReadOnlySet<string>?> DevicesAsync(IReadOnlyList<string> prefix, IReadOnlyList<string> more, CancellationToken cancellationToken)
    {
        var output = await RunAsync(
            [.. prefix, "lvm", "pvs", .. more, "--noheadings", "--separator", ",", "--options", "vg_name,pv_name"], cancellationToken);
        return output is { Succeeded: true }
            ? output.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).ToHashSet(StringComparer.Ordinal)
            : null;
    }

    private async Task<ToolOutput?> RunAsync(List<string> line, CancellationToken cancellationToken)
    {
        try
        {
            return await commands.RunAsync(new ToolCommand(line[0], line.GetRange(1, line.Count - 1)) { Timeout = Patience }, cancellationToken);
        }
        catch (ToolException)
        {
            // Told where the tools are looked at.
            return null;
        }
    }
}
