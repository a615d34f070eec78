using CsiLocal.Backends.Lvm;
using CsiLocal.Configuration;
using CsiLocal.Tests.Backends;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Vm;

/// <summary>The real lvm takes every command as <see cref="LvmTool"/> writes it, and does what it is for.</summary>
[Trait("Needs", "vm")]
public sealed class LvmToolTests : IDisposable
{
    private const int Limit = 300_000;
    private const long MiB = 1 << 20;

    private readonly RecordingCommandRunner _runner = new();
    private readonly BlankDisks _disks = BlankDisks.Take(3);
    private readonly string _name = $"vt{Guid.NewGuid():N}"[..10];
    private readonly LvmTool _tool;
    private VolumeGroupRef _group;

    public LvmToolTests()
    {
        _tool = new LvmTool(_runner, []);
        _group = new VolumeGroupRef(_name, "", []);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        HostCommand.Run("vgremove", "--quiet", "--yes", "--force", "--force", _name);
        _disks.Dispose();
        _runner.Dispose();
    }

    [Fact(Timeout = Limit)]
    public async Task A_group_is_made_of_blank_devices_found_and_grown()
    {
        await MakeGroupAsync(2);

        var found = (await _tool.ScanAsync(Token)).Single(group => group.Name == _name);
        Assert.Equal((_group.Uuid, 0), (found.Uuid, found.MissingDevices));
        Assert.Equal(_disks.Paths.Take(2), found.Devices);

        await _tool.ExtendVolumeGroupAsync(_group, [_disks.Paths[2]], Token);
        _group = _group with { Devices = _disks.Paths };

        var report = await ReportAsync();
        Assert.Equal(_disks.Paths, report.PhysicalVolumes.Select(static device => device.Device));
        Assert.InRange(report.MetadataSizeBytes, 16 * MiB, 18 * MiB);
        Assert.InRange(report.MetadataFreeBytes, 8 * MiB, 9 * MiB);
        Assert.Empty(report.LogicalVolumes);
        Assert.False(Directory.Exists("/etc/lvm/archive") && Directory.GetFiles("/etc/lvm/archive", $"{_name}_*").Length > 0);
        Assert.False(File.Exists($"/etc/lvm/backup/{_name}"));
    }

    [Fact(Timeout = Limit)]
    public async Task A_device_with_anything_on_it_is_left_alone()
    {
        await MakeGroupAsync(1);
        HostCommand.Run("mkfs.ext4", "-q", _disks.Paths[1]);

        var made = await Assert.ThrowsAsync<StorageException>(() => _tool.CreateVolumeGroupAsync("another", [_disks.Paths[1]], Token));
        var grown = await Assert.ThrowsAsync<StorageException>(() => _tool.ExtendVolumeGroupAsync(_group, [_disks.Paths[1]], Token));

        Assert.Equal((StorageError.FailedPrecondition, StorageError.FailedPrecondition), (made.Error, grown.Error));
        Assert.Contains("ext4", HostCommand.Run("blkid", "--probe", _disks.Paths[1]), StringComparison.Ordinal);
    }

    [Theory(Timeout = Limit)]
    [InlineData(LvmLayout.Linear, false, "linear")]
    [InlineData(LvmLayout.Striped, false, "striped")]
    [InlineData(LvmLayout.Raid1, false, "raid1")]
    [InlineData(LvmLayout.Raid1, true, "raid1")]
    [InlineData(LvmLayout.Raid5, false, "raid5")]
    public async Task A_thick_volume_of_each_layout_is_made_grown_and_removed(object layout, bool integrity, string segmentType)
    {
        await MakeGroupAsync(3);
        var options = new LvmPoolOptions { VolumeGroup = _name, Layout = (LvmLayout)layout, Integrity = integrity, StripeSizeBytes = 65536 };
        var stripes = options.Layout is LvmLayout.Striped or LvmLayout.Raid5 ? 2 : 1;

        await _tool.CreateThickAsync(
            _group, new ThickVolume { Name = "v", SizeBytes = 32 * MiB, Tags = ["csilocal.volume=1&name=a#20b"], Options = options, Stripes = stripes }, Token);

        var volume = await FindAsync("v");
        Assert.Equal((segmentType, 32 * MiB), (volume!.SegmentType, volume.SizeBytes));
        Assert.Equal(["csilocal.volume=1&name=a#20b"], volume.Tags);
        Assert.True(volume.Attributes is { IsActive: true, IsWritable: true, IsOpen: false, Health: LvHealth.Ok });

        var again = await Assert.ThrowsAsync<StorageException>(() => _tool.CreateThickAsync(
            _group, new ThickVolume { Name = "v", SizeBytes = 32 * MiB, Tags = [], Options = options, Stripes = stripes }, Token));
        Assert.Equal(StorageError.AlreadyExists, again.Error);

        await _tool.ExtendAsync(_group, "v", 64 * MiB, Token);
        await _tool.ExtendAsync(_group, "v", 64 * MiB, Token);
        Assert.Equal(64 * MiB, (await FindAsync("v"))!.SizeBytes);

        await _tool.RefreshAsync(_group, "v", Token);
        await _tool.RemoveAsync(_group, "v", discard: true, Token);
        await _tool.RemoveAsync(_group, "v", discard: true, Token);
        Assert.Empty((await ReportAsync()).LogicalVolumes);
    }

