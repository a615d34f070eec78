using CsiLocal.Backends.Lvm;
using CsiLocal.Configuration;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>Which command lines there are, and what becomes of their outcomes. That lvm takes them is for the microVM to prove.</summary>
public sealed class LvmToolTests : IDisposable
{
    private const int Limit = 10_000;
    private const long GiB = 1L << 30;

    private static readonly VolumeGroupRef Group = new("vg", "", ["/dev/a", "/dev/b"]);
    private static readonly string[] Tags = ["csilocal.volume=1&name=a", "csilocal.2=b"];

    private readonly RecordingCommandRunner _runner = new() { Answer = static _ => new ToolOutput(0, "done", "") };
    private readonly LvmTool _tool;

    public LvmToolTests() => _tool = new LvmTool(_runner, []);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>The last command without lvm's name, settings and devices, which are the same for all.</summary>
    private string Line
    {
        get
        {
            var words = _runner.Commands.Last().Arguments;
            Assert.Equal("--config", words[1]);
            return string.Join(' ', words.Where((word, i) => i is not (1 or 2) && word != "--devices" && !word.StartsWith("/dev/", StringComparison.Ordinal)));
        }
    }

    public void Dispose() => _runner.Dispose();

    [Theory(Timeout = Limit)]
    [InlineData(LvmLayout.Linear, null, 2, false, "--type linear")]
    [InlineData(LvmLayout.Linear, null, 2, true, "--type linear")]
    [InlineData(LvmLayout.Striped, null, 2, false, "--type striped --stripes 3")]
    [InlineData(LvmLayout.Striped, 131072L, 2, false, "--type striped --stripes 3 --stripesize 131072b")]
    [InlineData(LvmLayout.Raid1, null, 2, false, "--type raid1 --mirrors 1 --alloc cling")]
    [InlineData(LvmLayout.Raid1, null, 3, true, "--type raid1 --mirrors 2 --alloc cling --raidintegrity y")]
    [InlineData(LvmLayout.Raid5, null, 2, false, "--type raid5 --stripes 3 --alloc cling")]
    [InlineData(LvmLayout.Raid6, 65536L, 2, false, "--type raid6 --stripes 3 --stripesize 65536b --alloc cling")]
    [InlineData(LvmLayout.Raid10, null, 2, true, "--type raid10 --stripes 3 --mirrors 1 --alloc cling --raidintegrity y")]
    public async Task A_thick_volume_has_its_layout(object layout, long? stripeSize, int copies, bool integrity, string expected)
    {
        var options = new LvmPoolOptions
        {
            VolumeGroup = "vg",
            Layout = (LvmLayout)layout,
            Copies = copies,
            Integrity = integrity,
            StripeSizeBytes = stripeSize,
        };

        await _tool.CreateThickAsync(Group, new ThickVolume { Name = "v", SizeBytes = GiB, Tags = Tags, Options = options, Stripes = 3 }, Token);

        Assert.Equal(
            $"lvcreate --yes --wipesignatures y --zero y {expected} --size 1073741824b --name v --addtag {Tags[0]} --addtag {Tags[1]} vg", Line);
    }

    [Fact(Timeout = Limit)]
    public async Task A_volume_is_made_with_its_tags_in_one_command()
    {
        await _tool.CreateThinAsync(Group, "pool", "v", GiB, Tags, Token);
        Assert.Equal(
            $"lvcreate --yes --type thin --virtualsize 1073741824b --wipesignatures n --thinpool pool --name v --addtag {Tags[0]} --addtag {Tags[1]} vg", Line);

        await _tool.CreateThinSnapshotAsync(Group, "v", "s", Tags, Token);
        Assert.Equal($"lvcreate --yes --snapshot --setactivationskip n --name s --addtag {Tags[0]} --addtag {Tags[1]} vg/v", Line);

        await _tool.CreateCowSnapshotAsync(Group, "v", "s", GiB, Tags, Token);
        Assert.Equal(
            $"lvcreate --yes --type snapshot --size 1073741824b --setactivationskip n --name s --addtag {Tags[0]} --addtag {Tags[1]} vg/v", Line);

        Assert.Equal(3, _runner.Commands.Count);
    }

