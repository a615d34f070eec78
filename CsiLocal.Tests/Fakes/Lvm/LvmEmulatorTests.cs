using System.Text.Json;
using CsiLocal.Native;
using CsiLocal.Tests.Support;
using CsiLocal.Tools;
using Xunit;

namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>The emulator does what lvm2 does, as far as it is relied upon.</summary>
public sealed class LvmEmulatorTests : IDisposable
{
    private const string Config = "devices/scan_lvs=0 backup/archive=0 backup/backup=0";

    private readonly LvmEmulator _lvm = new();
    private readonly EmulatedGroup _group;

    public LvmEmulatorTests() => _group = _lvm.AddGroup("vg-a");

    public void Dispose() => _lvm.Dispose();

    [Fact]
    public async Task A_new_thick_volume_shows_what_the_last_one_held_but_for_the_start()
    {
        await DoneAsync("lvcreate", "--name", "a", "--size", "32m", "vg-a");
        Write("a", 8 << 20, 0x11);
        await DoneAsync("lvremove", "vg-a/a");

        await DoneAsync("lvcreate", "-n", "b", "-L", "33554432b", "vg-a");

        Assert.Equal(0x11, Read("b", 8 << 20));
        Assert.Equal(0, Read("b", 0));
        Assert.NotEqual(0, Read("b", 32 << 10));
        Assert.Equal(8, _group.TotalExtents - _group.FreeExtents);
    }

    [Fact]
    public async Task A_thin_volume_reads_zeros_and_its_snapshot_keeps_what_was_there()
    {
        await MakePoolAsync();
        await DoneAsync("lvcreate", "--type", "thin", "-V", "1g", "--thinpool", "pool", "-n", "a", "--addtag", "x=1", "vg-a");
        Assert.Equal(0, Read("a", 1 << 20));
        Write("a", 1 << 20, 1);
        await DoneAsync("lvcreate", "--snapshot", "-kn", "-n", "s", "vg-a/a");
        Write("a", 1 << 20, 2);

        Assert.Equal((2, 1), (Read("a", 1 << 20), Read("s", 1 << 20)));
        await DoneAsync("lvremove", "vg-a/a");
        Assert.Equal(1, Read("s", 1 << 20));
        Assert.Null(_lvm.Find("vg-a", "s")!.Origin);
    }

    [Fact]
    public async Task What_is_open_is_not_removed()
    {
        await DoneAsync("lvcreate", "-n", "a", "-L", "32m", "vg-a");
        var device = _lvm.Devices.FindByName("vg--a-a")!;
        Assert.Equal(0, device.OpenCount);
        using (File.OpenHandle(_lvm.Devices.NodeOf(device)))
        {
            Assert.Equal(1, _lvm.Devices.FindByUuid(device.Uuid)!.OpenCount);
            await FailsAsync("  Logical volume vg-a/a in use.", "lvremove", "vg-a/a");
        }

        await DoneAsync("lvremove", "vg-a/a");
        await FailsAsync("  Failed to find logical volume \"vg-a/a\"", "lvremove", "vg-a/a");
        Assert.Null(_lvm.Devices.FindByName("vg--a-a"));
    }

    [Fact]
    public async Task A_reboot_leaves_nothing_active_and_gives_other_numbers()
    {
        await DoneAsync("lvcreate", "-n", "a", "-L", "32m", "vg-a");
        var before = _lvm.Devices.FindByName("vg--a-a")!;

        _lvm.Reboot();
        Assert.Null(_lvm.Devices.FindByUuid(before.Uuid));
        await DoneAsync("vgchange", "-ay", "vg-a");

        var after = _lvm.Devices.FindByUuid(before.Uuid)!;
        Assert.Equal(before with { DeviceNumber = after.DeviceNumber }, after);
        Assert.NotEqual(before.DeviceNumber, after.DeviceNumber);
    }

    [Fact]
    public async Task A_report_has_the_columns_asked_for_and_hidden_volumes_in_brackets()
    {
        await MakePoolAsync();
        await DoneAsync("lvcreate", "--type", "raid1", "-m", "1", "-n", "r", "-L", "64m", "vg-a");

        var report = await ReportAsync("fullreport", [
            "--all",
            "--configreport", "vg", "-o", "vg_name,vg_free", "--configreport", "pv", "-o", "pv_name", "--configreport", "lv", "-o", "lv_name,lv_attr,lv_size",
            "--configreport", "seg", "-o", "lv_uuid,segtype", "--configreport", "pvseg", "-o", "pvseg_size",
            .. Own(), "vg-a",
        ]);

        var only = report.GetProperty("report")[0];
        Assert.Equal("vg-a", only.GetProperty("vg")[0].GetProperty("vg_name").GetString());
        var volumes = only.GetProperty("lv").EnumerateArray().ToDictionary(
            static row => row.GetProperty("lv_name").GetString()!, static row => row.GetProperty("lv_attr").GetString());
        Assert.Equal("twi-a-tz--", volumes["pool"]);
        Assert.Equal("Twi-ao----", volumes["[pool_tdata]"]);
        Assert.Equal("rwi-a-r---", volumes["r"]);
        Assert.Equal("iwi-aor---", volumes["[r_rimage_1]"]);
        Assert.Equal("ewi-------", volumes["[lvol0_pmspare]"]);
        Assert.Equal(3, only.GetProperty("pv").GetArrayLength());
    }