    [Fact(Timeout = Limit)]
    public async Task A_thin_pool_has_volumes_and_snapshots_that_outlive_their_origin()
    {
        await MakeGroupAsync(2);
        await _tool.CreateThinPoolAsync(
            _group, new NewThinPool { Name = "pool", DataBytes = 128 * MiB, MetadataBytes = 8 * MiB, ChunkBytes = 131072, Stripes = 2, StripeSizeBytes = 65536 }, Token);

        var pool = (await FindAsync("pool"))!;
        Assert.Equal(("thin-pool", 128 * MiB, 8 * MiB, 131072, true), (pool.SegmentType, pool.SizeBytes, pool.MetadataBytes, pool.ChunkBytes, pool.ZeroesChunks));

        await _tool.CreateThinAsync(_group, "pool", "v", 1024 * MiB, ["csilocal.volume=1&name=v"], Token);

        // The pool's own device has this name from its first volume on.
        var status = HostCommand.Run("dmsetup", "status", $"{_name}-pool-tpool");
        Assert.Contains(" queue_if_no_space", status, StringComparison.Ordinal);
        Assert.Contains(" discard_passdown", status, StringComparison.Ordinal);
        await _tool.CreateThinSnapshotAsync(_group, "v", "s", ["csilocal.snapshot=1&name=s"], Token);
        await _tool.CreateThinSnapshotAsync(_group, "s", "t", [], Token);

        var (origin, snapshot, second) = ((await FindAsync("v"))!, (await FindAsync("s"))!, (await FindAsync("t"))!);
        Assert.Equal(("thin", "pool", null, 1024 * MiB), (origin.SegmentType, origin.Pool, origin.Origin, origin.SizeBytes));
        Assert.Equal(("thin", "pool", "v", 1024 * MiB), (snapshot.SegmentType, snapshot.Pool, snapshot.Origin, snapshot.SizeBytes));
        Assert.Equal("s", second.Origin);
        Assert.Equal(["csilocal.snapshot=1&name=s"], snapshot.Tags);
        Assert.Equal(0, origin.DataPercent);
        Assert.True(snapshot.Attributes is { IsActive: true, SkipsActivation: false });

        await _tool.RemoveAsync(_group, "v", discard: true, Token);
        Assert.NotNull(await FindAsync("s"));

        await _tool.ExtendAsync(_group, "s", 2048 * MiB, Token);
        await _tool.ExtendAsync(_group, "pool", 256 * MiB, Token);
        await _tool.ExtendPoolMetadataAsync(_group, "pool", 16 * MiB, Token);
        await _tool.ExtendPoolMetadataAsync(_group, "pool", 8 * MiB, Token);
        pool = (await FindAsync("pool"))!;
        Assert.Equal((2048 * MiB, 256 * MiB, 16 * MiB), ((await FindAsync("s"))!.SizeBytes, pool.SizeBytes, pool.MetadataBytes));

        var refused = await Assert.ThrowsAsync<StorageException>(() => _tool.RemoveAsync(_group, "pool", discard: true, Token));
        Assert.Equal(StorageError.FailedPrecondition, refused.Error);
        Assert.NotNull(await FindAsync("s"));
    }

