using System.Text.Json;
using CsiLocal.Configuration;
using CsiLocal.Tests.Cli;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes.Diagnosis;
using Grpc.Core;
using Xunit;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Tests.Rpc;

/// <summary>doctor, from the program's arguments to a real daemon's pools: what is wrong is told, what is safe is repaired, no data is touched.</summary>
public sealed class DoctorRpcTests : DriverTest<ImagePool>
{
    // What the machine has is for other tests to judge.
    private static readonly string[] s_mine =
    [
        FindingCodes.Daemon, FindingCodes.Configuration, FindingCodes.StateFolder, FindingCodes.StateFile, FindingCodes.SetAside, FindingCodes.Journal,
        FindingCodes.Pool, FindingCodes.PoolHealth, FindingCodes.VolumeHealth, FindingCodes.Missing, FindingCodes.Orphan, FindingCodes.NotUnderstood,
        FindingCodes.NotMounted, FindingCodes.LeftAttached, FindingCodes.Unfinished, FindingCodes.FailedTask,
    ];

    private Func<DriverOptions, DriverOptions> reconfigure = static options => options;

    private protected override void Prepare(TestDriver driver) => driver.Reconfigure = options => reconfigure(options);

    [Fact(Timeout = Limit)]
    public async Task A_driver_at_work_is_well()
    {
        var volume = await CreateAsync("data");
        await MountAsync(volume);
        await Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = volume.VolumeId });

        Assert.Empty(await WrongAsync());
        await UnmountAsync(volume, Driver.PathOf($"{volume.VolumeId}-target"));
    }

    [Fact(Timeout = Limit)]
    public async Task What_no_row_knows_is_told_and_known_again_by_repair_and_a_stranger_is_left_alone()
    {
        var (volume, snapshot) = await OrphanAsync();
        await File.WriteAllTextAsync(Path.Combine(Pool.Options.Path, "volumes", "stranger"), "kept");
        var before = Pool.Everything();

        Assert.Equal(
            ["warning not-understood stranger", $"warning orphan {snapshot}", $"warning orphan {volume}"], (await WrongAsync()).Order(StringComparer.Ordinal));
        Assert.Empty((await Controller.ListVolumesAsync(new())).Entries);

        Assert.Equal(["warning not-understood stranger"], await WrongAsync("--repair"));
        Assert.Equal(volume, Assert.Single((await Controller.ListVolumesAsync(new())).Entries).Volume.VolumeId);
        Assert.Equal(snapshot, Assert.Single((await Controller.ListSnapshotsAsync(new())).Entries).Snapshot.SnapshotId);
        Assert.Equal(before, Pool.Everything());
    }

    [Fact(Timeout = Limit)]
    public async Task What_a_row_knows_and_is_not_there_is_an_error_and_the_row_is_kept()
    {
        var volume = await CreateAsync("data");
        var snapshot = (await Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = volume.VolumeId })).Snapshot;
        foreach (var id in (string[])[volume.VolumeId, snapshot.SnapshotId])
        {
            File.Delete(Pool.ContentOf(id));
            File.Delete(Path.ChangeExtension(Pool.ContentOf(id), ".json"));
        }

        Assert.Equal([$"error missing {snapshot.SnapshotId}", $"error missing {volume.VolumeId}"], (await WrongAsync("--repair")).Order(StringComparer.Ordinal));
        Assert.Single((await Controller.ListVolumesAsync(new())).Entries);
    }

    [Fact(Timeout = Limit)]
    public async Task A_mount_that_somebody_took_away_is_told_and_repaired_with_a_reason()
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume);
        HostCommand.Run("umount", target);

        Assert.Equal([$"warning not-mounted {volume.VolumeId}"], await WrongAsync());
        using var repaired = await DoctorAsync("--repair");

        Assert.Contains(
            repaired.RootElement.GetProperty("repairs").EnumerateArray(),
            repair => repair.GetProperty("target").GetString() == volume.VolumeId && repair.GetProperty("what").GetString() == $"is not at {target}");
        Assert.Empty(await WrongAsync());
        Assert.Contains("is not at", (await RunAsync("explain", "data")).Output, StringComparison.Ordinal);
        await UnmountAsync(volume);
    }

    [Fact(Timeout = Limit)]
    public async Task A_device_that_nothing_is_recorded_of_is_told_and_let_go()
    {
        var volume = await CreateAsync("data");
        var device = HostCommand.Run("losetup", "--find", "--show", Pool.ContentOf(volume.VolumeId)).Trim();

        Assert.Equal([$"warning left-attached {volume.VolumeId}"], await WrongAsync());
        using var repaired = await DoctorAsync("--repair");
        Assert.Equal("is let go", Assert.Single(repaired.RootElement.GetProperty("repairs").EnumerateArray()).GetProperty("what").GetString());
        Assert.Empty(await WrongAsync());
        Assert.DoesNotContain(device, Driver.LoopDevices());
    }

    [Fact(Timeout = Limit)]
    public async Task A_deletion_that_failed_half_way_is_told_and_finished()
    {
        var volume = await CreateAsync("data");
        var metadata = Path.ChangeExtension(Pool.ContentOf(volume.VolumeId), ".json");

        // What is a mount point can be neither renamed over nor removed.
        HostCommand.Run("mount", "--bind", metadata, metadata);
        try
        {
            await Assert.ThrowsAsync<RpcException>(async () => await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId }));
            Assert.Equal([$"warning unfinished {volume.VolumeId}"], await WrongAsync());
        }
        finally
        {
            HostCommand.Run("umount", metadata);
        }

        await DoctorAsync("--repair");
        while ((await RunAsync("volume", "show", "data")).ExitCode == 0)
            await Task.Yield();
        Assert.Empty(Pool.Volumes());
    }

    [Fact(Timeout = Limit)]
    public async Task A_pool_that_is_away_is_an_error_and_repair_takes_it_back_at_once()
    {
        var volume = await CreateAsync("data");
        Directory.Move(Pool.Options.Path, Pool.Options.Path + ".away");
        await Assert.ThrowsAsync<RpcException>(async () => await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId }));

        Assert.Equal([$"error pool {Pool.Options.Name}"], await WrongAsync());
        Directory.Move(Pool.Options.Path + ".away", Pool.Options.Path);
        Assert.Empty(await WrongAsync("--repair"));
    }

    [Fact(Timeout = Limit)]
    public async Task A_configuration_that_would_be_refused_is_told_before_somebody_needs_it()
    {
        reconfigure = static _ => throw new ConfigurationException([ConfigurationProblem.Of("config.yaml", "pools: is not a list")]);

        Assert.StartsWith("warning configuration", Assert.Single(await WrongAsync()), StringComparison.Ordinal);
    }

    /// <summary>A volume and a snapshot whose rows are gone.</summary>
    /// <summary>Somebody brings back, beside the daemon, what was deleted.</summary>
    private async Task<(string Volume, string Snapshot)> OrphanAsync()
    {
        var volume = await CreateAsync("data");
        var snapshot = (await Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = volume.VolumeId })).Snapshot;
        string[] files = [.. from id in (string[])[volume.VolumeId, snapshot.SnapshotId] from file in (string[])[Pool.ContentOf(id), Path.ChangeExtension(Pool.ContentOf(id), ".json")] select file];
        foreach (var file in files)
            File.Copy(file, Driver.PathOf(Path.GetFileName(file)));

        await Controller.DeleteSnapshotAsync(new() { SnapshotId = snapshot.SnapshotId });
        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });
        foreach (var file in files)
            File.Move(Driver.PathOf(Path.GetFileName(file)), file);

        return (volume.VolumeId, snapshot.SnapshotId);
    }

    /// <summary>"severity code subject" of all that is not well.</summary>
    private async Task<string[]> WrongAsync(params string[] arguments)
    {
        using var document = await DoctorAsync(arguments);
        return
        [
            .. document.RootElement.GetProperty("findings").EnumerateArray()
                .Where(static finding => finding.GetProperty("severity").GetString() != "ok" && s_mine.Contains(finding.GetProperty("code").GetString()))
                .Select(static finding => $"{finding.GetProperty("severity")} {finding.GetProperty("code")} {finding.GetProperty("subject")}"),
        ];
    }

    private async Task<JsonDocument> DoctorAsync(params string[] arguments)
    {
        var result = await RunAsync(["doctor", .. arguments, "--output", "json"]);
        Assert.True(result.Error.Length == 0, result.Error);
        return JsonDocument.Parse(result.Output);
    }

    private Task<CliResult> RunAsync(params string[] arguments) =>
        CliProgram.RunAsync(Driver.Endpoint, new Terminal(), arguments, TestContext.Current.CancellationToken);
}
