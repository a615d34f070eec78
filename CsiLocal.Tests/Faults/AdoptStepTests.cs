using CsiLocal.Admin.V1;
using CsiLocal.Backends;
using CsiLocal.Native;
using CsiLocal.State;
using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Tests.Faults;

public sealed class AdoptStepsOnImages : AdoptStepTests<ImagePool>;

public sealed class AdoptStepsOnDirectories : AdoptStepTests<PlainDirectoryPool>;

/// <summary>What a kill leaves between the steps of an adoption that are neither commands nor commits.</summary>
public abstract class AdoptStepTests<TPool> : FaultTest<TPool>
    where TPool : TestPool, new()
{
    [Theory(Timeout = Limit)]
    [InlineData("recorded", false)]
    [InlineData("described", false)]
    [InlineData("moved", true)]
    public async Task Every_step_leads_to_the_one_or_the_other(string step, bool adopted)
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        await Driver.StopAsync();
        Leave(step, made);

        await Driver.StartAsync();

        Assert.Equal(adopted ? 1 : 0, (await Controller.ListVolumesAsync(new())).Entries.Count);
        Assert.Equal(!adopted, Foreign.IsThere(Pool, made));
        Assert.Equal(adopted ? 2 : 0, Pool.Volumes().Count);
        await RequireAdoptedAsync(made, before: adopted);
    }

    [Fact(Timeout = Limit)]
    public async Task One_that_another_has_taken_the_place_of_is_not_taken_for_it()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        await Driver.StopAsync();
        Leave("described", made);
        DurableFile.Move(made.Source, $"{made.Source}.moved");
        HostCommand.Run("cp", "-a", $"{made.Source}.moved", made.Source);

        await Driver.StartAsync();

        Assert.Empty((await Controller.ListVolumesAsync(new())).Entries);
        Assert.True(Path.Exists(made.Source) && Path.Exists($"{made.Source}.moved"));
        Assert.Empty(Pool.Volumes());
    }

    [Fact(Timeout = Limit)]
    public async Task With_the_state_lost_before_the_move_nothing_of_it_is_lost()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        await Driver.StopAsync();
        Leave("described", made);
        foreach (var part in Directory.EnumerateFiles(Driver.StateDirectory, "state.db*"))
            File.Delete(part);

        await Driver.StartAsync();

        // Its metadata are a volume's without data: told of, and forgotten by a deletion, which finds nothing to delete.
        Assert.True(Foreign.IsThere(Pool, made));
        await FailsAsync(StatusCode.FailedPrecondition, Driver.Admin.AdoptVolumeAsync(Request(made)), "without its data", "csilocal volume delete data");
        await FailsAsync(StatusCode.DataLoss, Node.NodeStageVolumeAsync(new() { VolumeId = VolumeId.Mint("data").Value, StagingTargetPath = Driver.PathOf("x"), VolumeCapability = Mount() }));
        await Controller.DeleteVolumeAsync(new() { VolumeId = VolumeId.Mint("data").Value });
        Assert.True(Foreign.IsThere(Pool, made));
        await RequireAdoptedAsync(made, before: false);
    }

    private async Task RequireAdoptedAsync(OthersVolume made, bool before)
    {
        var answer = await Driver.Admin.AdoptVolumeAsync(Request(made));
        Assert.Equal(before, answer.AdoptedBefore);
        var target = await MountAsync(answer.CsiVolume);
        Assert.Equal(made.Digest, Digest(Path.Combine(target, Foreign.File)));
    }

    private AdoptVolumeRequest Request(OthersVolume made) => new() { Source = made.Source, Pool = Pool.Options.Name };

    /// <summary>Does the steps up to the named one, as the driver does them.</summary>
    private void Leave(string step, OthersVolume made)
    {
        var status = FileStatus.Find(made.Source)!.Value;
        var uuid = Pool.IsBlock ? Guid.Parse(HostCommand.Run("blkid", "-p", "-o", "value", "-s", "UUID", made.Source)) : (Guid?)null;
        var adoption = new AdoptionRecord
        {
            Volume = new VolumeRecord
            {
                Id = VolumeId.Mint("data"),
                Name = "data",
                Pool = Pool.Options.Name,
                Backend = Pool.Options.Backend,
                SizeBytes = 32 * MiB,
                Access = AccessType.Mount,
                Filesystem = Pool.IsBlock ? FilesystemType.Ext4 : null,
                FilesystemUuid = uuid,
                Format = Pool.IsBlock ? FormatState.Formatted : FormatState.Never,
                Parameters = new Dictionary<string, string> { [AdoptionRecord.SourceParameter] = made.Source },
                State = VolumeState.Ready,
                CreatedAt = TimeProvider.System.GetUtcNow(),
            },
            Source = made.Source,
            Identity = FolderAdoption.Identify(status),
        };
        using (var store = StateStore.Open(Driver.StateDirectory, TimeProvider.System))
            store.InsertAdoption(adoption);
        if (step == "recorded")
            return;

        var volumes = Path.Combine(Pool.Options.Path, "volumes");
        MetadataFile.Write(volumes, adoption.Volume);
        if (step == "moved")
            DurableFile.Move(made.Source, Path.Combine(volumes, adoption.Volume.Id.Value + (Pool.IsBlock ? ".img" : "")));
    }
}