    [Fact(Timeout = Limit)]
    public async Task A_copy_on_write_snapshot_is_not_taken_along_with_its_origin()
    {
        await MakeGroupAsync(1);
        var options = new LvmPoolOptions { VolumeGroup = _name };
        await _tool.CreateThickAsync(_group, new ThickVolume { Name = "v", SizeBytes = 32 * MiB, Tags = [], Options = options }, Token);
        await _tool.CreateCowSnapshotAsync(_group, "v", "s", 8 * MiB, ["csilocal.snapshot=1&name=s"], Token);

        var snapshot = (await FindAsync("s"))!;
        Assert.Equal(("snapshot", "v", LvType.Snapshot), (snapshot.SegmentType, snapshot.Origin, snapshot.Attributes.Type));
        Assert.Equal(LvType.Origin, (await FindAsync("v"))!.Attributes.Type);

        var removed = await Assert.ThrowsAsync<StorageException>(() => _tool.RemoveAsync(_group, "v", discard: true, Token));
        var grown = await Assert.ThrowsAsync<StorageException>(() => _tool.ExtendAsync(_group, "v", 64 * MiB, Token));
        Assert.Equal((StorageError.FailedPrecondition, StorageError.FailedPrecondition), (removed.Error, grown.Error));

        await _tool.RemoveAsync(_group, "s", discard: true, Token);
        await _tool.RemoveAsync(_group, "v", discard: true, Token);
        Assert.Empty((await ReportAsync()).LogicalVolumes);
    }

    [Fact(Timeout = Limit)]
    public async Task What_is_in_use_is_not_removed()
    {
        await MakeGroupAsync(1);
        var options = new LvmPoolOptions { VolumeGroup = _name };
        await _tool.CreateThickAsync(_group, new ThickVolume { Name = "v", SizeBytes = 8 * MiB, Tags = [], Options = options }, Token);

        using (File.OpenRead($"/dev/{_name}/v"))
        {
            Assert.True((await FindAsync("v"))!.Attributes.IsOpen);
            var e = await Assert.ThrowsAsync<StorageException>(() => _tool.RemoveAsync(_group, "v", discard: true, Token));
            Assert.Equal(StorageError.FailedPrecondition, e.Error);
        }

        Assert.NotNull(await FindAsync("v"));
    }

    [Fact(Timeout = Limit)]
    public async Task A_record_with_4_KiB_of_parameters_lives_in_tags()
    {
        await MakeGroupAsync(1);
        var volume = Records.Volume("ä pvc", 8 * MiB, BackendKind.Lvm) with
        {
            Parameters = new Dictionary<string, string> { ["a"] = new('x', 4096), ["b=c"] = "\u0001,\"' ü" },
            State = VolumeState.Creating,
        };
        var ready = volume with { State = VolumeState.Ready, Format = FormatState.Formatted, FormattedAt = Records.Noon };
        var options = new LvmPoolOptions { VolumeGroup = _name };

        await _tool.CreateThickAsync(
            _group, new ThickVolume { Name = volume.Id.Value, SizeBytes = 8 * MiB, Tags = LvTags.Of(volume), Options = options }, Token);
        AssertSame(volume, LvTags.ReadVolume((await FindAsync(volume.Id.Value))!)!);

        var (old, now) = (LvTags.Of(volume), LvTags.Of(ready));
        await _tool.ChangeTagsAsync(_group, volume.Id.Value, [.. now.Except(old)], [.. old.Except(now)], Token);
        AssertSame(ready, LvTags.ReadVolume((await FindAsync(volume.Id.Value))!)!);
    }

    [Fact(Timeout = Limit)]
    public async Task What_is_inactive_is_activated_one_or_all()
    {
        await MakeGroupAsync(1);
        await _tool.CreateThinPoolAsync(_group, new NewThinPool { Name = "pool", DataBytes = 64 * MiB }, Token);
        await _tool.CreateThinAsync(_group, "pool", "v", 64 * MiB, [], Token);
        await _tool.CreateThinAsync(_group, "pool", "w", 64 * MiB, [], Token);
        HostCommand.Run("lvchange", "--quiet", "--setactivationskip", "y", $"{_name}/v");
        HostCommand.Run("vgchange", "--quiet", "--activate", "n", _name);
        Assert.False((await FindAsync("v"))!.Attributes.IsActive);

        await _tool.ActivateAsync(_group, null, Token);
        Assert.Equal((false, true), ((await FindAsync("v"))!.Attributes.IsActive, (await FindAsync("w"))!.Attributes.IsActive));

        await _tool.ActivateAsync(_group, "v", Token);
        await _tool.ActivateAsync(_group, "v", Token);
        Assert.True((await FindAsync("v"))!.Attributes.IsActive);
    }