    [Fact]
    public async Task Namesakes_are_told_apart_by_their_devices()
    {
        var other = _lvm.AddGroup("vg-a", disks: 1);

        var (found, said) = (await ReportAsync("pvs", ["-o", "vg_uuid,pv_name"]), await RunAsync("lvcreate", [.. Every(), "-n", "a", "-L", "4m", "vg-a"]));

        Assert.Equal(4, found.GetProperty("report")[0].GetProperty("pv").GetArrayLength());
        Assert.Contains("Multiple VGs found with the same name", said.StandardError, StringComparison.Ordinal);
        await DoneAsync("lvcreate", "-n", "a", "-L", "4m", "vg-a");
        Assert.Empty(other.Volumes);
    }

    [Fact]
    public async Task A_group_without_a_disk_says_so_and_cannot_be_changed()
    {
        await DoneAsync("lvcreate", "-n", "a", "-L", "32m", "vg-a");
        _group.Disks[1].IsMissing = true;

        await FailsAsync("  Cannot change VG vg-a while PVs are missing.", "lvcreate", "-n", "b", "-L", "4m", "vg-a");
        var disks = await ReportAsync("pvs", ["-o", "pv_name,pv_missing,vg_missing_pv_count", .. Own(), "vg-a"]);
        Assert.Equal(("[unknown]", "missing", "1"), (Text("pv_name"), Text("pv_missing"), Text("vg_missing_pv_count")));

        string? Text(string column) => disks.GetProperty("report")[0].GetProperty("pv")[1].GetProperty(column).GetString();
    }

    [Theory]
    [InlineData("lvcreate -n a -L 4m --frobnicate vg-a")]
    [InlineData("lvcreate -n a -L 4 vg-a")]
    [InlineData("vgs")]
    [InlineData("vgs -o vg_nonsense")]
    [InlineData("vgcfgrestore vg-a")]
    public async Task A_command_line_against_the_rules_is_an_exception_and_is_remembered(string line)
    {
        await Assert.ThrowsAsync<LvmMisuseException>(() => RunAsync(line.Split(' ')[0], line.Split(' ')[1..]));

        Assert.Single(_lvm.Misuses);
    }

    [Fact]
    public async Task Labels_of_physical_volumes_are_found_by_others()
    {
        using var folder = new TemporaryFolder();
        await using var disk = await LoopDevice.CreateAsync(folder, 64 << 20);

        var made = await RunAsync("vgcreate", ["new", disk.Path]);

        Assert.True(made.Succeeded, made.StandardError);
        Assert.Equal("LVM2_member", HostCommand.Run("blkid", "--probe", "--output", "value", "--match-tag", "TYPE", disk.Path).Trim());
    }

    private Task MakePoolAsync() => DoneAsync("lvcreate", "--type", "thin-pool", "-n", "pool", "-L", "1g", "--discards", "passdown", "--zero", "y", "vg-a");

    private async Task DoneAsync(string command, params string[] arguments)
    {
        var output = await RunAsync(command, [.. Own(), .. arguments]);
        Assert.True(output.Succeeded, output.StandardError);
    }

    private async Task FailsAsync(string line, string command, params string[] arguments)
    {
        var output = await RunAsync(command, [.. Own(), .. arguments]);
        Assert.Equal(5, output.ExitCode);
        Assert.Contains(line, output.StandardError.Split('\n'));
    }

    private async Task<JsonElement> ReportAsync(string command, string[] arguments)
    {
        var output = await RunAsync(command, ["--units", "b", "--nosuffix", "--reportformat", "json", .. arguments]);
        Assert.True(output.Succeeded, output.StandardError);
        return JsonDocument.Parse(output.StandardOutput).RootElement;
    }

    private string[] Own() => ["--devices", string.Join(',', _group.Disks.Select(static disk => disk.Path))];

    private string[] Every() => ["--devices", string.Join(',', _lvm.Groups.SelectMany(static group => group.Disks).Select(static disk => disk.Path))];

    private Task<ToolOutput> RunAsync(string command, string[] arguments)
    {
        string[] rest = command.StartsWith("lv", StringComparison.Ordinal) && command != "lvs" ? ["--yes"] : [];
        return _lvm.Wrap(new Nothing()).RunAsync(new ToolCommand("lvm", [command, "--config", Config, .. rest, .. arguments]), TestContext.Current.CancellationToken);
    }

    private void Write(string volume, long offset, byte value)
    {
        using var file = File.OpenHandle(NodeOf(volume), FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        var block = new byte[4096];
        Array.Fill(block, value);
        RandomAccess.Write(file, block, offset);
        RandomAccess.FlushToDisk(file);
    }

    private byte Read(string volume, long offset)
    {
        using var file = File.OpenHandle(NodeOf(volume), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var one = new byte[1];
        Assert.Equal(1, RandomAccess.Read(file, one, offset));
        return one[0];
    }

    private string NodeOf(string volume) => LoopDevices.PathOf(_lvm.Find("vg-a", volume)!.Loop!.Value);

    private sealed class Nothing : ICommandRunner
    {
        public Task<ToolOutput> RunAsync(ToolCommand command, CancellationToken cancellationToken) => throw new InvalidOperationException(command.ToString());
    }
}
