using CsiLocal.Native;

namespace CsiLocal.Backends.Lvm;

/// <summary>One volume group of this node, shared by the pools in it: which one it is, what is in it, and one mutation at a time.</summary>
/// <remarks>
/// The inventory is the last report, corrected at once by what this process itself did, and read again soon after and from time to
/// time: nobody waits for a report but who has to (design §5: publish, stats, capacity and list start no lvm process).
/// </remarks>
internal sealed class VolumeGroup(string name, LvmTool tool, IDeviceMapper devices, TimeProvider clock)
{
    public string Name { get; } = name;

    public LvmTool Tool { get; } = tool;

    public IDeviceMapper Devices { get; } = devices;

    /// <summary>The volume group as it was last known; null before <see cref="OpenAsync"/>, and while it is gone.</summary>
    public VolumeGroupReport? Inventory => throw Later();

    /// <summary>Name, UUID and devices for commands.</summary>
    /// <exception cref="Volumes.StorageException">Unavailable: it is gone.</exception>
    public VolumeGroupRef Ref => throw Later();

    /// <summary>Finds the volume group by name, or the one of <paramref name="knownUuid"/> among namesakes or under another name; reads it and activates what is not active.</summary>
    /// <exception cref="Volumes.StorageException">Unavailable: not there, two of that name, exported, devices missing; each with its remedy.</exception>
    public Task<VolumeGroupReport> OpenAsync(string? knownUuid, CancellationToken cancellationToken) => throw Later();

    /// <summary>The logical volume of that name by the inventory; null where there is none. Starts no process.</summary>
    public LogicalVolume? Find(string lvName) => throw Later();

    /// <summary>The active device of a logical volume, by its dm UUID; null where it is not active.</summary>
    public DmDevice? DeviceOf(LogicalVolume volume) => throw Later();

    /// <summary>Runs one command that changes the volume group, alone; marks the inventory for a fresh report afterwards, whatever its outcome.</summary>
    /// <param name="change">Gets the reference as it is when its turn comes.</param>
    /// <param name="apply">What the change did, for the inventory until the next report; not called where it failed.</param>
    public Task ChangeAsync(
        Func<VolumeGroupRef, CancellationToken, Task> change, Func<VolumeGroupReport, VolumeGroupReport> apply, CancellationToken cancellationToken) =>
        throw Later();

    /// <summary>A report that began after this call. Shared by all who wait for one.</summary>
    public Task<VolumeGroupReport> RefreshAsync(CancellationToken cancellationToken) => throw Later();

    /// <summary>One turn: a fresh report where one is due (soon after a change, or after <c>IdleInterval</c>).</summary>
    public Task UpkeepAsync(CancellationToken cancellationToken) => throw Later();

    /// <summary>Bytes of free space, used up by nothing else, on each usable physical volume.</summary>
    public IReadOnlyList<long> FreeByDevice() => throw Later();

    private NotImplementedException Later() => new($"{clock}");
}
