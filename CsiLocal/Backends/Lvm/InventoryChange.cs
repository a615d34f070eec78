using CsiLocal.Native;

namespace CsiLocal.Backends.Lvm;

/// <summary>What a change of our own made of the inventory, until the report that follows says it exactly.</summary>
internal static class InventoryChange
{
    /// <summary>Runs one lvcreate in its turn and adds what it made: UUID and real size are asked of the kernel, no report is waited for.</summary>
    /// <param name="group">Where it is made.</param>
    /// <param name="create">The command.</param>
    /// <param name="wanted">What it makes; UUID and size are filled in from its device. Where there is none, the report will find it.</param>
    /// <param name="costBytes">What it takes from the group's free space.</param>
    public static Task CreateAsync(
        VolumeGroup group, Func<VolumeGroupRef, CancellationToken, Task> create, LogicalVolume wanted, long costBytes,
        CancellationToken cancellationToken) =>
        group.ChangeAsync(create, report => Add(report, group.Devices, wanted, costBytes), cancellationToken);

    /// <summary>lv_attr of a volume that was just made.</summary>
    public static LvAttributes AttributesOf(LvType type) =>
        new(type, LvState.Active, LvHealth.Ok, IsWritable: true, IsOpen: false, SkipsActivation: false);

    public static VolumeGroupReport Replace(VolumeGroupReport report, string name, Func<LogicalVolume, LogicalVolume> change) =>
        report with { LogicalVolumes = [.. report.LogicalVolumes.Select(volume => volume.Name == name ? change(volume) : volume)] };

    /// <summary>Gives a volume and its hidden parts another name; what was made of it follows.</summary>
    public static VolumeGroupReport Rename(VolumeGroupReport report, LogicalVolume renamed, string newName) => report with
    {
        LogicalVolumes =
        [
            .. report.LogicalVolumes.Select(volume =>
                volume.Name == renamed.Name ? volume with { Name = newName }
                : IsPartOf(volume, renamed) ? volume with { Name = string.Concat(newName, volume.Name.AsSpan(renamed.Name.Length)) }
                : volume.Origin == renamed.Name ? volume with { Origin = newName }
                : volume),
        ],
    };

    /// <summary>Takes a volume out, with its hidden parts, and gives what they took back to the devices.</summary>
    /// <remarks>To which devices is a guess: those with most in use. It lets the volume that is made next be refused or tried by the right sum.</remarks>
    public static VolumeGroupReport Remove(VolumeGroupReport report, LogicalVolume gone)
    {
        var kept = report.LogicalVolumes.Where(volume => volume.Name != gone.Name && !IsPartOf(volume, gone)).ToList();
        var parts = report.LogicalVolumes.Where(volume => IsPartOf(volume, gone)).ToList();
        if (parts.Count == 0 && gone.Pool is null)
            parts.Add(gone);

        var devices = report.PhysicalVolumes.ToList();
        var freed = 0L;
        foreach (var part in parts)
        {
            freed += part.SizeBytes;
            GiveBack(devices, part.SizeBytes);
        }

        return report with { LogicalVolumes = kept, PhysicalVolumes = devices, FreeBytes = report.FreeBytes + freed };
    }

    private static VolumeGroupReport Add(VolumeGroupReport report, IDeviceMapper devices, LogicalVolume wanted, long costBytes)
    {
        var changed = report with { FreeBytes = Math.Max(0, report.FreeBytes - costBytes) };
        if (devices.FindByName(DmNames.Of(report.Name, wanted.Name)) is not { } device || DmNames.VolumeUuid(device.Uuid, report.Uuid) is not { } uuid)
            return changed;

        // Of a copy-on-write snapshot LVM says the size of its reserve, its device the size of its origin.
        var isCow = wanted is { Origin: not null, Pool: null };
        var made = wanted with { Uuid = uuid, SizeBytes = isCow ? wanted.SizeBytes : device.SizeBytes };
        return changed with { LogicalVolumes = [.. report.LogicalVolumes.Where(volume => volume.Name != wanted.Name), made] };
    }

    // The images and metadata of RAID (lvmraid(7)): NAME_rimage_0, NAME_rmeta_0.
    private static bool IsPartOf(LogicalVolume volume, LogicalVolume whole) =>
        volume.IsPart
        && volume.Name.StartsWith(whole.Name, StringComparison.Ordinal)
        && volume.Name.AsSpan(whole.Name.Length) is var rest
        && (rest.StartsWith("_rimage_") || rest.StartsWith("_rmeta_"))
        && !rest.EndsWith("_iorig");

    private static void GiveBack(List<PhysicalVolume> devices, long bytes)
    {
        while (bytes > 0)
        {
            var most = -1;
            for (var i = 0; i < devices.Count; i++)
            {
                if (!devices[i].IsMissing && Used(devices[i]) > (most < 0 ? 0 : Used(devices[most])))
                    most = i;
            }

            if (most < 0)
                return;
            var returned = Math.Min(bytes, Used(devices[most]));
            devices[most] = devices[most] with { FreeBytes = devices[most].FreeBytes + returned };
            bytes -= returned;
        }
    }

    private static long Used(PhysicalVolume device) => device.SizeBytes - device.FreeBytes;
}
