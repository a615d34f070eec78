namespace CsiLocal.Native;

/// <summary>The kernel's device-mapper by ioctl on /dev/mapper/control (dm-ioctl.h, interface version 4).</summary>
internal sealed class DeviceMapper : IDeviceMapper
{
    public void Probe() => throw new NotImplementedException();

    public DmDevice? FindByName(string name) => throw new NotImplementedException();

    public DmDevice? FindByUuid(string uuid) => throw new NotImplementedException();

    public IReadOnlyList<DmTarget> Status(string uuid) => throw new NotImplementedException();

    public string NodeOf(DmDevice device) => throw new NotImplementedException();
}
