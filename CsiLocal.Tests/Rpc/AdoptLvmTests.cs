using CsiLocal.Admin.V1;
using CsiLocal.Backends.Lvm;
using CsiLocal.Configuration;
using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using CsiLocal.Volumes;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Tests.Rpc;

[Trait("Vm", "yes")]
public sealed class AdoptLvmOnThick : AdoptLvmTests<ThickLvmPool>
{
    [Fact(Timeout = Limit)]
    public async Task One_with_snapshots_on_its_blocks_is_refused_with_their_names()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        await Pool.World.MakeTool().CreateCowSnapshotAsync(await Foreign.GroupAsync(Pool), "data", "backup", 8 * MiB, [], TestContext.Current.CancellationToken);

        await RefusesAsync(made, StatusCode.FailedPrecondition, "live on its blocks: backup", "lvremove");
        await RefusesAsync(made with { Source = $"{Pool.World.VolumeGroup}/backup", Name = "backup" }, StatusCode.FailedPrecondition, "Snapshot");
    }
}

public sealed class AdoptThinIntoThick : DriverTest<ThickLvmPool>
{
    [Fact(Timeout = Limit)]
    public async Task A_thin_one_is_refused_with_the_pool_that_it_would_fit()
    {
        var (tool, group, token) = (Pool.World.MakeTool(), await Foreign.GroupAsync(Pool), TestContext.Current.CancellationToken);
        await tool.CreateThinPoolAsync(group, new NewThinPool { Name = "theirs", DataBytes = 256 * MiB }, token);
        await tool.CreateThinAsync(group, "theirs", "data", 32 * MiB, [], token);

        await FailsAsync(
            StatusCode.FailedPrecondition, Driver.Admin.AdoptVolumeAsync(new() { Source = $"{group.Name}/data", Pool = Pool.Options.Name, Block = true }),
            "thin pool theirs", "backend lvm-thin", "thinPool: theirs");
        await FailsAsync(
            StatusCode.FailedPrecondition, Driver.Admin.AdoptVolumeAsync(new() { Source = $"{group.Name}/theirs_tdata", Pool = Pool.Options.Name, Block = true }), "a part of another");
        Assert.Equal("data", Assert.Single((await Driver.Admin.ListAdoptableAsync(new() { Pool = Pool.Options.Name })).Candidates).Name);
    }
}

[Trait("Vm", "yes")]
public sealed class AdoptLvmOnMirrored : DriverTest<MirroredLvmPool>
{
    [Theory(Timeout = Limit)]
    [InlineData("Linear", true)]
    [InlineData("Striped", true)]
    [InlineData("Raid1", false)]
    public async Task One_of_another_layout_keeps_it_and_that_is_told(string name, bool told)
    {
        var layout = Enum.Parse<LvmLayout>(name);
        await Pool.World.MakeTool().CreateThickAsync(
            await Foreign.GroupAsync(Pool),
            new ThickVolume { Name = "data", SizeBytes = 32 * MiB, Tags = [], Options = Pool.Options.Lvm! with { Layout = layout }, Stripes = layout == LvmLayout.Striped ? 2 : 1 },
            TestContext.Current.CancellationToken);

        var answer = await Driver.Admin.AdoptVolumeAsync(new() { Source = $"{Pool.World.VolumeGroup}/data", Pool = Pool.Options.Name, Block = true });

        Assert.Equal(told, answer.Notes.Any(note => note.Contains(layout.ToString().ToLowerInvariant(), StringComparison.Ordinal)));
        var target = await MountAsync(answer.CsiVolume, Block());
        await UnmountAsync(answer.CsiVolume, target);
        await Controller.DeleteVolumeAsync(new() { VolumeId = answer.Volume.VolumeId });
        Assert.Empty(Pool.World.Volumes());
    }
}

[Trait("Vm", "yes")]
public sealed class AdoptLvmOnThin : AdoptLvmTests<ThinLvmPool>
{
    [Fact(Timeout = Limit)]
    public async Task Its_thin_snapshots_stay_what_they_are()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        await Pool.World.MakeTool().CreateThinSnapshotAsync(await Foreign.GroupAsync(Pool), "data", "backup", [], TestContext.Current.CancellationToken);
        var before = await Foreign.RawDigestAsync(Pool, "backup");

        var answer = await Driver.Admin.AdoptVolumeAsync(Request(made));

        Assert.Contains(answer.Notes, static note => note.Contains("backup", StringComparison.Ordinal));
        Assert.Equal(before, await Foreign.RawDigestAsync(Pool, "backup"));
        await Controller.DeleteVolumeAsync(new() { VolumeId = answer.Volume.VolumeId });
        Assert.Equal(before, await Foreign.RawDigestAsync(Pool, "backup"));
    }

    [Fact(Timeout = Limit)]
    public async Task A_thick_one_and_the_thin_pool_itself_are_refused()
    {
        await Pool.World.MakeTool().CreateThickAsync(
            await Foreign.GroupAsync(Pool), new ThickVolume { Name = "thick", SizeBytes = 16 * MiB, Tags = [], Options = new LvmPoolOptions { VolumeGroup = Pool.World.VolumeGroup } },
            TestContext.Current.CancellationToken);
        await RefusesAsync(new($"{Pool.World.VolumeGroup}/thick", "thick", ""), StatusCode.FailedPrecondition, "no thin pool", "backend lvm ");
        await FailsAsync(
            StatusCode.FailedPrecondition, Driver.Admin.AdoptVolumeAsync(new() { Source = $"{Pool.World.VolumeGroup}/pool0", Pool = "thin" }), "thin pool");
    }
}

