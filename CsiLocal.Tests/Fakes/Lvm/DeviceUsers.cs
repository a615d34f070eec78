using System.Globalization;
using CsiLocal.Native;

namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>Who uses a loop device: what device-mapper counts as opens of a device, and the kernel does not tell of loop devices.</summary>
internal static class DeviceUsers
{
    public static bool IsMounted(int loop) => Mounts(loop) > 0;

    /// <summary>Mounted file systems, open files, and loop devices on top.</summary>
    public static int Count(int loop) => Mounts(loop) + Stacked(loop) + Opened(loop);

    // btrfs shows a device number of its own, but its source; a bind mount of the device's node is no use of the device.
    private static int Mounts(int loop)
    {
        var (path, number) = (LoopDevices.PathOf(loop), $"7:{loop.ToString(CultureInfo.InvariantCulture)}");
        var folders = new HashSet<string>();
        foreach (var line in File.ReadLines("/proc/self/mountinfo"))
        {
            var fields = line.Split(' ');
            if (fields[2] == number || fields[Array.IndexOf(fields, "-") + 2] == path)
                folders.Add(fields[2]);
        }

        return folders.Count;
    }

    private static int Stacked(int loop) => LoopDevices.BackingFiles().Count(backing => backing.Path == LoopDevices.PathOf(loop));

    // Of this process alone: the driver and the test are in it, and the driver waits for the tools that it runs.
    private static int Opened(int loop)
    {
        var device = FileStatus.MakeDevice(7, (uint)loop);
        return Directory.EnumerateFileSystemEntries("/proc/self/fd")
            .Count(file => FileStatus.FindFollowing(file) is { IsBlockDevice: true } status && status.DeviceNumber == device);
    }
}
