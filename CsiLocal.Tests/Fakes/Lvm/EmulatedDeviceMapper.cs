using System.Globalization;
using CsiLocal.Native;
using CsiLocal.Tests.Support;

namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>The emulator's active volumes as device-mapper devices: loop devices in truth.</summary>
internal sealed class EmulatedDeviceMapper(LvmEmulator emulator) : IDeviceMapper, IDisposable
{
    private const int SectorBytes = 512;
    private const uint PoolMajor = 253;

    private readonly List<int> _placeholders = [];
    private TemporaryFolder? _folder;

    public void Probe()
    {
    }

    public DmDevice? FindByName(string name)
    {
        foreach (var volume in Active())
        {
            if (Layers(volume).FirstOrDefault(layer => layer.Name == name) is { Name: not null } found)
                return Describe(volume, found.Name, found.Uuid);
        }

        return null;
    }

    public DmDevice? FindByUuid(string uuid)
    {
        foreach (var volume in Active())
        {
            if (Layers(volume).FirstOrDefault(layer => layer.Uuid == uuid) is { Uuid: not null } found)
                return Describe(volume, found.Name, found.Uuid);
        }

        return null;
    }

    public IReadOnlyList<DmTarget> Status(string uuid)
    {
        foreach (var volume in Active())
        {
            if (volume.IsCowOrigin && uuid == volume.DmUuid)
                return [new DmTarget(0, volume.SizeBytes / SectorBytes, "snapshot-origin", "253:0")];
            if (Layers(volume).Any(layer => layer.Uuid == uuid))
                return [new DmTarget(0, volume.SizeBytes / SectorBytes, Type(volume), Parameters(volume))];
        }

        return [];
    }

    public string NodeOf(DmDevice device) => Active().FirstOrDefault(volume => volume.Loop is { } loop && Number(loop) == device.DeviceNumber)?.Loop is { } found
        ? LoopDevices.PathOf(found)
        : throw new NativeException($"node of {device.Name}", Errno.NoEntry);

    /// <summary>Sees to it that volumes activated from now on get other numbers than before.</summary>
    public void ShuffleNumbers()
    {
        _folder ??= new TemporaryFolder();
        var file = _folder.Combine(_placeholders.Count.ToString(CultureInfo.InvariantCulture));
        File.WriteAllBytes(file, new byte[SectorBytes]);
        using var handle = NativeFile.Open(file, NativeFile.ReadWrite);
        _placeholders.Add(LoopDevices.Attach(handle, "placeholder", readOnly: false).Number);
    }

    public void Dispose()
    {
        foreach (var number in _placeholders)
            LoopDevices.TryClear(number);
        _folder?.Dispose();
    }

    private IEnumerable<EmulatedVolume> Active() => emulator.Groups.SelectMany(static group => group.Volumes.Values).Where(static volume => volume.IsActive);

    // A thin pool in use has two devices, one of them for the thin volumes alone (lvmthin(7)).
    private static (string Name, string Uuid)[] Layers(EmulatedVolume volume) => volume switch
    {
        { IsThinPool: true } => [($"{volume.DmName}-tpool", $"{volume.DmUuid}-tpool"), (volume.DmName, $"{volume.DmUuid}-pool")],
        { IsCowOrigin: true } => [(volume.DmName, volume.DmUuid), ($"{volume.DmName}-real", $"{volume.DmUuid}-real")],
        { Parent.IsThinPool: true } => [(volume.DmName, $"{volume.DmUuid}-{volume.Name[(volume.Name.LastIndexOf('_') + 1)..]}")],
        _ => [(volume.DmName, volume.DmUuid)],
    };

    private static DmDevice Describe(EmulatedVolume volume, string name, string uuid) => volume.Loop is { } loop
        ? new DmDevice(name, uuid, Number(loop), LoopDevices.Measure(loop).SizeBytes, DeviceUsers.Count(loop), IsReadOnly: false, IsSuspended: false)
        : new DmDevice(name, uuid, FileStatus.MakeDevice(PoolMajor, 0), volume.SizeBytes, 1, IsReadOnly: false, IsSuspended: false);

    private static ulong Number(int loop) => FileStatus.MakeDevice(7, (uint)loop);

    private static string Type(EmulatedVolume volume) => volume switch
    {
        { IsRaid: true } => "raid",
        { IsThinPool: true } or { IsThin: true } or { IsCow: true } or { SegmentType: "striped" } => volume.SegmentType,
        _ => "linear",
    };

    private static string Parameters(EmulatedVolume volume)
    {
        var sectors = volume.SizeBytes / SectorBytes;
        switch (volume)
        {
            case { IsThinPool: true }:
                var metadata = volume.MetadataBytes / 4096;
                var chunks = volume.SizeBytes / volume.ChunkBytes;
                return string.Create(
                    CultureInfo.InvariantCulture,
                    $"{volume.KernelTransactionId} {Part(metadata, LvmUse.MetadataPercent(volume))}/{metadata} {Part(chunks, LvmUse.DataPercent(volume))}/{chunks} - "
                    + $"{(LvmUse.DataPercent(volume) >= 100 ? "out_of_data_space" : "rw")} discard_passdown queue_if_no_space - 1024");
            case { IsThin: true }:
                var mapped = Math.Min(EmulatedContent.AllocatedBytes(volume) / SectorBytes, sectors);
                return string.Create(CultureInfo.InvariantCulture, $"{mapped} {(mapped == 0 ? "-" : sectors - 1)}");
            case { IsInvalid: true }:
                return "Invalid";
            case { IsCow: true }:
                var reserve = volume.ReserveBytes / SectorBytes;
                return string.Create(CultureInfo.InvariantCulture, $"{Part(reserve, LvmUse.DataPercent(volume))}/{reserve} 16");
            case { IsRaid: true }:
                var images = volume.Parts.Where(static part => part.Name.Contains("_rimage_", StringComparison.Ordinal) && !part.Name.EndsWith("_imeta", StringComparison.Ordinal)).ToList();
                var health = string.Concat(images.OrderBy(static image => image.Name, StringComparer.Ordinal).Select(image => image.IsPartial ? 'D' : volume.SyncPercent < 100 ? 'a' : 'A'));
                return string.Create(
                    CultureInfo.InvariantCulture,
                    $"{volume.SegmentType} {images.Count} {health} {Part(sectors, volume.SyncPercent)}/{sectors} {(volume.SyncPercent < 100 ? "resync" : "idle")} 0 0 -");
            default:
                return "";
        }
    }

    private static long Part(long whole, double? percent) => (long)(whole * (percent ?? 0) / 100);
}
