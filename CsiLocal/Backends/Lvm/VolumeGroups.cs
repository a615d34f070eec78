using System.Collections.Concurrent;
using CsiLocal.Native;

namespace CsiLocal.Backends.Lvm;

/// <summary>The volume groups of this node by name: pools in the same one share its inventory and its queue.</summary>
internal sealed class VolumeGroups(LvmTool tool, IDeviceMapper devices, DeviceClaim claim, TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, VolumeGroup> _groups = new(StringComparer.Ordinal);

    public VolumeGroup this[string name] => _groups.GetOrAdd(name, key => new VolumeGroup(key, tool, devices, claim, clock));
}