    [Fact(Timeout = Limit)]
    public async Task A_thin_pool_zeroes_discards_and_queues_when_full()
    {
        await _tool.CreateThinPoolAsync(Group, new NewThinPool { Name = "pool", DataBytes = GiB }, Token);
        Assert.Equal(
            "lvcreate --yes --type thin-pool --size 1073741824b --name pool --zero y --discards passdown --poolmetadataspare y vg", Line);
        Assert.Contains(" activation/error_when_full=0", _runner.Commands.Last().Arguments[2], StringComparison.Ordinal);

        await _tool.CreateThinPoolAsync(
            Group,
            new NewThinPool { Name = "pool", DataBytes = GiB, MetadataBytes = GiB / 64, ChunkBytes = 65536, Stripes = 2, StripeSizeBytes = 4096 },
            Token);
        Assert.Equal(
            "lvcreate --yes --type thin-pool --size 1073741824b --name pool --zero y --discards passdown --poolmetadataspare y "
            + "--poolmetadatasize 16777216b --chunksize 65536b --stripes 2 --stripesize 4096b vg",
            Line);
    }

    [Fact(Timeout = Limit)]
    public async Task The_others_do_what_they_say()
    {
        await _tool.ExtendAsync(Group, "v", GiB, Token);
        Assert.Equal("lvextend --yes --size 1073741824b vg/v", Line);
        await _tool.ExtendPoolMetadataAsync(Group, "pool", GiB, Token);
        Assert.Equal("lvextend --yes --poolmetadatasize 1073741824b vg/pool", Line);
        await _tool.ChangeTagsAsync(Group, "v", ["a", "b"], ["c"], Token);
        Assert.Equal("lvchange --addtag a --addtag b --deltag c vg/v", Line);
        await _tool.ActivateAsync(Group, "v", Token);
        Assert.Equal("lvchange --yes --activate y --ignoreactivationskip vg/v", Line);
        await _tool.ActivateAsync(Group, null, Token);
        Assert.Equal("vgchange --yes --activate y vg", Line);
        await _tool.RefreshAsync(Group, "v", Token);
        Assert.Equal("lvchange --refresh vg/v", Line);
    }

    [Theory(Timeout = Limit)]
    [InlineData(true, " devices/issue_discards=1")]
    [InlineData(false, " devices/issue_discards=0")]
    public async Task A_removal_takes_only_what_it_names_and_discards_where_that_is_wanted(bool discard, string setting)
    {
        await _tool.RemoveAsync(Group, "v", discard, Token);

        Assert.Equal("lvremove --yes --select lv_attr!~\"^[oOt]\" vg/v", Line);
        Assert.EndsWith(setting, _runner.Commands.Last().Arguments[2], StringComparison.Ordinal);
        Assert.Single(_runner.Commands);
    }

    [Fact(Timeout = Limit)]
    public async Task Devices_are_never_wiped_unasked()
    {
        await _tool.CreateVolumeGroupAsync("new", ["/dev/c", "/dev/d"], Token);
        Assert.Equal(["--metadatasize", "16777216b", "new", "/dev/c", "/dev/d"], _runner.Commands.Last().Arguments.Skip(3));

        await _tool.ExtendVolumeGroupAsync(Group, ["/dev/c"], Token);
        Assert.Equal(["--metadatasize", "16777216b", "/dev/c"], _runner.Commands.ElementAt(1).Arguments.Skip(3));
        Assert.Equal(
            ["--devices", "/dev/a", "--devices", "/dev/b", "--devices", "/dev/c", "vg", "/dev/c"], _runner.Commands.Last().Arguments.Skip(3));
        Assert.Equal(["vgcreate", "pvcreate", "vgextend"], _runner.Commands.Select(static command => command.Arguments[0]));
        Assert.All(_runner.Commands, static command => Assert.DoesNotContain("--yes", command.Arguments));
    }

