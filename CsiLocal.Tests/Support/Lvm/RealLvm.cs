using CsiLocal.Backends.Lvm;
using CsiLocal.Hosting;
using CsiLocal.Native;

namespace CsiLocal.Tests.Support.Lvm;

/// <summary>LVM of the microVM. A volume group is made once for its disks and lent to one test at a time.</summary>
internal sealed class RealLvm : LvmWorld
{
    private static readonly Lock s_lock = new();
    private static readonly List<RealLvm> s_free = [];
    private static readonly DeviceMapper s_devices = new();
    private static readonly SemaphoreSlim s_returned = new(0);
    private static bool s_isDealt;

    private readonly IReadOnlyList<string> _disks;
    private bool _isMade;

    private RealLvm(IReadOnlyList<string> disks) => _disks = disks;

    public override string VolumeGroup => $"test-{string.Concat(_disks.Select(static disk => disk[^1]))}";

    public override IDeviceMapper Devices => s_devices;

    /// <summary>Waits until a volume group of that many disks is free.</summary>
    public static RealLvm Lease(int disks)
    {
        while (true)
        {
            lock (s_lock)
            {
                if (!s_isDealt)
                    Deal();
                if (s_free.Find(group => group._disks.Count == disks) is { } free)
                {
                    s_free.Remove(free);
                    free.MakeOnce();
                    return free;
                }
            }

            s_returned.Wait();
        }
    }

    public override DriverSeams Decorate(DriverSeams seams) => seams;

    public override LvmTool MakeTool() => new(Commands, []);

    public override IReadOnlyList<string> Volumes() =>
        Lines(Run("lvs", "--noheadings", "--options", "lv_name", "--select", "lv_layout!=pool", VolumeGroup));

    public override IReadOnlyList<string> TagsOf(string name) =>
        Run("lvs", "--noheadings", "--options", "lv_tags", $"{VolumeGroup}/{name}").Trim().Split(',', StringSplitOptions.RemoveEmptyEntries);

    public override string NodeOf(string name) => $"/dev/mapper/{DmName(name)}";

    public override void Rename(string name, string newName) => Run("lvrename", VolumeGroup, name, newName);

    public override void Remove(string name) => Run("lvremove", "--yes", $"{VolumeGroup}/{name}");

    public override void RemoveTags(string name) =>
        Run("lvchange", [.. TagsOf(name).SelectMany(static tag => new[] { "--deltag", tag }), $"{VolumeGroup}/{name}"]);

    public override void Dispose()
    {
        foreach (var name in Volumes())
        {
            if (Devices.FindByName(DmName(name)) is { } device)
                DetachLoops(device.DeviceNumber);
            Run("lvremove", "--yes", $"{VolumeGroup}/{name}");
        }

        lock (s_lock)
            s_free.Add(this);
        s_returned.Release();
    }

    // The last two disks are a pair, for RAID; the others are alone.
    private static void Deal()
    {
        var disks = Machine.Disks;
        if (disks.Count < 3)
            throw new InvalidOperationException("the tests need three disks: scripts/vm --disks 4x4G");
        s_free.AddRange(disks.SkipLast(2).Select(static disk => new RealLvm([disk])));
        s_free.Add(new RealLvm([.. disks.TakeLast(2)]));
        s_isDealt = true;
    }

    private static string Run(string command, params IReadOnlyList<string> arguments) => HostCommand.Run("lvm", [command, "--config", "devices/scan_lvs=0", .. arguments]);

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private void MakeOnce()
    {
        if (!_isMade)
            Run("vgcreate", ["--yes", VolumeGroup, .. _disks]);
        _isMade = true;
    }
}