/// <summary>An adoption whose outcome is not known: what else is asked meanwhile, and what is told of it.</summary>
public sealed class UncertainAdoptionTests : FaultTest<ThickLvmPool>
{
    [Theory(Timeout = Limit)]
    [InlineData("lvchange", false)]
    [InlineData("lvchange", true)]
    [InlineData("lvrename", false)]
    [InlineData("lvrename", true)]
    public async Task It_is_told_of_nothing_else_gets_its_name_and_a_repetition_finishes_it(string command, bool done)
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        Faults.OnceLvm(command, async (given, run) =>
        {
            if (done)
                await run();
            throw new ToolException(given, ToolFailure.TimedOut, $"{command} did not end in time and was killed");
        });
        var request = new AdoptVolumeRequest { Source = made.Source, Pool = Pool.Options.Name };
        await FailsAsync(StatusCode.Aborted, Driver.Admin.AdoptVolumeAsync(request), command);
        AnswerQuestions();

        var id = VolumeId.Mint("data").Value;
        await FailsAsync(StatusCode.Aborted, Controller.CreateVolumeAsync(Create("data", Mount())), made.Source, "adopt");
        await FailsAsync(StatusCode.Aborted, Controller.DeleteVolumeAsync(new() { VolumeId = id }), made.Source);
        await FailsAsync(StatusCode.NotFound, Node.NodeStageVolumeAsync(new() { VolumeId = id, StagingTargetPath = Driver.PathOf("x"), VolumeCapability = Mount() }));
        var other = request.Clone();
        other.Name = "other";
        await FailsAsync(StatusCode.FailedPrecondition, Driver.Admin.AdoptVolumeAsync(other), "being adopted as 'data'");
        var finding = Assert.Single((await Driver.Admin.ExamineAsync(new())).Findings, static finding => finding.Code == "unfinished");
        Assert.Equal(id, finding.Subject);

        var answer = await Driver.Admin.AdoptVolumeAsync(request);

        Assert.DoesNotContain((await Driver.Admin.ExamineAsync(new())).Findings, static finding => finding.Code is "unfinished" or "orphan");
        var target = await MountAsync(answer.CsiVolume);
        Assert.Equal(made.Digest, Digest(Path.Combine(target, Foreign.File)));
    }

    [Fact(Timeout = Limit)]
    public async Task Recovery_on_demand_makes_it_what_it_was()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        Faults.OnceLvm("lvrename", static (given, _) => throw new ToolException(given, ToolFailure.TimedOut, "lvrename did not end in time and was killed"));
        await FailsAsync(StatusCode.Aborted, Driver.Admin.AdoptVolumeAsync(new() { Source = made.Source, Pool = Pool.Options.Name }));
        AnswerQuestions();
        Assert.False(Foreign.IsThere(Pool, made));

        await Driver.Admin.RecoverAsync(new());

        Assert.True(Foreign.IsThere(Pool, made));
        Assert.DoesNotContain((await Driver.Admin.ExamineAsync(new())).Findings, static finding => finding.Code == "unfinished");
    }

    /// <summary>What doctor asks of lvm itself is not for the emulator to answer.</summary>
    private void AnswerQuestions() => Faults.Around = static (command, run) =>
        command.Program == "lvm" && (command.Arguments[0] is "version" or "lvmconfig" || command.Arguments.Contains("--noheadings"))
            ? Task.FromResult(new ToolOutput(0, command.Arguments[0] == "version" ? "  LVM version:     2.03.16(2) (2022-05-18)\n" : "", ""))
            : run();
}