    [Fact(Timeout = Limit)]
    public async Task Every_command_on_a_group_sees_its_devices_only_and_writes_no_backups()
    {
        _runner.Answer = static command => new ToolOutput(0, command.Arguments[0] == "fullreport" ? "{\"report\":[]}" : "done", "");

        await _tool.ReportAsync(Group, Token);
        await _tool.ExtendAsync(Group, "v", GiB, Token);
        await _tool.RemoveAsync(Group, "v", true, Token);
        await _tool.CreateThinAsync(Group, "pool", "v", GiB, [], Token);

        Assert.All(_runner.Commands, static command =>
        {
            Assert.Equal("lvm", command.Program);
            Assert.Equal(["--config", command.Arguments[2], "--devices", "/dev/a", "--devices", "/dev/b"], command.Arguments.Skip(1).Take(6));
            Assert.StartsWith("devices/scan_lvs=0 backup/backup=0 backup/archive=0 activation/monitoring=0 ", command.Arguments[2], StringComparison.Ordinal);
            Assert.Single(command.Arguments, static argument => argument == "--config");
            Assert.InRange(command.Timeout, TimeSpan.FromMinutes(1), TimeSpan.FromHours(1));
        });
    }

    [Fact(Timeout = Limit)]
    public async Task A_group_without_known_devices_is_looked_for_on_all()
    {
        await _tool.ExtendAsync(Group with { Devices = [] }, "v", GiB, Token);

        Assert.DoesNotContain("--devices", _runner.Commands.Last().Arguments);
    }

    [Fact(Timeout = Limit)]
    public async Task A_prefix_stands_before_lvm()
    {
        var tool = new LvmTool(_runner, ["nsenter", "--mount=/proc/1/ns/mnt", "--ipc=/proc/1/ns/ipc", "--"]);

        await tool.RefreshAsync(Group, "v", Token);

        var command = _runner.Commands.Last();
        Assert.Equal("nsenter", command.Program);
        Assert.Equal(["--mount=/proc/1/ns/mnt", "--ipc=/proc/1/ns/ipc", "--", "lvm", "lvchange"], command.Arguments.Take(5));
    }

    [Theory(Timeout = Limit)]
    [InlineData(1, "512b")]
    [InlineData(512, "512b")]
    [InlineData(513, "1024b")]
    [InlineData((1L << 60) - 1, "1152921504606846976b")]
    public async Task Sizes_are_whole_sectors(long size, string expected)
    {
        await _tool.ExtendAsync(Group, "v", size, Token);

        Assert.Equal(expected, _runner.Commands.Last().Arguments[^2]);
    }

    [Fact(Timeout = Limit)]
    public async Task No_change_of_tags_is_no_command()
    {
        await _tool.ChangeTagsAsync(Group, "v", [], [], Token);

        Assert.Empty(_runner.Commands);
    }

    [Theory(Timeout = Limit)]
    [InlineData("same-size")]
    [InlineData("smaller")]
    public async Task A_volume_of_that_size_needs_no_extension(string failure)
    {
        _runner.Answer = _ => Captured.Failure(failure);

        await _tool.ExtendAsync(Group, "v", GiB, Token);
        await _tool.ExtendPoolMetadataAsync(Group, "pool", GiB, Token);
    }

    [Fact(Timeout = Limit)]
    public async Task What_is_gone_needs_no_removal()
    {
        _runner.Answer = static _ => Captured.Failure("volume-not-found");

        await _tool.RemoveAsync(Group, "v", true, Token);

        Assert.Equal(StorageError.NotFound, (await Assert.ThrowsAsync<StorageException>(() => _tool.ExtendAsync(Group, "v", GiB, Token))).Error);
    }

    [Fact(Timeout = Limit)]
    public async Task A_group_that_is_gone_is_no_proof_that_its_volume_is()
    {
        _runner.Answer = static _ => Captured.Failure("volume-group-not-found");

        var e = await Assert.ThrowsAsync<StorageException>(() => _tool.RemoveAsync(Group, "v", true, Token));

        Assert.Equal(StorageError.Unavailable, e.Error);
    }

    [Theory(Timeout = Limit)]
    [InlineData("linear", true)]
    [InlineData("gone", false)]
    public async Task A_removal_that_lvm_passed_over_in_silence_is_refused_unless_it_is_gone(string name, bool isRefused)
    {
        _runner.Answer = static command => new ToolOutput(0, command.Arguments[0] == "lvremove" ? "\n" : Captured.Report("kinds"), "");

        var e = await Record.ExceptionAsync(() => _tool.RemoveAsync(Group, name, true, Token));

        Assert.Equal(isRefused, e is StorageException { Error: StorageError.FailedPrecondition });
        Assert.Equal(["lvremove", "fullreport"], _runner.Commands.Select(static command => command.Arguments[0]));
    }

