using System.Globalization;
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

    private Action? _undoLoss;

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

    public override void Unmake(string name, bool queued)
    {
        var pool = Field(name, "pool_lv");
        var asked = long.Parse(Field(pool, "transaction_id"), CultureInfo.InvariantCulture);
        var device = $"{DmName(pool)}-tpool";
        Run("lvchange", "--activate", "n", $"{VolumeGroup}/{name}");
        HostCommand.Run("dmsetup", "message", device, "0", $"delete {Field(name, "thin_id")}");
        HostCommand.Run("dmsetup", "message", device, "0", $"set_transaction_id {asked} {asked - 1}");
        if (queued)
            Edit(text => text.Insert(At(text, "type = \"thin-pool\"", "transaction_id"), $"message1 {{\ncreate = \"{name}\"\n}}\n"));
        else
            _undoLoss = () => HostCommand.Run("dmsetup", "message", device, "0", $"set_transaction_id {asked - 1} {asked}");
    }

    public override void Unclear(string name)
    {
        Run("lvchange", "--activate", "n", $"{VolumeGroup}/{name}");
        Run("lvchange", "--setactivationskip", "y", $"{VolumeGroup}/{name}");
        Edit(text =>
        {
            foreach (var part in new[] { $"{name}_rmeta_0 {{", $"{name}_rmeta_1 {{" })
                text = text.Insert(At(text, part, "status", "\"WRITE\""), "\"VISIBLE\", ");
            return text;
        });
    }

    /// <summary>Where the last of these words is, each behind the one before it.</summary>
    private static int At(string text, params IReadOnlyList<string> words) => words.Aggregate(
        0, (at, word) => text.IndexOf(word, at, StringComparison.Ordinal) is >= 0 and var found ? found : throw new InvalidOperationException($"no {word} in {text}"));

    /// <summary>Changes the volume group's metadata by hand.</summary>
    private void Edit(Func<string, string> change)
    {
        using var folder = new TemporaryFolder();
        var file = folder.Combine("vg");
        Run("vgcfgbackup", "--file", file, VolumeGroup);
        File.WriteAllText(file, change(File.ReadAllText(file)));
        Run("vgcfgrestore", "--force", "--yes", "--file", file, VolumeGroup);
    }

    private string Field(string name, string column) => Run("lvs", "--noheadings", "--options", column, $"{VolumeGroup}/{name}").Trim();

    public override void Deactivate(string name) => Run("lvchange", "--activate", "n", $"{VolumeGroup}/{name}");

    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2215", Justification = "It goes back to those that wait for the next test, its runner with it.")]
    public override void Dispose()
    {
        // LVM removes nothing properly from a thin pool that has lost something.
        _undoLoss?.Invoke();
        _undoLoss = null;
        var names = Volumes();
        foreach (var name in names)
        {
            if (Devices.FindByName(DmName(name)) is { } device)
                DetachLoops(device.DeviceNumber);
        }

        if (names.Count > 0)
            Run("lvremove", "--yes", "--select", NoThinPool, VolumeGroup);
        Assert.Empty(Volumes());

        // The mark of another node than that of most tests would keep the next one out.
        var marks = Run("vgs", "--noheadings", "--options", "vg_tags", VolumeGroup).Trim().Split(',', StringSplitOptions.RemoveEmptyEntries);
        if (marks.Except(VolumeGroupTags.Of(TestDriver.DefaultNodeId)).Any())
            Run("vgchange", [.. marks.SelectMany(static mark => new[] { "--deltag", mark }), VolumeGroup]);
        lock (s_lock)
            s_idle.Add(int.Parse(VolumeGroup["test-".Length..], CultureInfo.InvariantCulture), this);
    }

    private static string Run(string command, params IReadOnlyList<string> arguments) =>
        HostCommand.Run("lvm", [command, "--config", "devices/scan_lvs=0 backup/archive=0 backup/backup=0", .. arguments]);

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