    [Fact(Timeout = Limit)]
    public async Task Without_room_nothing_is_made()
    {
        await MakeGroupAsync(2);
        var options = new LvmPoolOptions { VolumeGroup = _name, Layout = LvmLayout.Raid1, Copies = 3 };

        var tooFew = await Assert.ThrowsAsync<StorageException>(() => _tool.CreateThickAsync(
            _group, new ThickVolume { Name = "v", SizeBytes = 8 * MiB, Tags = [], Options = options }, Token));
        var tooBig = await Assert.ThrowsAsync<StorageException>(() => _tool.CreateThickAsync(
            _group, new ThickVolume { Name = "v", SizeBytes = 1L << 50, Tags = [], Options = options with { Layout = LvmLayout.Linear } }, Token));

        Assert.Equal((StorageError.ResourceExhausted, StorageError.ResourceExhausted), (tooFew.Error, tooBig.Error));
        Assert.Empty((await ReportAsync()).LogicalVolumes);
    }

    [Fact(Timeout = Limit)]
    public async Task A_group_inside_a_volume_and_a_namesake_are_not_seen()
    {
        await MakeGroupAsync(1);
        var options = new LvmPoolOptions { VolumeGroup = _name };
        await _tool.CreateThickAsync(_group, new ThickVolume { Name = "guest", SizeBytes = 64 * MiB, Tags = [], Options = options }, Token);
        HostCommand.Run("vgchange", "--quiet", "--activate", "n", _name);
        HostCommand.Run("vgcreate", "--quiet", "--devices", _disks.Paths[1], _name, _disks.Paths[1]);
        await _tool.ActivateAsync(_group, "guest", Token);
        HostCommand.Run("vgcreate", "--quiet", "--config", "devices/scan_lvs=1", "--devices", $"/dev/{_name}/guest", "inner", $"/dev/{_name}/guest");

        var found = await _tool.ScanAsync(Token);
        Assert.Equal(2, found.Count(group => group.Name == _name));
        Assert.DoesNotContain(found, static group => group.Name == "inner");

        // By name alone it is not clear which; with its devices it is.
        var unclear = await Assert.ThrowsAsync<StorageException>(() => _tool.ReportAsync(new VolumeGroupRef(_name, "", []), Token));
        Assert.Equal(StorageError.Unavailable, unclear.Error);
        await _tool.CreateThickAsync(_group, new ThickVolume { Name = "mine", SizeBytes = 8 * MiB, Tags = [], Options = options }, Token);
        Assert.Equal(["guest", "mine"], (await ReportAsync()).LogicalVolumes.Select(static volume => volume.Name));
        Assert.Null(await _tool.ReportAsync(_group with { Uuid = "another" }, Token));

        HostCommand.Run("vgremove", "--quiet", "--yes", "--devices", _disks.Paths[1], _name);
    }

    [Fact(Timeout = Limit)]
    public async Task A_group_that_is_gone_is_no_report()
    {
        await MakeGroupAsync(1);
        HostCommand.Run("vgremove", "--quiet", _name);

        Assert.Null(await _tool.ReportAsync(_group, Token));
        Assert.Equal(StorageError.Unavailable, (await Assert.ThrowsAsync<StorageException>(() => _tool.RemoveAsync(_group, "v", true, Token))).Error);

        HostCommand.Run("vgcreate", "--quiet", _name, _disks.Paths[0]);
    }

    [Fact(Timeout = Limit)]
    public async Task No_daemon_is_left_behind()
    {
        await MakeGroupAsync(2);
        var options = new LvmPoolOptions { VolumeGroup = _name, Layout = LvmLayout.Raid1 };
        var before = HostCommand.Run("sh", "-c", "pgrep -c dmeventd || true");

        await _tool.CreateThickAsync(_group, new ThickVolume { Name = "v", SizeBytes = 8 * MiB, Tags = [], Options = options }, Token);
        await _tool.CreateThinPoolAsync(_group, new NewThinPool { Name = "pool", DataBytes = 64 * MiB }, Token);

        Assert.Equal(before, HostCommand.Run("sh", "-c", "pgrep -c dmeventd || true"));
    }

    private async Task MakeGroupAsync(int disks)
    {
        await _tool.CreateVolumeGroupAsync(_name, [.. _disks.Paths.Take(disks)], Token);
        _group = _group with { Devices = [.. _disks.Paths.Take(disks)] };
        _group = _group with { Uuid = (await ReportAsync()).Uuid };
    }

    private async Task<VolumeGroupReport> ReportAsync() => (await _tool.ReportAsync(_group, Token))!;

    private async Task<LogicalVolume?> FindAsync(string name) => (await ReportAsync()).LogicalVolumes.SingleOrDefault(volume => volume.Name == name);

    private static void AssertSame(VolumeRecord expected, VolumeRecord found)
    {
        Assert.Equal(expected.Parameters, found.Parameters);
        Assert.Equal(expected, found with { MkfsOptions = expected.MkfsOptions, Parameters = expected.Parameters });
    }
}
