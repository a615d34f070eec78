using System.Globalization;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Makes logical volumes larger.</summary>
/// <remarks>
/// Blocks that lvextend adds to a thick volume hold what an earlier user wrote. Behind a file system nobody sees that; a raw block volume's
/// are zeroed before anybody may open it again. A tag says from where on, written before lvextend and removed last: so whatever falls
/// in between, neither is the end shown unzeroed, nor is anything zeroed that was handed out.
/// </remarks>
internal sealed class LvmGrowth(VolumeGroup group, LvmDevices devices, ILvmProvisioner provisioner)
{
    // Not one of the tags that are the record: those change together.
    private const string Mark = "csilocal-growing=";

    /// <summary>The size up to which a volume may be shown whose growth was not finished; null where none was begun.</summary>
    public static long? UnfinishedFrom(LogicalVolume volume)
    {
        foreach (var tag in volume.Tags)
        {
            if (tag.StartsWith(Mark, StringComparison.Ordinal) && long.TryParse(tag.AsSpan(Mark.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var from))
                return from;
        }

        return null;
    }

    /// <summary>Grows the volume to at least <paramref name="sizeBytes"/>; success where it is as large already.</summary>
    /// <param name="attempted">Operation and id, for messages.</param>
    /// <returns>The real size, by its device.</returns>
    /// <exception cref="StorageException">FailedPrecondition: what stands against it, before anything changed.</exception>
    public async Task<long> GrowAsync(string attempted, LogicalVolume volume, long sizeBytes, CancellationToken cancellationToken)
    {
        var device = await devices.ActivateAsync(attempted, volume, 0, cancellationToken);
        if (device.SizeBytes < sizeBytes)
        {
            // "Snapshot origin volumes can be resized only while inactive" (lvm2, lv_manip.c): nor can they be removed.
            provisioner.RequireRemovable(volume, attempted);
            group.RequireRoom(attempted);
            await group.ChangeAsync(
                (found, token) => IsRaid(volume)
                    ? group.Tool.ExtendRaidAsync(found, volume.Name, sizeBytes, token)
                    : group.Tool.ExtendAsync(found, volume.Name, sizeBytes, token),
                report => Enlarge(report, volume, sizeBytes),
                cancellationToken);
            device = await devices.ActivateAsync(attempted, volume, 0, cancellationToken);

            // An earlier lvextend may have been killed between the metadata and the kernel: this one then found nothing to do.
            if (device.SizeBytes < sizeBytes)
                device = await devices.ReloadAsync(attempted, volume, cancellationToken);
        }

        LvmDevices.UpdateReadOnly(device);
        return device.SizeBytes >= sizeBytes
            ? device.SizeBytes
            : throw new StorageException(
                StorageError.Internal, $"{attempted}: lvextend reported success, and its device has {device.SizeBytes} of {sizeBytes} bytes", "see dmesg");
    }

    /// <summary>As <see cref="GrowAsync"/>, of a volume whose user reads every byte: what is added is zeroed, and nobody may have it open meanwhile.</summary>
    public async Task<long> GrowZeroedAsync(string attempted, LogicalVolume volume, long sizeBytes, CancellationToken cancellationToken)
    {
        var device = await devices.ActivateAsync(attempted, volume, 0, cancellationToken);
        var from = UnfinishedFrom(volume);
        if (from is null && device.SizeBytes >= sizeBytes)
            return device.SizeBytes;

        if (device.OpenCount > 0)
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"{attempted}: {group.Name}/{volume.Name} is in use; the blocks that are added to a raw block volume have to be zeroed before its user sees them",
                "unpublish and unstage it first, or keep raw block volumes that grow in an lvm-thin pool, whose new blocks read as zeros");
        }

        if (from is null)
        {
            provisioner.RequireRemovable(volume, attempted);
            from = device.SizeBytes;
            await MarkAsync(volume.Name, [Tag(from.Value)], [], cancellationToken);
        }

        await GrowAsync(attempted, volume, sizeBytes, cancellationToken);
        var grown = VolumeDevice.Require(attempted, group, volume);
        await BlockErase.ZeroAsync(attempted, grown, new NoProgress { ResumeFrom = from.Value }, cancellationToken);
        await MarkAsync(volume.Name, [], [Tag(from.Value)], cancellationToken);
        return grown.SizeBytes;
    }

    private static bool IsRaid(LogicalVolume volume) => volume.SegmentType.StartsWith("raid", StringComparison.Ordinal);

    private static string Tag(long from) => Mark + from.ToString(CultureInfo.InvariantCulture);

    private Task MarkAsync(string name, IReadOnlyList<string> added, IReadOnlyList<string> removed, CancellationToken cancellationToken) => group.ChangeAsync(
        (found, token) => group.Tool.ChangeTagsAsync(found, name, added, removed, token),
        report => InventoryChange.Replace(report, name, volume => volume with { Tags = [.. volume.Tags.Except(removed), .. added] }),
        cancellationToken);

    private VolumeGroupReport Enlarge(VolumeGroupReport report, LogicalVolume volume, long sizeBytes)
    {
        var real = group.DeviceOf(volume)?.SizeBytes ?? sizeBytes;
        var cost = volume.Pool is null ? Math.Max(0, real - volume.SizeBytes) : 0;
        return InventoryChange.Replace(report, volume.Name, found => found with { SizeBytes = real }) with { FreeBytes = Math.Max(0, report.FreeBytes - cost) };
    }
}
