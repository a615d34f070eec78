using CsiLocal.Configuration;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Copy-on-write snapshots of thick volumes: made with a stated reserve, and watched, since one that runs full is lost.</summary>
internal sealed class CowSnapshots(VolumeGroup group, LvmPoolOptions options, TimeProvider clock)
{
    private const double NearlyFullPercent = 80;

    // What a file system writes by merely being mounted, and the table of what was copied.
    private const long LeastReserveBytes = 16L << 20;

    private readonly BtrfsRest _rest = new(group, clock);

    /// <summary>Bytes set aside for a snapshot of a volume of that size.</summary>
    public long Reserve(long volumeBytes)
    {
        var extent = group.Inventory?.ExtentBytes ?? 4L << 20;
        var bytes = Math.Max(LeastReserveBytes, checked(volumeBytes / 100 * (options.SnapshotReservePercent ?? 0)));
        return (bytes + extent - 1) / extent * extent;
    }

    /// <summary>Those of a volume, by the inventory.</summary>
    public IEnumerable<LogicalVolume> Of(LogicalVolume origin) =>
        group.Inventory?.LogicalVolumes.Where(volume => volume is { IsHidden: false, Pool: null } && volume.Origin == origin.Name) ?? [];

    /// <summary>Makes one; a mounted file system is brought to rest meanwhile, by the kernel (dm suspend freezes it) or, for btrfs, by us.</summary>
    public Task CreateAsync(
        string attempted, string name, LogicalVolume source, IReadOnlyList<string> tags, ICopyProgress progress, CancellationToken cancellationToken)
    {
        var reserve = Reserve(source.SizeBytes);
        var wanted = new LogicalVolume
        {
            Name = name,
            Uuid = "",
            SizeBytes = reserve,
            Attributes = InventoryChange.AttributesOf(LvType.Snapshot),
            SegmentType = "linear",
            Origin = source.Name,
            Tags = tags,
        };
        return _rest.DuringAsync(attempted, source, progress, CutAsync, cancellationToken);

        Task CutAsync(Func<Task> atRest) => InventoryChange.CreateAsync(group, async (found, token) =>
        {
            await atRest();
            await group.Tool.CreateCowSnapshotAsync(found, source.Name, name, reserve, tags, token);
        }, wanted, reserve, cancellationToken);
    }

    /// <summary>How one is; null where it is not active.</summary>
    /// <exception cref="FormatException">The kernel's answer cannot be read.</exception>
    public CowSnapshotStatus? StatusOf(LogicalVolume snapshot) =>
        group.Devices.Status(DmNames.UuidOf(group.Ref.Uuid, snapshot.Uuid)) is [{ Type: "snapshot" } only] ? CowSnapshotStatus.Parse(only.Parameters) : null;

    /// <exception cref="StorageException">DataLoss: what it shows is of no moment.</exception>
    public void RequireValid(string attempted, LogicalVolume snapshot)
    {
        if (StatusOf(snapshot) is { State: not CowState.Valid } lost)
        {
            throw new StorageException(
                StorageError.DataLoss, $"{attempted}: snapshot {snapshot.Name} is lost ({lost.State}): more of its volume was written than its reserve holds",
                "delete it and cut another one; raise snapshotReserve of the pool");
        }
    }

    /// <summary>What is to be said of a volume's snapshots.</summary>
    public IEnumerable<HealthFinding> Inspect(LogicalVolume origin)
    {
        foreach (var snapshot in Of(origin))
        {
            if (StatusOf(snapshot) is not { } status)
                continue;

            if (status.State != CowState.Valid)
            {
                yield return new HealthFinding(
                    HealthStatus.Degraded, "SnapshotLost",
                    $"snapshot {snapshot.Name} of {group.Name}/{origin.Name} is lost: more of the volume was written than its reserve holds; delete it");
            }
            else if (status.Percent >= NearlyFullPercent)
            {
                yield return new HealthFinding(
                    HealthStatus.Degraded, "SnapshotNearlyFull",
                    $"snapshot {snapshot.Name} of {group.Name}/{origin.Name} has used {(int)status.Percent} % of its reserve and is lost when that is full; "
                        + $"delete it, or give it more: lvextend --size +SIZE {group.Name}/{snapshot.Name}");
            }
        }
    }
}
