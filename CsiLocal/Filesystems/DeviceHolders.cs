using CsiLocal.Native;

namespace CsiLocal.Filesystems;

/// <summary>Finds out who keeps a block device open, for the message to the person who has to stop it.</summary>
internal static class DeviceHolders
{
    private const int MaxNamed = 5;

    /// <summary>In words, comma-separated. Empty where nobody was found: then it is a kernel user that shows itself nowhere, or a process that /proc does not show here.</summary>
    /// <param name="deviceNumber">As in <c>st_rdev</c>.</param>
    public static string Describe(ulong deviceNumber)
    {
        // The most telling first: what is mounted or stacked explains the processes behind it.
        var found = new List<string>();
        AddMounts(deviceNumber, found);
        AddStacked(deviceNumber, found);
        AddSwap(deviceNumber, found);
        AddProcesses(deviceNumber, found);
        return found.Count <= MaxNamed ? string.Join(", ", found) : $"{string.Join(", ", found.GetRange(0, MaxNamed))} and others";
    }

    /// <summary>Mounts here, and in other mount namespaces: there they outlive an unmount here (a container's, a unit's with PrivateMounts).</summary>
    private static void AddMounts(ulong deviceNumber, List<string> found)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var mount in MountTable.Read().OfDevice(deviceNumber))
            found.Add($"the mount at {mount.Path}");
        if (Processes.LinkTarget("/proc/self/ns/mnt") is { } own)
            seen.Add(own);

        foreach (var id in Processes.Ids())
        {
            try
            {
                var folder = Processes.Folder(id);
                if (Processes.LinkTarget($"{folder}/ns/mnt") is not { } other || !seen.Add(other))
                    continue;
                if (MountTable.ReadOf(folder).OfDevice(deviceNumber) is [var mount, ..])
                    found.Add($"the mount at {mount.Path} in the mount namespace of {Processes.Describe(id)}");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended while it was looked at.
            }
        }
    }

    /// <summary>Devices built on it: device-mapper, md, bcache by sysfs; loop devices, which claim nothing, by their backing file.</summary>
    private static void AddStacked(ulong deviceNumber, List<string> found)
    {
        var holders = new DirectoryInfo($"/sys/dev/block/{FileStatus.NameOf(deviceNumber)}/holders");
        if (holders.Exists)
        {
            foreach (var holder in holders.EnumerateFileSystemInfos())
            {
                var name = Processes.ReadText($"/sys/block/{holder.Name}/dm/name").Trim();
                found.Add(name.Length > 0 ? $"device {holder.Name} ({name})" : $"device {holder.Name}");
            }
        }

        foreach (var loop in LoopDevices.FindAllOn(deviceNumber))
            found.Add($"loop device {loop.Path}");
    }

    private static void AddSwap(ulong deviceNumber, List<string> found)
    {
        foreach (var line in Processes.ReadText("/proc/swaps").Split('\n'))
        {
            if (line.StartsWith('/') && IsDevice(line.Split(' ', '\t')[0], deviceNumber))
                found.Add("swap");
        }
    }

    private static void AddProcesses(ulong deviceNumber, List<string> found)
    {
        foreach (var id in Processes.Ids())
        {
            // Beyond what is named nobody is looked for: a machine may have many thousands of open files.
            if (found.Count > MaxNamed)
                return;
            if (HasOpen(Processes.Folder(id), deviceNumber))
                found.Add(Processes.Describe(id));
        }
    }

    private static bool HasOpen(string process, ulong deviceNumber)
    {
        try
        {
            // By number and not by name: a container knows the device by a name of its own.
            foreach (var descriptor in Directory.EnumerateFileSystemEntries($"{process}/fd"))
            {
                if (IsDevice(descriptor, deviceNumber))
                    return true;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It ended while it was looked at.
        }

        return false;
    }

    private static bool IsDevice(string path, ulong deviceNumber) =>
        FileStatus.FindFollowing(path) is { IsBlockDevice: true } status && status.DeviceNumber == deviceNumber;
}
