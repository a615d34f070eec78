using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>The block devices of a pool's logical volumes. Those are active all the time; only who has them open changes.</summary>
internal sealed class LvmDevices(VolumeGroup group, TimeProvider time)
{
    private volatile string? _groupUuid;

    /// <summary>Remembers which volume group is meant, so that its devices are known as such while it cannot be read.</summary>
    public void Pin(string groupUuid) => _groupUuid = groupUuid;

    /// <summary>The active device of the logical volume of that name; null where there is none. Starts no process.</summary>
    /// <remarks>What is mounted must be let go of even where the volume group's disks are gone: then the kernel is asked by name.</remarks>
    public DmDevice? Find(string name)
    {
        if (group.Find(name) is { } known)
            return group.DeviceOf(known);
        return _groupUuid is { } uuid && group.Devices.FindByName(DmNames.Of(group.Name, name)) is { } device && DmNames.VolumeUuid(device.Uuid, uuid) is not null
            ? device
            : null;
    }

    /// <summary>The device, activated if it is not, and at least of the size recorded.</summary>
    /// <param name="attempted">Operation and id, for messages.</param>
    /// <param name="volume">Proved to be the one that is meant.</param>
    /// <exception cref="StorageException">DataLoss: it is smaller.</exception>
    public async Task<DmDevice> ActivateAsync(string attempted, LogicalVolume volume, long recordedBytes, CancellationToken cancellationToken)
    {
        var device = group.DeviceOf(volume);
        if (device is null)
        {
            await group.ChangeAsync(
                (found, token) => group.Tool.ActivateAsync(found, volume.Name, token), static report => report, cancellationToken);
            device = group.DeviceOf(volume) ?? throw new StorageException(
                StorageError.Unavailable, $"{attempted}: {group.Name}/{volume.Name} was activated, and the kernel knows no device of it",
                "see whether somebody deactivates it (lvchange, vgchange, a cluster's agent)");
        }
        else if (device.SizeBytes < recordedBytes && volume.SizeBytes >= recordedBytes)
        {
            device = await ReloadAsync(attempted, volume, cancellationToken);
        }

        return device.SizeBytes >= recordedBytes
            ? device
            : throw new StorageException(
                StorageError.DataLoss, $"{attempted}: {group.Name}/{volume.Name} has {device.SizeBytes} bytes, its record says {recordedBytes}",
                "nothing was touched: see who made it smaller (lvs, vgcfgrestore --list)");
    }

    /// <summary>The device with the table that the volume group's metadata describes: an lvextend may have been killed before it loaded that.</summary>
    public async Task<DmDevice> ReloadAsync(string attempted, LogicalVolume volume, CancellationToken cancellationToken)
    {
        await group.ChangeAsync((found, token) => group.Tool.RefreshAsync(found, volume.Name, token), static report => report, cancellationToken);
        return group.DeviceOf(volume) ?? throw new StorageException(
            StorageError.Unavailable, $"{attempted}: {group.Name}/{volume.Name} is no longer active", "try again; see who deactivates it");
    }

    public Attachment Describe(DmDevice device) => VolumeDevice.Describe(group, device);

    /// <summary>The read-only device before the volume, made if there is none: a read-only bind of its own node could be written through.</summary>
    public Attachment AttachReadOnly(DmDevice device, string id)
    {
        if (FindReadOnly(device) is { } found)
        {
            // A detach that was waiting for its last user: with us there is a new one.
            if (found.AutoClear)
                LoopDevices.KeepAttached(found.Number);
            if (LoopDevices.Measure(found.Number).SizeBytes != device.SizeBytes)
                LoopDevices.UpdateCapacity(found.Number);
            return Describe(found);
        }

        using var node = File.OpenHandle(group.Devices.NodeOf(device), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return Describe(LoopDevices.Attach(node, id, readOnly: true));
    }

    public static Attachment? FindReadOnlyAttachment(DmDevice device) => FindReadOnly(device) is { } found ? Describe(found) : null;

    /// <summary>Frees the read-only devices before the volume. Success where there are none.</summary>
    public async Task DetachReadOnlyAsync(DmDevice device, string id, CancellationToken cancellationToken)
    {
        foreach (var loop in LoopDevices.FindAllOn(device.DeviceNumber).Where(static loop => loop.ReadOnly))
            await LoopRelease.DetachAsync(id, loop, time, cancellationToken);
    }

    /// <summary>The new size becomes that of the read-only devices before it.</summary>
    public static void UpdateReadOnly(DmDevice device)
    {
        foreach (var loop in LoopDevices.FindAllOn(device.DeviceNumber))
            LoopDevices.UpdateCapacity(loop.Number);
    }

    /// <summary>Waits until nobody has the device open.</summary>
    /// <param name="attempted">Operation and id, for messages.</param>
    /// <param name="name">Of the logical volume.</param>
    /// <param name="butReadOnly">Read-only devices of ours before it do not count.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StorageException">FailedPrecondition: somebody has, by name where that can be found out.</exception>
    public async Task WaitUntilClosedAsync(string attempted, string name, bool butReadOnly, CancellationToken cancellationToken)
    {
        // As with loop devices: udev's blkid or a scan may hold it open for an instant.
        for (var step = 0; step < LoopRelease.Steps; step++)
        {
            if (!IsOpen(name, butReadOnly))
                return;
            await Task.Delay(LoopRelease.Step, time, cancellationToken);
        }

        if (IsOpen(name, butReadOnly))
            RequireClosed(attempted, name);
    }

    /// <summary>Whether somebody uses the device, and not only looks at it for an instant.</summary>
    public async Task<bool> IsInUseAsync(string name, CancellationToken cancellationToken)
    {
        for (var step = 0; step < LoopRelease.Steps / 4; step++)
        {
            if (Find(name) is not { OpenCount: > 0 } open)
                return false;
            if (MountTable.Read().OfDevice(open.DeviceNumber).Count > 0)
                return true;
            await Task.Delay(LoopRelease.Step, time, cancellationToken);
        }

        return true;
    }

    /// <summary>Refuses what must not happen to a device in use.</summary>
    /// <exception cref="StorageException">FailedPrecondition, naming who uses it.</exception>
    public void RequireClosed(string attempted, string name)
    {
        if (Find(name) is { OpenCount: > 0 } device)
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"{attempted}: /dev/mapper/{device.Name} is in use{Holders(device)}",
                "unpublish and unstage the volume, and end what else uses it");
        }
    }

    private bool IsOpen(string name, bool butReadOnly) =>
        Find(name) is { OpenCount: > 0 } device && !(butReadOnly && device.OpenCount <= LoopDevices.FindAllOn(device.DeviceNumber).Count);

    private static string Holders(DmDevice device) =>
        DeviceHolders.Describe(device.DeviceNumber) is { Length: > 0 } holders ? $" by {holders}" : "";

    private static LoopStatus? FindReadOnly(DmDevice device) =>
        device.OpenCount == 0 ? null : LoopDevices.FindAllOn(device.DeviceNumber).FirstOrDefault(static loop => loop.ReadOnly);

    private static Attachment Describe(LoopStatus loop)
    {
        var (number, size) = LoopDevices.Measure(loop.Number);
        return new Attachment(loop.Path, IsBlockDevice: true, number, size);
    }
}
