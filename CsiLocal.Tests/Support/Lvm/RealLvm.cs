using CsiLocal.Backends.Lvm;
using CsiLocal.Hosting;
using CsiLocal.Native;
using CsiLocal.Tests.Vm;
using Xunit;

namespace CsiLocal.Tests.Support.Lvm;

/// <summary>LVM of the microVM. Its volume groups are made once and lent to one test at a time; a thin pool stays for the next one.</summary>
internal sealed class RealLvm : LvmWorld
{
    private static readonly Lock s_lock = new();
    private static readonly Dictionary<int, RealLvm> s_idle = [];
    private static readonly DeviceMapper s_devices = new();

    private const string NoThinPool = "lv_attr!~\"^t\"";

    private RealLvm(int disks)
    {
        VolumeGroup = $"test-{disks}";
        Run("vgcreate", ["--yes", VolumeGroup, .. BlankDisks.Take(disks).Paths]);
    }

    public override string VolumeGroup { get; }

    public override IDeviceMapper Devices => s_devices;

    /// <summary>The volume group of that many disks; the microVM runs one test after the other.</summary>
    public static RealLvm Lease(int disks)
    {
        lock (s_lock)
            return s_idle.Remove(disks, out var idle) ? idle : new RealLvm(disks);
    }

    public override DriverSeams Decorate(DriverSeams seams) => seams;

    public override LvmTool MakeTool() => new(Commands, []);

    public override IReadOnlyList<string> Volumes() =>
        Lines(Run("lvs", "--noheadings", "--options", "lv_name", "--select", NoThinPool, VolumeGroup));

    public override IReadOnlyList<string> TagsOf(string name) =>
        Run("lvs", "--noheadings", "--options", "lv_tags", $"{VolumeGroup}/{name}").Trim().Split(',', StringSplitOptions.RemoveEmptyEntries);

    public override string NodeOf(string name) => $"/dev/mapper/{DmName(name)}";

    public override void Rename(string name, string newName) => Run("lvrename", VolumeGroup, name, newName);

    public override void Remove(string name) => Run("lvremove", "--yes", $"{VolumeGroup}/{name}");

    public override void RemoveTags(string name) =>
        Run("lvchange", [.. TagsOf(name).SelectMany(static tag => new[] { "--deltag", tag }), $"{VolumeGroup}/{name}"]);

    public override void Deactivate(string name) => Run("lvchange", "--activate", "n", $"{VolumeGroup}/{name}");

    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2215", Justification = "It goes back to those that wait for the next test, its runner with it.")]
    public override void Dispose()
    {
        var names = Volumes();
        foreach (var name in names)
        {
            if (Devices.FindByName(DmName(name)) is { } device)
                DetachLoops(device.DeviceNumber);
        }

        if (names.Count > 0)
            Run("lvremove", "--yes", "--select", NoThinPool, VolumeGroup);
        Assert.Empty(Volumes());
        lock (s_lock)
            s_idle.Add(int.Parse(VolumeGroup["test-".Length..], System.Globalization.CultureInfo.InvariantCulture), this);
    }

    private static string Run(string command, params IReadOnlyList<string> arguments) =>
        HostCommand.Run("lvm", [command, "--config", "devices/scan_lvs=0 backup/archive=0 backup/backup=0", .. arguments]);

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
