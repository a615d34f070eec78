using System.Text.Json;
using CsiLocal.Cli;
using CsiLocal.Tests.Cli;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Tests.Rpc;

/// <summary>explain, from the program's arguments to the daemon's journal and back.</summary>
public sealed class ExplainRpcTests : DriverTest<ImagePool>
{
    private readonly CommandFaults faults = new();

    private protected override void Prepare(TestDriver driver) => driver.Seams = new() { Commands = faults.Wrap };

    [Fact(Timeout = Limit)]
    public async Task A_volume_that_is_gone_is_explained_by_its_name_and_by_its_id()
    {
        var volume = await CreateAsync("pvc-1");
        faults.Once("mkfs.ext4", (_, _) => Task.FromResult(new ToolOutput(7, "", "no luck")));
        await FailsAsync(StatusCode.Internal, Node.NodeStageVolumeAsync(Stage(volume, StagingOf(volume), Mount())), "no luck");
        await UnmountAsync(volume, await MountAsync(volume));
        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });

        var byName = await ExplainAsync("pvc-1");
        var byId = await ExplainAsync(volume.VolumeId);

        Assert.Equal(byName.GetRawText(), byId.GetRawText());
        Assert.Equal(("gone", "pvc-1", volume.VolumeId), (Text(byName, "state"), Text(byName, "name"), Text(byName, "id")));
        var calls = byName.GetProperty("episodes").EnumerateArray().ToArray();
        Assert.Equal(
            [
                "CreateVolume OK", "NodeStageVolume Internal", "NodeStageVolume OK", "NodePublishVolume OK", "NodeUnpublishVolume OK",
                "NodeUnstageVolume OK", "DeleteVolume OK",
            ],
            calls.Select(static call => $"{Text(call, "rpc")} {Text(call, "status")}"));
        Assert.All(calls, static call => Assert.Equal("pvc-1", Text(call, "name")));
        Assert.All(calls, static call => Assert.Matches($"^unix:pid={Environment.ProcessId},uid=[0-9]+,gid=[0-9]+,program=", Text(call, "peer")));
        var mkfs = Assert.Single(calls[1].GetProperty("commands").EnumerateArray(), static command => Text(command, "program") == "mkfs.ext4");
        Assert.Equal((7, "exit code 7: no luck"), (mkfs.GetProperty("exitCode").GetInt32(), Text(mkfs, "summary")));
        Assert.Equal(
            ["is being deleted", "is deleted"], calls[^1].GetProperty("changes").EnumerateArray().Select(static change => Text(change, "what")));
    }

    [Fact(Timeout = Limit)]
    public async Task A_source_tells_what_was_made_of_it_and_a_word_that_means_two_things_says_so()
    {
        var volume = await CreateAsync("data");
        var snapshot = (await Controller.CreateSnapshotAsync(new() { Name = "data", SourceVolumeId = volume.VolumeId })).Snapshot;

        var explained = await ExplainAsync("data");
        var text = (await RunAsync("explain", "data")).Output;

        Assert.Equal([snapshot.SnapshotId], explained.GetProperty("alsoMeant").EnumerateArray().Select(static id => id.GetString()));
        Assert.Contains($"CreateSnapshot from it: data ({snapshot.SnapshotId})", text, StringComparison.Ordinal);
        Assert.Contains($"csilocal explain {snapshot.SnapshotId}", text, StringComparison.Ordinal);
        Assert.Equal("ready", Text(await ExplainAsync(snapshot.SnapshotId), "state"));
    }

    [Fact(Timeout = Limit)]
    public async Task The_last_so_many_and_those_since_then_are_told_and_the_rest_is_counted()
    {
        for (var i = 0; i < 3; i++)
            await CreateAsync("data");

        var last = await ExplainAsync("data", "--limit", "1");
        var none = await RunAsync("explain", "data", "--since", "2999-01-01");

        Assert.Single(last.GetProperty("episodes").EnumerateArray());
        Assert.Equal(2, last.GetProperty("leftOut").GetInt32());
        Assert.Equal((0, true), (none.ExitCode, none.Output.EndsWith("Nothing is recorded\n", StringComparison.Ordinal)));
    }

    [Fact(Timeout = Limit)]
    public async Task What_recovery_did_for_a_volume_is_told_with_its_commands()
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume);
        await Driver.StopAsync();
        HostCommand.Run("umount", target);
        await Driver.StartAsync();

        var explained = await ExplainAsync("data");

        var own = explained.GetProperty("episodes").EnumerateArray().Where(static episode => Text(episode, "kind") != "call").ToArray();
        Assert.Contains(own, episode => Text(episode, "what") == $"is not at {target}");
        await UnmountAsync(volume);
    }

    [Fact(Timeout = Limit)]
    public async Task A_call_under_way_and_a_pool_can_be_asked_for()
    {
        var volume = await CreateAsync("data");
        var (reached, released) = (new TaskCompletionSource(), new TaskCompletionSource());
        faults.Once("mkfs.ext4", async (_, run) =>
        {
            reached.SetResult();
            await released.Task;
            return await run();
        });
        var stage = Node.NodeStageVolumeAsync(Stage(volume, StagingOf(volume), Mount())).ResponseAsync;
        await reached.Task;

        var text = (await RunAsync("explain", "data")).Output;
        released.SetResult();
        await stage;

        Assert.Contains("NodeStageVolume  UNDER WAY", text, StringComparison.Ordinal);
        Assert.Equal("pool", Text(await ExplainAsync(Pool.Options.Name), "kind"));
        await UnmountAsync(volume);
    }

    [Fact(Timeout = Limit)]
    public async Task What_nobody_ever_spoke_of_is_not_found()
    {
        var result = await RunAsync("explain", "nobody");

        Assert.Equal(ExitCode.NotFound, result.ExitCode);
        Assert.Contains("'nobody'", result.Error, StringComparison.Ordinal);
        Assert.Contains("journal", result.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.NotFound, (await RunAsync("explain", VolumeId.Mint("nobody").Value)).ExitCode);
    }

    private async Task<JsonElement> ExplainAsync(params string[] arguments)
    {
        var result = await RunAsync(["explain", .. arguments, "--output", "json"]);
        Assert.True(result.ExitCode == 0, result.Error);
        using var document = JsonDocument.Parse(result.Output);
        return document.RootElement.Clone();
    }

    private Task<CliResult> RunAsync(params string[] arguments) =>
        CliProgram.RunAsync(Driver.Endpoint, new Terminal(), arguments, TestContext.Current.CancellationToken);

    private static string Text(JsonElement element, string property) => element.TryGetProperty(property, out var value) ? value.GetString() ?? "" : "";
}
