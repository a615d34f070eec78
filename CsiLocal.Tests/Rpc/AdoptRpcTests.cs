using CsiLocal.Admin.V1;
using CsiLocal.Configuration;
using CsiLocal.State;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;
using Task = System.Threading.Tasks.Task;
using Volume = Csi.V1.Volume;

namespace CsiLocal.Tests.Rpc;

public sealed class AdoptRpcOnImages : AdoptRpcTests<ImagePool>;

public sealed class AdoptRpcOnDirectories : AdoptRpcTests<PlainDirectoryPool>;

public sealed class AdoptRpcOnSubvolumes : AdoptRpcTests<BtrfsDirectoryPool>;

[Trait("Vm", "yes")]
public sealed class AdoptRpcOnThickLvm : AdoptRpcTests<ThickLvmPool>;

[Trait("Vm", "yes")]
public sealed class AdoptRpcOnThinLvm : AdoptRpcTests<ThinLvmPool>;

[Trait("Vm", "yes")]
[Trait("Run", "long")]
public sealed class AdoptRpcOnMirroredLvm : AdoptRpcTests<MirroredLvmPool>;

[Trait("Needs", "vm")]
public sealed class AdoptRpcOnXfsQuota : AdoptRpcTests<XfsQuotaDirectoryPool>;

[Trait("Needs", "vm")]
[Trait("Run", "long")]
public sealed class AdoptRpcOnExt4Quota : AdoptRpcTests<Ext4QuotaDirectoryPool>;

