using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>The device of one thin volume.</summary>
internal static class ThinDevice
{
    // A multiple of every chunk up to it: a chunk cut in two would not be discarded.
    private const long StepBytes = 1 << 30;

    // Unmapping blocks that a snapshot shares copies metadata first; lvremove only drops references.
    private const int TooFullPercent = 85;

    /// <summary>What the kernel says of it; null where it is not active. Starts no process.</summary>
    public static ThinStatus? Status(VolumeGroup group, LogicalVolume volume) =>
        group.Inventory is { } inventory
        && group.Devices.Status(DmNames.UuidOf(inventory.Uuid, volume.Uuid)) is [{ Type: "thin" } target, ..]
            ? ThinStatus.Parse(target.Parameters)
            : null;

    /// <summary>Whether volumes of the pool should be discarded before they are removed: only where the disks get to know of it, and not where it may hurt.</summary>
    public static bool IsDiscardWise(ThinPoolFacts facts) =>
        facts is { Mode: ThinPoolMode.Writable, PassesDiscards: true } && facts.MetadataPercent < TooFullPercent;

    /// <summary>Discards the whole volume: blocks that nothing else shares go back to the pool, and from there to the disks.</summary>
    /// <exception cref="StorageException">FailedPrecondition: somebody uses it.</exception>
    public static Task DiscardAsync(VolumeGroup group, LogicalVolume volume, CancellationToken cancellationToken)
    {
        if (Status(group, volume) is not { IsFailed: false, MappedBytes: > 0 } || group.DeviceOf(volume) is not { } device)
            return Task.CompletedTask;
        var attempted = $"remove {volume.Name}";
        return BlockWork.RunAsync(attempted, () =>
        {
            try
            {
                var node = VolumeDevice.Describe(group, device);
                using var target = BlockTarget.OpenExclusive(attempted, node, BlockOpen.Write);
                for (var at = 0L; at < target.SizeBytes && target.TryDiscard(at, Math.Min(StepBytes, target.SizeBytes - at)); at += StepBytes)
                    cancellationToken.ThrowIfCancellationRequested();
            }
            catch (IOException)
            {
                // Disks that cannot be told are told nothing; lvremove frees the blocks in the pool all the same.
            }
        });
    }
}