    [Fact(Timeout = Limit)]
    public async Task A_report_is_one_command_for_all_that_is_asked_for()
    {
        _runner.Answer = static _ => new ToolOutput(0, Captured.Report("kinds"), "");

        var report = await _tool.ReportAsync(Group, Token);

        Assert.Equal("vg", report!.Name);
        var line = $" {Line} ";
        Assert.StartsWith(" fullreport --reportformat json --units b --nosuffix --all ", line, StringComparison.Ordinal);
        Assert.EndsWith(" vg ", line, StringComparison.Ordinal);
        Assert.Single(_runner.Commands);
        Assert.InRange(_runner.Commands.Last().MaxOutput, 16 << 20, int.MaxValue);
    }

    [Fact(Timeout = Limit)]
    public async Task A_namesake_is_another_group()
    {
        _runner.Answer = static _ => new ToolOutput(0, Captured.Report("namesakes"), "");
        var groups = LvmReportParser.ReadReport(Captured.Report("namesakes"));

        Assert.Equal(groups[0].Uuid, (await _tool.ReportAsync(Group with { Uuid = groups[0].Uuid }, Token))!.Uuid);
        Assert.Equal(groups[1].Uuid, (await _tool.ReportAsync(Group with { Uuid = groups[1].Uuid }, Token))!.Uuid);
        Assert.Null(await _tool.ReportAsync(Group with { Uuid = "another" }, Token));
    }

    [Theory(Timeout = Limit)]
    [InlineData("report-of-no-group", null)]
    [InlineData("devices-not-there", null)]
    [InlineData("duplicate-names-report", StorageError.Unavailable)]
    [InlineData("not-root", StorageError.Unavailable)]
    public async Task Only_a_group_that_is_not_there_is_no_report(string failure, object? error)
    {
        _runner.Answer = _ => Captured.Failure(failure);

        var e = await Record.ExceptionAsync(async () => Assert.Null(await _tool.ReportAsync(Group, Token)));

        Assert.Equal(error, (e as StorageException)?.Error);
    }

    [Fact(Timeout = Limit)]
    public async Task A_report_that_was_cut_off_is_an_error()
    {
        _runner.Answer = static _ => new ToolOutput(0, Captured.Report("kinds"), "") { IsTruncated = true };

        Assert.Equal(StorageError.Internal, (await Assert.ThrowsAsync<StorageException>(() => _tool.ReportAsync(Group, Token))).Error);
        Assert.Equal(StorageError.Internal, (await Assert.ThrowsAsync<StorageException>(() => _tool.ScanAsync(Token))).Error);
    }

    [Fact(Timeout = Limit)]
    public async Task A_report_that_cannot_be_read_is_an_error_that_says_why()
    {
        _runner.Answer = static _ => new ToolOutput(0, Captured.Report("kinds").Replace("lv_size", "size", StringComparison.Ordinal), "");

        var e = await Assert.ThrowsAsync<StorageException>(() => _tool.ReportAsync(Group, Token));

        Assert.Equal((StorageError.Internal, "report of volume group vg: not readable: column 'lv_size' is missing"), (e.Error, e.Message));
    }

    [Fact(Timeout = Limit)]
    public async Task A_scan_looks_at_every_device()
    {
        _runner.Answer = static _ => new ToolOutput(0, Captured.Report("scan-namesakes"), "");

        var found = await _tool.ScanAsync(Token);

        Assert.Equal(2, found.Count);
        Assert.Equal(
            "pvs --reportformat json --units b --nosuffix --foreign --options pv_name,vg_name,vg_uuid,vg_missing_pv_count", Line);
        Assert.DoesNotContain("--devices", _runner.Commands.Last().Arguments);
    }

    [Fact(Timeout = Limit)]
    public async Task A_command_that_hangs_is_neither_done_nor_failed()
    {
        _runner.Answer = static command => throw new ToolException(command, ToolFailure.TimedOut, "did not end");

        await Assert.ThrowsAsync<ToolException>(() => _tool.ExtendAsync(Group, "v", GiB, Token));
        await Assert.ThrowsAsync<ToolException>(() => _tool.RemoveAsync(Group, "v", true, Token));
        await Assert.ThrowsAsync<ToolException>(() => _tool.ReportAsync(Group, Token));
    }
}
