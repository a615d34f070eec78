using System.Text.Json;
using Csi.V1;
using CsiLocal.Cli;
using Grpc.Core;
using Xunit;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Tests.Cli.Bench;

public sealed class BenchCommandTests : CliTest
{
    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Every_volume_goes_through_its_whole_life()
    {
        var report = await BenchAsync("--volumes", "7", "--parallel", "3");

        Assert.Equal(0, report.ExitCode);
        Assert.Equal(
            ["CreateVolume", "NodeStageVolume", "NodePublishVolume", "NodeGetVolumeStats", "NodeUnpublishVolume", "NodeUnstageVolume",
                "DeleteVolume"],
            report.Rpcs.Keys);
        Assert.All(report.Rpcs.Values, rpc => Assert.Equal((7, 0), (rpc.Calls, rpc.Failures)));
        Assert.Empty(Daemon.Volumes);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task What_the_driver_does_not_offer_is_not_called()
    {
        Daemon.OffersStage = false;
        Daemon.OffersControllerPublish = true;

        var report = await BenchAsync("--volumes", "2");

        Assert.Equal(
            ["CreateVolume", "ControllerPublishVolume", "NodePublishVolume", "NodeGetVolumeStats", "NodeUnpublishVolume",
                "ControllerUnpublishVolume", "DeleteVolume"],
            report.Rpcs.Keys);
        var publish = Daemon.LastRequest<NodePublishVolumeRequest>();
        Assert.Equal("", publish.StagingTargetPath);
        Assert.Equal("publish", publish.PublishContext["from"]);
        Assert.Equal("create", publish.VolumeContext["from"]);
    }

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData("create", "CreateVolume")]
    [InlineData("stage", "CreateVolume NodeStageVolume")]
    [InlineData("publish", "CreateVolume NodeStageVolume NodePublishVolume")]
    public async Task Until_ends_the_measuring_and_the_rest_is_cleaned_up(string step, string measured)
    {
        var report = await BenchAsync("--volumes", "2", "--until", step);

        Assert.Equal(measured.Split(' '), report.Rpcs.Keys);
        Assert.Equal(JsonValueKind.Null, report.Root.GetProperty("teardownSeconds").ValueKind);
        Assert.Empty(Daemon.Volumes);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Failures_are_counted_and_shown_and_everything_is_cleaned_up()
    {
        Daemon.Fail("NodeStageVolume", StatusCode.Internal, "stage volume: mkfs failed", times: 2);

        var report = await BenchAsync("--volumes", "5");

        Assert.Equal(ExitCode.Failed, report.ExitCode);
        Assert.Equal((5, 2), (report.Rpcs["NodeStageVolume"].Calls, report.Rpcs["NodeStageVolume"].Failures));
        Assert.Equal(3, report.Rpcs["NodePublishVolume"].Calls);
        var error = Assert.Single(report.Root.GetProperty("errors").EnumerateArray());
        Assert.Equal(("Internal", 2, "stage volume: mkfs failed"),
            (error.GetProperty("code").GetString(), error.GetProperty("count").GetInt32(), error.GetProperty("message").GetString()));
        Assert.Empty(Daemon.Volumes);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task What_cannot_be_cleaned_up_is_named_and_later_steps_are_not_tried_on_it()
    {
        Daemon.Fail("NodeUnpublishVolume", StatusCode.Internal, "unpublish: busy", times: 1);

        var report = await BenchAsync("--volumes", "1");

        Assert.Equal(ExitCode.Failed, report.ExitCode);
        var left = Assert.Single(Daemon.Volumes);
        Assert.Equal([$"{left.Key}: unpublish: busy"],
            report.Root.GetProperty("leftovers").EnumerateArray().Select(item => item.GetString()));
        Assert.Equal(0, Daemon.Count("NodeUnstageVolume"));
        Assert.Equal(0, Daemon.Count("DeleteVolume"));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Cleaning_up_waits_for_a_busy_volume()
    {
        Daemon.Fail("DeleteVolume", StatusCode.Aborted, "busy", times: 1);

        await BenchAsync("--volumes", "1");

        Assert.Empty(Daemon.Volumes);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_creation_that_outlasts_its_call_is_waited_for_and_counts_once()
    {
        Daemon.Fail("CreateVolume", StatusCode.Aborted, "being erased", times: 2);

        var report = await BenchAsync("--volumes", "1");

        Assert.Equal(0, report.ExitCode);
        Assert.Equal(3, Daemon.Count("CreateVolume"));
        Assert.Equal((1, 0), (report.Rpcs["CreateVolume"].Calls, report.Rpcs["CreateVolume"].Failures));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Stopping_it_cleans_up_what_was_made()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestToken);
        Daemon.Before = rpc => rpc == "NodePublishVolume" ? stop.CancelAsync() : Task.CompletedTask;

        var result = await RunUntilAsync(new Terminal(), Arguments("--volumes", "5"), stop.Token);

        Assert.Equal(ExitCode.Interrupted, result.ExitCode);
        Assert.Equal(1, Daemon.Count("CreateVolume"));
        Assert.Empty(Daemon.Volumes);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Keep_leaves_the_volumes_published()
    {
        var report = await BenchAsync("--volumes", "2", "--keep");

        Assert.Equal(0, report.ExitCode);
        Assert.Equal(2, Daemon.Volumes.Count);
        Assert.Equal(0, Daemon.Count("NodeUnpublishVolume"));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Its_own_temporary_folders_are_gone_afterwards()
    {
        var result = await RunAsync("bench", "--volumes", "1");

        Assert.Equal(0, result.ExitCode);
        var root = Path.GetDirectoryName(Path.GetDirectoryName(Daemon.LastRequest<NodeStageVolumeRequest>().StagingTargetPath))!;
        Assert.StartsWith("csilocal-bench-", Path.GetFileName(root), StringComparison.Ordinal);
        Assert.False(Directory.Exists(root));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task People_get_a_table_that_fits_80_columns()
    {
        var result = await RunAsync(new Terminal { Width = 80 }, Arguments("--volumes", "3"));

        Assert.Contains("CALLS/s", result.Output, StringComparison.Ordinal);
        Assert.Contains("create to publish: ", result.Output, StringComparison.Ordinal);
        Assert.All(result.Output.Split('\n').Where(line => !line.Contains(Server.Endpoint, StringComparison.Ordinal)),
            line => Assert.True(line.Length <= 80, line));
    }

    private string[] Arguments(params string[] more) =>
        ["bench", "--staging-dir", Folder.Combine("staging"), "--target-dir", Folder.Combine("target"), .. more];

    private async Task<Report> BenchAsync(params string[] more)
    {
        var result = await RunAsync(Arguments([.. more, "--output", "json"]));
        var root = JsonDocument.Parse(result.Output).RootElement;
        var rpcs = root.GetProperty("rpcs").EnumerateArray().ToDictionary(
            rpc => rpc.GetProperty("rpc").GetString()!, rpc =>
                (rpc.GetProperty("calls").GetInt32(), rpc.GetProperty("failures").GetInt32()));
        return new Report(result.ExitCode, root, rpcs);
    }

    private sealed record Report(int ExitCode, JsonElement Root, Dictionary<string, (int Calls, int Failures)> Rpcs);
}