/// <summary>What others made becomes a volume as it is, on every kind of pool.</summary>
public abstract class AdoptRpcTests<TPool> : DriverTest<TPool>
    where TPool : TestPool, new()
{
    private readonly CommandFaults commands = new();

    private protected override void Prepare(TestDriver driver) =>
        (driver.Seams, driver.Trash) = (new() { Commands = commands.Wrap }, new TrashOptions());

    [Fact(Timeout = Limit)]
    public async Task Every_byte_is_as_it_was_and_nothing_ever_formats_it()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        var before = await Foreign.RawDigestAsync(Pool, made.Name);

        var answer = await Driver.Admin.AdoptVolumeAsync(Request(made));

        Assert.Equal(before, await Foreign.RawDigestAsync(Pool, answer.Volume.VolumeId));
        Assert.False(Foreign.IsThere(Pool, made));
        Assert.Equal(("data", Pool.Options.Name, 32 * MiB, "ready"), (answer.Volume.Name, answer.Volume.Pool, answer.Volume.SizeBytes, answer.Volume.State));
        Assert.Equal(Pool.IsBlock ? "ext4" : "", answer.Volume.Filesystem);
        Assert.Equal(made.Source, answer.Source);
        var pool = Assert.Single((await Driver.Admin.ListPoolsAsync(new())).Pools);
        Assert.Equal((1, 32 * MiB), (pool.VolumeCount, pool.ProvisionedBytes));
        await RequireAsync(answer.CsiVolume, made.Digest);
        var target = await MountAsync(answer.CsiVolume);
        Write(Path.Combine(target, "more"), seed: 1);
        await UnmountAsync(answer.CsiVolume, target);
        await Driver.RestartAsync();
        await RequireAsync(answer.CsiVolume, made.Digest);
        Assert.Empty((await Driver.Admin.ListTasksAsync(new())).Tasks);
        Assert.Empty(Formats());
    }

    [Fact(Timeout = Limit)]
    public async Task The_answer_is_that_of_CreateVolume()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        var created = await CreateAsync("created");
        var answer = await Driver.Admin.AdoptVolumeAsync(Request(made));

        Assert.Equal(answer.CsiVolume, (await Controller.ControllerGetVolumeAsync(new() { VolumeId = answer.Volume.VolumeId })).Volume);
        Assert.Equal(created.AccessibleTopology, answer.CsiVolume.AccessibleTopology);
        var expected = created.VolumeContext.Clone();
        expected["name"] = "data";
        Assert.Equal(expected, answer.CsiVolume.VolumeContext);
        Assert.Equal((await Driver.Identity.GetPluginInfoAsync(new())).Name, answer.DriverName);
    }

    [Fact(Timeout = Limit)]
    public async Task A_plan_says_the_same_and_changes_nothing()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        var before = await Foreign.RawDigestAsync(Pool, made.Name);
        var everything = Pool.Everything();

        var plan = await Driver.Admin.PlanAdoptionAsync(Request(made));

        Assert.Equal(everything, Pool.Everything());
        Assert.True(Foreign.IsThere(Pool, made));
        Assert.Equal(before, await Foreign.RawDigestAsync(Pool, made.Name));
        Assert.Empty((await Controller.ListVolumesAsync(new())).Entries);
        var answer = await Driver.Admin.AdoptVolumeAsync(Request(made));
        (plan.Volume.CreatedAt, answer.Volume.CreatedAt) = (null, null);
        Assert.Equal(plan, answer);
    }

    [Fact(Timeout = Limit)]
    public async Task A_repeated_call_finds_its_own_work_and_no_other()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        var other = await Foreign.MakeAsync(Pool, "other");
        var first = await Driver.Admin.AdoptVolumeAsync(Request(made));

        var second = await Driver.Admin.AdoptVolumeAsync(Request(made));

        Assert.True(second.AdoptedBefore);
        Assert.Equal((first.Volume, first.CsiVolume), (second.Volume, second.CsiVolume));
        var taken = Request(other);
        taken.Name = "data";
        await FailsAsync(StatusCode.AlreadyExists, Driver.Admin.AdoptVolumeAsync(taken), "--name");
        var again = Request(made);
        again.Name = "again";
        await FailsAsync(StatusCode.NotFound, Driver.Admin.AdoptVolumeAsync(again), made.Source);
        Assert.True(Foreign.IsThere(Pool, other));
        await FailsAsync(StatusCode.AlreadyExists, Controller.CreateVolumeAsync(Create("data", Mount(), 16 * MiB)), "adopted-from");
    }

    [Fact(Timeout = Limit)]
    public async Task It_is_known_again_when_the_state_is_lost_and_still_not_formatted()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        var answer = await Driver.Admin.AdoptVolumeAsync(Request(made));
        await Driver.StopAsync();
        foreach (var part in Directory.EnumerateFiles(Driver.StateDirectory, $"{StateFile.Name}*"))
            File.Delete(part);
        await Driver.StartAsync();

        Assert.Equal(answer.CsiVolume, Assert.Single((await Controller.ListVolumesAsync(new())).Entries).Volume);
        Assert.True((await Driver.Admin.AdoptVolumeAsync(Request(made))).AdoptedBefore);
        await RequireAsync(answer.CsiVolume, made.Digest);
        Assert.Empty(Formats());
    }

    [Fact(Timeout = Limit)]
    public async Task It_goes_into_the_trash_and_back_grows_and_is_cloned_like_any_other()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        var volume = (await Driver.Admin.AdoptVolumeAsync(Request(made))).CsiVolume;
        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });
        Assert.Single((await Driver.Admin.ListTrashAsync(new())).Volumes);
        await Driver.Admin.UndeleteVolumeAsync(new() { Volume = "data" });
        await RequireAsync(volume, made.Digest);

        await Controller.ControllerExpandVolumeAsync(new() { VolumeId = volume.VolumeId, CapacityRange = new() { RequiredBytes = 64 * MiB } });
        var copy = await CreateAsync(Create("copy", Mount(), 64 * MiB).From(volume));

        await RequireAsync(copy, made.Digest);
        await RequireAsync(volume, made.Digest);
        Assert.Empty(Formats());
    }

    [Fact(Timeout = Limit)]
    public async Task The_history_and_the_audit_say_what_it_was()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        var id = (await Driver.Admin.AdoptVolumeAsync(Request(made))).Volume.VolumeId;
        await Driver.Admin.PlanAdoptionAsync(Request(made));
        await Driver.StopAsync();

        var history = Driver.HistoryOf(id);
        var call = Assert.Single(history.OfType<HistoryEntry.Operation>());
        Assert.Equal(("AdoptVolume", "data", "OK"), (call.Rpc, call.Name, call.Status));
        var events = history.OfType<HistoryEntry.Event>().ToList();
        Assert.Equal(["is being adopted", "is adopted"], events.Select(static entry => entry.What));
        Assert.All(events, entry => Assert.Contains(made.Source, entry.Why, StringComparison.Ordinal));
    }

    [Fact(Timeout = Limit)]
    public async Task What_is_there_is_listed_with_what_stands_against_it_and_our_own_is_not()
    {
        await CreateAsync("own");
        var made = await Foreign.MakeAsync(Pool, "data");
        var folder = Pool is LvmPool ? "" : Path.GetDirectoryName(made.Source)!;

        var found = (await Driver.Admin.ListAdoptableAsync(new() { Pool = Pool.Options.Name, Folder = folder })).Candidates;

        var only = Assert.Single(found);
        Assert.Equal((made.Source, "plain", "data", ""), (only.Source, only.Layout, only.Name, only.Problem));
        Assert.Equal(Pool.IsBlock ? ("ext4", 32 * MiB) : ("", 0), (only.Filesystem, only.SizeBytes));
    }

    [Theory(Timeout = Limit)]
    [InlineData("", "", "source: it is empty")]
    [InlineData("no/such/thing", "", "no logical volume")]
    [InlineData("/etc/hostname", "", "system folder")]
    [InlineData("/srv/nosuch", "nosuch", "no pool 'nosuch'")]
    public async Task A_bad_request_is_refused_by_name(string source, string pool, string mentioned) => await FailsAsync(
        StatusCode.InvalidArgument,
        Driver.Admin.AdoptVolumeAsync(new() { Source = source, Pool = pool.Length == 0 ? Pool.Options.Name : pool }), mentioned);

    private AdoptVolumeRequest Request(OthersVolume made) =>
        new() { Source = made.Source, Pool = Pool.Options.Name, SizeBytes = Pool.IsBlock ? 0 : 32 * MiB };

    private IEnumerable<string> Formats() =>
        commands.Commands.Where(static command => command.Program.StartsWith("mkfs", StringComparison.Ordinal)).Select(static command => command.ToString());

    private async Task RequireAsync(Volume volume, string digest)
    {
        var target = await MountAsync(volume);
        Assert.Equal(digest, Digest(Path.Combine(target, Foreign.File)));
        await UnmountAsync(volume, target);
    }
}
