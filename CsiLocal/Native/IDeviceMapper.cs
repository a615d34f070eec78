namespace CsiLocal.Native;

/// <summary>A device-mapper device as the kernel says (dm-ioctl(4), DM_DEV_STATUS).</summary>
/// <param name="Name">As in /dev/mapper; LVM's is <c>VG-LV</c> with every dash of a name doubled.</param>
/// <param name="Uuid">LVM's is <c>LVM-</c> + VG UUID + LV UUID, both without dashes, and for hidden layers a suffix such as <c>-tpool</c>.</param>
/// <param name="DeviceNumber">Encoded like <c>st_rdev</c>. May be another one after a reboot.</param>
/// <param name="SizeBytes">Sum of its table's targets.</param>
/// <param name="OpenCount">Mounts, openers and devices stacked on it.</param>
internal sealed record DmDevice(
    string Name, string Uuid, ulong DeviceNumber, long SizeBytes, int OpenCount, bool IsReadOnly, bool IsSuspended);

/// <summary>One line of a device's table status (DM_TABLE_STATUS), as <c>dmsetup status</c> shows it.</summary>
/// <param name="Type">Target type: "linear", "thin-pool", "thin", "raid", "snapshot" …</param>
/// <param name="Parameters">What follows the type.</param>
internal sealed record DmTarget(long StartSector, long LengthSectors, string Type, string Parameters);

/// <summary>What the kernel's device-mapper says of active devices. Starts no process; never judges by a path below /dev.</summary>
/// <remarks>Real: <c>DeviceMapper</c>, by ioctl; for tests on kernels without it: the LVM emulator's loop devices.</remarks>
internal interface IDeviceMapper
{
    /// <summary>Proves that the kernel's device-mapper can be asked.</summary>
    /// <exception cref="NativeException">No /dev/mapper/control, no permission, or a kernel without it.</exception>
    void Probe();

    /// <summary>The active device of that name; null where there is none.</summary>
    DmDevice? FindByName(string name);

    /// <summary>The active device of that UUID; null where there is none.</summary>
    DmDevice? FindByUuid(string uuid);

    /// <summary>The status of each target of the device; empty where the device is not active. Never waits for the device to be flushed.</summary>
    IReadOnlyList<DmTarget> Status(string uuid);

    /// <summary>A device node that leads to the device, its number verified: below /dev/mapper or /dev.</summary>
    /// <exception cref="NativeException">There is none: udev is not running, or /dev is not the host's.</exception>
    string NodeOf(DmDevice device);
}