/// <summary>Adoption of logical volumes: the layouts of other drivers, and what is refused.</summary>
public abstract class AdoptLvmTests<TPool> : DriverTest<TPool>
    where TPool : LvmPool, new()
{
    private const string Uuid = "0e0a8a2c-6a52-4cf0-9a55-0123456789ab";

    [Theory(Timeout = Limit)]
    [InlineData("topolvm", Uuid, "", "LogicalVolume")]
    [InlineData("openebs-lvm", $"pvc-{Uuid}", "", "LVMVolume")]
    [InlineData("csi-driver-lvm", $"pvc-{Uuid}", "lv.metal-stack.io/csi-lvm-driver", "csi-driver-lvm")]
    [InlineData("plain", "data-1", "some.tag", "")]
    public async Task It_is_taken_as_its_driver_left_it(string layout, string name, string tag, string advice)
    {
        IReadOnlyList<string> tags = tag.Length == 0 ? [] : [tag];
        var made = await Foreign.MakeAsync(Pool, name, tags: tags);
        var before = await Foreign.RawDigestAsync(Pool, name);

        var answer = await Driver.Admin.AdoptVolumeAsync(Request(made));

        Assert.Equal((layout, name), (answer.Layout, answer.Volume.Name));
        Assert.Equal(advice.Length > 0, answer.Notes.Count > 0);
        Assert.All(answer.Notes, note => Assert.Contains(advice, note, StringComparison.Ordinal));
        Assert.Equal(before, await Foreign.RawDigestAsync(Pool, answer.Volume.VolumeId));
        Assert.DoesNotContain(name, Pool.World.Volumes());
        Assert.Equal(tags, Pool.World.TagsOf(answer.Volume.VolumeId).Where(static found => !LvTags.AreOurs([found])));
        var target = await MountAsync(answer.CsiVolume);
        Assert.Equal(made.Digest, Digest(Path.Combine(target, Foreign.File)));
    }

    [Theory(Timeout = Limit)]
    [InlineData("/dev/{0}/data")]
    [InlineData("/dev/mapper/{1}-data")]
    public async Task It_may_be_named_by_its_device(string form)
    {
        await Foreign.MakeAsync(Pool, "data");
        var group = Pool.World.VolumeGroup;
        var source = string.Format(System.Globalization.CultureInfo.InvariantCulture, form, group, group.Replace("-", "--", StringComparison.Ordinal));

        Assert.Equal($"{group}/data", (await Driver.Admin.AdoptVolumeAsync(new() { Source = source, Pool = Pool.Options.Name })).Source);
    }

    [Fact(Timeout = Limit)]
    public async Task One_in_use_is_left_alone_and_its_holder_named()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        using (File.Open(Pool.World.NodeOf("data"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite))
        {
            await RefusesAsync(made, StatusCode.FailedPrecondition, "in use", $"pid {Environment.ProcessId}");
            var listed = Assert.Single((await Driver.Admin.ListAdoptableAsync(new() { Pool = Pool.Options.Name })).Candidates);
            Assert.Contains("in use", listed.Problem, StringComparison.Ordinal);
        }

        var folder = Driver.PathOf("mnt");
        Directory.CreateDirectory(folder);
        HostCommand.Run("mount", Pool.World.NodeOf("data"), folder);
        await RefusesAsync(made, StatusCode.FailedPrecondition, $"the mount at {folder}");
        HostCommand.Unmount(folder);
        await Driver.Admin.AdoptVolumeAsync(Request(made));
    }

    [Theory(Timeout = Limit)]
    [InlineData("", "", "it carries nothing", "--block")]
    [InlineData("swap", "", "swap", "--block")]
    [InlineData("ext4", "xfs", "not xfs", "--fs")]
    public async Task What_carries_no_file_system_to_mount_is_never_given_one(string carried, string asked, params string[] mentioned)
    {
        var made = await Foreign.MakeAsync(Pool, "data", carried);
        var request = Request(made);
        request.Filesystem = asked;

        await FailsAsync(StatusCode.FailedPrecondition, Driver.Admin.AdoptVolumeAsync(request), mentioned);

        Assert.True(Foreign.IsThere(Pool, made));
    }

    [Fact(Timeout = Limit)]
    public async Task As_raw_block_it_is_taken_whatever_is_on_it()
    {
        var made = await Foreign.MakeAsync(Pool, "data", "swap");
        var before = await Foreign.RawDigestAsync(Pool, "data");
        var request = Request(made);
        request.Block = true;

        var volume = (await Driver.Admin.AdoptVolumeAsync(request)).CsiVolume;

        var target = await MountAsync(volume, Block());
        Assert.Equal(before, Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(await File.ReadAllBytesAsync(target))));
        await UnmountAsync(volume, target);
        await Driver.RestartAsync();
        await Controller.ControllerExpandVolumeAsync(new() { VolumeId = volume.VolumeId, CapacityRange = new() { RequiredBytes = 64 * MiB } });
        var grown = await File.ReadAllBytesAsync(await MountAsync(volume, Block()));
        Assert.Equal(before, Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(grown.AsSpan(0, 32 << 20))));
        Assert.Equal(-1, grown.AsSpan(32 << 20).IndexOfAnyExcept((byte)0));
    }

    [Fact(Timeout = Limit)]
    public async Task A_file_system_that_was_cut_short_is_refused()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        HostCommand.Run("mkfs.ext4", "-q", "-F", Pool.World.NodeOf("data"), "32M");
        using (var device = File.Open(Pool.World.NodeOf("data"), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            // s_blocks_count_lo, in blocks of 1 KiB: of a device twice as large.
            device.Position = 1024 + 0x04;
            device.Write(BitConverter.GetBytes(64 << 10));
            device.Flush(flushToDisk: true);
        }

        // blkid looks at the checksum of the superblock, the second probe at its size: whoever is first refuses.
        await RefusesAsync(made, StatusCode.FailedPrecondition);
    }

    [Fact(Timeout = Limit)]
    public async Task Our_own_volumes_and_those_of_another_group_are_refused()
    {
        var own = await CreateAsync("own");
        await FailsAsync(
            StatusCode.FailedPrecondition, Driver.Admin.AdoptVolumeAsync(new() { Source = $"{Pool.World.VolumeGroup}/{own.VolumeId}", Pool = Pool.Options.Name, Name = "x" }),
            "of this driver");
        await FailsAsync(StatusCode.InvalidArgument, Driver.Admin.AdoptVolumeAsync(new() { Source = "other/data", Pool = Pool.Options.Name }), Pool.World.VolumeGroup);
        await FailsAsync(StatusCode.InvalidArgument, Driver.Admin.AdoptVolumeAsync(new() { Source = "/srv/image", Pool = Pool.Options.Name }), "volume group");
        await FailsAsync(StatusCode.NotFound, Driver.Admin.AdoptVolumeAsync(new() { Source = $"{Pool.World.VolumeGroup}/nosuch", Pool = Pool.Options.Name }), "--list");
    }

    [Fact(Timeout = Limit)]
    public async Task One_that_is_not_active_is_refused_with_the_command_that_activates_it()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        Pool.World.Deactivate("data");
        await RefusesAsync(made, StatusCode.FailedPrecondition, "not active", $"lvchange --activate y --ignoreactivationskip {made.Source}");
    }

    [Fact(Timeout = Limit)]
    public async Task The_driver_that_is_named_has_to_fit()
    {
        var request = Request(await Foreign.MakeAsync(Pool, $"pvc-{Uuid}"));
        request.Layout = "topolvm";
        await FailsAsync(StatusCode.FailedPrecondition, Driver.Admin.PlanAdoptionAsync(request), "not the name", "openebs-lvm");
        request.Layout = "csi-driver-lvm";
        Assert.Equal("csi-driver-lvm", (await Driver.Admin.PlanAdoptionAsync(request)).Layout);
        request.Layout = "rook";
        await FailsAsync(StatusCode.InvalidArgument, Driver.Admin.PlanAdoptionAsync(request), "topolvm");
    }

    [Fact(Timeout = Limit)]
    public async Task One_whose_tags_were_written_and_whose_record_was_lost_is_adopted_after_all()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        var record = new VolumeRecord
        {
            Id = VolumeId.Mint("data"),
            Name = "data",
            Pool = Pool.Options.Name,
            Backend = Pool.Options.Backend,
            SizeBytes = 32 * MiB,
            Access = AccessType.Mount,
            Parameters = new Dictionary<string, string> { [AdoptionRecord.SourceParameter] = made.Source },
            State = VolumeState.Ready,
            CreatedAt = DateTimeOffset.UnixEpoch,
        };
        await Pool.World.MakeTool().ChangeTagsAsync(await Foreign.GroupAsync(Pool), "data", LvTags.Of(record), [], TestContext.Current.CancellationToken);

        var answer = await Driver.Admin.AdoptVolumeAsync(Request(made));

        var target = await MountAsync(answer.CsiVolume);
        Assert.Equal(made.Digest, Digest(Path.Combine(target, Foreign.File)));
    }

    private protected AdoptVolumeRequest Request(OthersVolume made) => new() { Source = made.Source, Pool = Pool.Options.Name };

    private protected async Task RefusesAsync(OthersVolume made, StatusCode code, params string[] mentioned)
    {
        await FailsAsync(code, Driver.Admin.AdoptVolumeAsync(Request(made)), mentioned);
        Assert.True(Foreign.IsThere(Pool, made));
        Assert.Empty((await Controller.ListVolumesAsync(new())).Entries);
    }
}
