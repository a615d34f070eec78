using System.Globalization;
using CsiLocal.Configuration;
using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Tools;

namespace CsiLocal.Volumes.Diagnosis;

/// <summary>Whether this machine, as this process sees it, has what the configured pools need. Changes nothing.</summary>
/// <param name="files">Its files.</param>
/// <param name="commands">Runs the tools that are asked for their versions.</param>
/// <param name="devices">Asked whether there is a device-mapper.</param>
internal sealed class HostExaminer(HostFiles files, ICommandRunner commands, IDeviceMapper devices)
{
    private static readonly Version LeastKernel = new(5, 14);

    // Initial namespaces have fixed numbers (linux/proc_ns.h): a process in another one is in a container.
    private const string InitialProcesses = "pid:[4026531836]";
    private const string InitialControlGroups = "cgroup:[4026531835]";

    private const string Kubelet = "/var/lib/kubelet";

    /// <summary>Process 1 of the first process namespace is the machine's own: whoever has its mounts is on the host, whatever files an image left there.</summary>
    private bool IsHost =>
        files.Link("/proc/self/ns/pid") == InitialProcesses
        && files.Link("/proc/1/ns/mnt") is { } hosts && hosts == files.Link("/proc/self/ns/mnt");

    private bool IsContainer => !IsHost
        && (files.Exists("/.dockerenv") || files.Exists("/run/.containerenv")
            || files.Link("/proc/self/ns/pid") is not (null or InitialProcesses)
            || files.Link("/proc/self/ns/cgroup") is not (null or InitialControlGroups));

    /// <param name="configuration">What is asked of the machine.</param>
    /// <param name="hostTools">Whose lvm is run.</param>
    public async Task<IReadOnlyList<Finding>> ExamineAsync(
        FileConfiguration configuration, HostToolsSource hostTools, CancellationToken cancellationToken)
    {
        var findings = new List<Finding> { Kernel(), Privileges() };
        findings.AddRange(await new ToolExaminer(files, commands).ExamineAsync(configuration.Pools, hostTools, cancellationToken));
        if (configuration.Pools.Any(static pool => pool.Backend == BackendKind.Image))
            findings.Add(Loop());

        findings.AddRange(Propagation(configuration.PublishRoots));
        foreach (var pool in configuration.Pools)
        {
            if (pool is { Backend: BackendKind.Directory, Quota: QuotaMode.Auto })
                findings.Add(QuotaCheck.Examine(pool, commands));
        }

        if (configuration.Pools.Any(static pool => pool.Lvm is not null))
            findings.AddRange(await new LvmExaminer(files, commands, devices, IsContainer).ExamineAsync(configuration.Pools, hostTools, cancellationToken));
        return findings;
    }

    private Finding Kernel()
    {
        var release = files.Read("/proc/sys/kernel/osrelease")?.Trim() ?? "unknown";
        return VersionText.Find(release) is { } version && version < LeastKernel
            ? Finding.Error(FindingCodes.Kernel, "Linux", $"Linux {release}", $"boot Linux {LeastKernel} or newer")
            : Finding.Ok(FindingCodes.Kernel, "Linux", $"Linux {release}");
    }

    /// <summary>capabilities(7): mounting and loop devices need the first, growing a mounted ext4 the second (ext4's resize.c).</summary>
    private Finding Privileges()
    {
        const int SysAdmin = 21;
        const string Subject = "capabilities";
        const string Remedy = "run the daemon as root, in a container privileged";
        if (!Has(SysAdmin))
            return Finding.Error(FindingCodes.Privileges, Subject, "CAP_SYS_ADMIN is missing: nothing can be mounted", Remedy);
        return Has(ProcessCapabilities.SysResource)
            ? Finding.Ok(FindingCodes.Privileges, Subject, "CAP_SYS_ADMIN, CAP_SYS_RESOURCE")
            : Finding.Warning(FindingCodes.Privileges, Subject, "CAP_SYS_RESOURCE is missing: a mounted ext4 cannot grow", Remedy);
    }

    private bool Has(int capability)
    {
        const string Effective = "CapEff:";
        foreach (var line in (files.Read("/proc/self/status") ?? "").AsSpan().EnumerateLines())
        {
            if (line.StartsWith(Effective) && ulong.TryParse(line[Effective.Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var all))
                return (all & (1UL << capability)) != 0;
        }

        return false;
    }

    private Finding Loop()
    {
        const string Subject = "loop devices";
        if (!files.Exists("/dev/loop-control"))
        {
            return Finding.Error(
                FindingCodes.Loop, Subject, "/dev/loop-control is missing", "load the kernel module: modprobe loop; in a container, mount the host's /dev");
        }

        var used = files.Names("/sys/block").Where(name => files.Exists($"/sys/block/{name}/loop/backing_file")).ToList();
        if (used.Where(name => !files.Exists($"/dev/{name}")).ToList() is { Count: > 0 } missing)
        {
            return Finding.Error(
                FindingCodes.Loop, Subject, $"in use, and not in /dev: {string.Join(", ", missing)}",
                "mount the host's /dev in the container: there new devices appear by themselves (devtmpfs)");
        }

        // 20 bits of minor number, some of which go to partitions (drivers/block/loop.c, loop_init).
        var partitions = int.TryParse(
            files.Read("/sys/module/loop/parameters/max_part")?.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var parts) ? parts : 0;
        var most = (1 << 20) >> (partitions <= 0 ? 0 : int.Log2(partitions) + 1);
        var evidence = $"{used.Count} of at most {most} in use";
        return used.Count >= most / 10 * 9
            ? Finding.Warning(FindingCodes.Loop, Subject, evidence, "lower max_part of the loop module, or keep fewer image volumes on this node")
            : Finding.Ok(FindingCodes.Loop, Subject, evidence);
    }

    /// <summary>What is mounted for a pod has to be seen outside of the daemon's mount namespace (mount_namespaces(7), shared subtrees).</summary>
    private IEnumerable<Finding> Propagation(IReadOnlyList<string> publishRoots)
    {
        if (IsHost || (!IsContainer && files.Link("/proc/1/ns/mnt") is null))
        {
            yield return Finding.Ok(FindingCodes.Propagation, "/", "the daemon mounts where the machine sees it");
            yield break;
        }

        if (publishRoots.Count == 0 && !files.Exists(Kubelet))
        {
            yield return Finding.Ok(FindingCodes.Propagation, Kubelet, "not there, and no publishRoots are set: what is mounted is seen in this container alone");
            yield break;
        }

        var mounts = files.Read("/proc/self/mountinfo") is { } table ? MountTable.Parse(table) : MountTable.Read();
        foreach (var root in publishRoots.Count > 0 ? publishRoots : [Kubelet])
        {
            const string Remedy = "mount the host's folder at the same path with mountPropagation: Bidirectional (podman, docker: bind-propagation=rshared; systemd: no PrivateMounts)";
            var mount = mounts.FindContaining(root);
            if (mount is null || (IsContainer && mount.Path == "/"))
                yield return Finding.Error(FindingCodes.Propagation, root, "it is the container's own: what is mounted there is seen by nobody else", Remedy);
            else if (!mount.IsShared)
                yield return Finding.Error(FindingCodes.Propagation, root, $"the mount at {mount.Path} is not shared: what is mounted there is seen by nobody else", Remedy);
            else
                yield return Finding.Ok(FindingCodes.Propagation, root, $"the mount at {mount.Path} is shared");
        }
    }
}
