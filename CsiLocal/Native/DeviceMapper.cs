using System.Globalization;
using System.Runtime.InteropServices;

namespace CsiLocal.Native;

/// <summary>The kernel's device-mapper by ioctl on /dev/mapper/control (dm-ioctl.h, interface version 4).</summary>
internal sealed class DeviceMapper : IDeviceMapper
{
    private const string ControlPath = "/dev/mapper/control";
    private const string NodeFolder = "/dev/mapper";

    // _IOWR(0xfd, command, struct dm_ioctl)
    private const uint Version = 0xC138FD00; // DM_VERSION
    private const uint TableStatus = 0xC138FD0C; // DM_TABLE_STATUS

    // A handful of targets; a RAID volume's or a fragmented one's needs more, and is asked again.
    private const int FirstSize = 4096;
    private const int LargestSize = 16 << 20;

    public void Probe()
    {
        var answer = new DmMessage(DmMessage.HeaderSize, 0);
        if (!TryRequest(Version, "DM_VERSION", answer) || answer.MajorVersion != 4)
            throw new NativeException($"DM_VERSION {ControlPath}: interface version {answer.MajorVersion}, 4 is needed", Errno.InvalidArgument);
    }

    public DmDevice? FindByName(string name) => Find(name, "");

    public DmDevice? FindByUuid(string uuid) => Find("", uuid);

    public IReadOnlyList<DmTarget> Status(string uuid) => Ask(DmMessage.NoFlushFlag, "", uuid)?.ToTargets() ?? [];

    public string NodeOf(DmDevice device)
    {
        // /dev/mapper/NAME may be left over from a device that is gone (no udev to remove it), as a node with a number used anew or as a
        // file that somebody wrote into; only the number proves it. Kernels name their node by the minor number (dm.c, alloc_dev).
        string[] candidates = [$"{NodeFolder}/{device.Name}", $"/dev/dm-{FileStatus.MinorOf(device.DeviceNumber).ToString(CultureInfo.InvariantCulture)}"];
        foreach (var path in candidates)
        {
            if (LeadsTo(path, device.DeviceNumber))
                return path;
        }

        throw new NativeException(
            $"find the device node of {device.Name}: neither {candidates[0]} nor {candidates[1]} is one; "
                + "udev has to run, or the host's /dev has to be mounted in the driver's container",
            Errno.NoDevice);
    }

    /// <summary>Whether the path, symlinks followed, is the node of that block device.</summary>
    internal static bool LeadsTo(string path, ulong deviceNumber) =>
        FileStatus.FindFollowing(path) is { IsBlockDevice: true } status && status.DeviceNumber == deviceNumber;

    // The table and not the device's status: one request then tells its size, too, and asks no target for anything it would wait for.
    private static DmDevice? Find(string name, string uuid) => Ask(DmMessage.TableFlag | DmMessage.NoFlushFlag, name, uuid)?.ToDevice();

    /// <summary>DM_TABLE_STATUS; null where there is no such device, or it has no table in force (LVM is just making it).</summary>
    private static DmMessage? Ask(uint flags, string name, string uuid)
    {
        for (var size = FirstSize; size <= LargestSize; size *= 4)
        {
            var message = new DmMessage(size, flags, name, uuid);
            if (!TryRequest(TableStatus, "DM_TABLE_STATUS", message))
                return null;
            if (!message.Has(DmMessage.BufferFullFlag))
                return message.Has(DmMessage.ActiveFlag) ? message : null;
        }

        throw new NativeException($"DM_TABLE_STATUS {name}{uuid}: more than {LargestSize} bytes", Errno.InvalidArgument);
    }

    /// <returns>False where there is no such device.</returns>
    private static bool TryRequest(uint request, string call, DmMessage message)
    {
        using var control = OpenControl();
        if (NativeFile.Control(control, request, ref message.Bytes[0]) == 0)
            return true;
        return Marshal.GetLastPInvokeError() == Errno.NoDeviceOrAddress ? false : throw NativeException.Last(call, ControlPath);
    }

    private static Microsoft.Win32.SafeHandles.SafeFileHandle OpenControl()
    {
        try
        {
            return NativeFile.Open(ControlPath, NativeFile.ReadWrite);
        }
        catch (NativeException e) when (e.ErrorNumber is Errno.NoEntry or Errno.NoDevice or Errno.NoDeviceOrAddress)
        {
            // The node exists before the module does, and opening it loads the module; without it the device cannot be opened (devname:mapper/control).
            throw new NativeException(
                $"open {ControlPath} (load the kernel module dm_mod; in a container, mount the host's /dev)", e.ErrorNumber);
        }
    }
}
