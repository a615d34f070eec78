using System.Text.Json;
using CsiLocal.Admin.V1;
using CsiLocal.Cli;
using Grpc.Core;
using Xunit;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Tests.Cli;

public sealed class DoctorCommandTests : CliTest
{
    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Findings_are_told_with_evidence_and_remedy_the_worst_last()
    {
        Populate("ok", "error", "warning");

        var text = await RunAsync("doctor");
        var json = await RunAsync("doctor", "--output", "json");

        AssertSnapshot("doctor.txt", $"$ csilocal doctor\n{text.Output}\n// doctor\n{json.Output}".Replace(Server.Endpoint, "ENDPOINT", StringComparison.Ordinal));
        Assert.Equal(0, Daemon.Count("Recover"));
    }

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData(0, "ok")]
    [InlineData(1, "ok", "warning")]
    [InlineData(2, "warning", "error")]
    public async Task The_exit_code_is_that_of_the_worst_finding(int exitCode, params string[] severities)
    {
        Populate(severities);

        Assert.Equal(exitCode, (await RunAsync("doctor")).ExitCode);
        Assert.Equal(exitCode, (await RunAsync("doctor", "--output", "json")).ExitCode);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Repair_tells_each_thing_that_was_done_and_what_is_left()
    {
        Daemon.Decisions.Add(new Decision { Target = "v1", What = "is not at /mnt", Why = "nothing is mounted there" });
        Populate("warning");

        var text = await RunAsync("doctor", "--repair");
        var json = await RunAsync("doctor", "--repair", "--output", "json");

        Assert.Equal(1, text.ExitCode);
        Assert.StartsWith("repaired  v1  is not at /mnt: nothing is mounted there\n", text.Output, StringComparison.Ordinal);
        Assert.Equal(["Recover", "Examine"], Daemon.Calls.Take(2).Select(static call => call.Rpc));
        using var document = JsonDocument.Parse(json.Output);
        Assert.Equal("v1", document.RootElement.GetProperty("repairs")[0].GetProperty("target").GetString());

        Daemon.Decisions.Clear();
        Assert.StartsWith("Nothing was to be repaired\n", (await RunAsync("doctor", "--repair")).Output, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Without_a_daemon_the_machine_is_looked_at_from_here_and_it_says_so()
    {
        var result = await RunAsync(Nowhere(), "doctor", "--config", Config("pools: []\n"), "--state-dir", Folder.Combine("state"), "--output", "json");

        using var document = JsonDocument.Parse(result.Output);
        var findings = document.RootElement.GetProperty("findings").EnumerateArray().ToDictionary(
            static finding => $"{finding.GetProperty("code")} {finding.GetProperty("subject")}", static finding => finding.Clone());
        Assert.Equal("warning", findings["daemon unix:///nowhere/csi.sock"].GetProperty("severity").GetString());
        Assert.Contains("not looked at: the pools", findings["daemon unix:///nowhere/csi.sock"].GetProperty("evidence").GetString(), StringComparison.Ordinal);
        Assert.Equal("ok", findings["kernel Linux"].GetProperty("severity").GetString());
        Assert.Contains($"state-folder {Folder.Combine("state")}", findings.Keys);
        Assert.False(Directory.Exists(Folder.Combine("state")), "doctor makes nothing");
        Assert.True(result.ExitCode >= 1);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Without_a_daemon_nothing_is_repaired_which_is_an_error()
    {
        var result = await RunAsync(
            Nowhere(), "doctor", "--repair", "--config", Config("pools: []\n"), "--state-dir", Folder.Combine("state"));

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("nothing was repaired", result.Output, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_configuration_that_no_daemon_starts_with_is_an_error_for_each_problem()
    {
        var result = await RunAsync(Nowhere(), "doctor", "--config", Config("colour: red\nsize: 3\n"));

        Assert.Equal(2, result.ExitCode);
        Assert.Equal(2, result.Output.Split('\n').Count(static line => line.StartsWith("error     configuration", StringComparison.Ordinal)));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_daemon_that_is_not_ready_is_as_good_as_none_and_one_that_fails_is_a_failure()
    {
        Daemon.Fail("Examine", StatusCode.Unavailable, "the driver is not ready: starting; try again later");
        var starting = await RunAsync("doctor", "--config", Config("pools: []\n"), "--state-dir", Folder.Combine("state"));
        Daemon.Fail("Examine", StatusCode.Internal, "no luck");
        var failing = await RunAsync("doctor");

        Assert.Contains("not ready: starting", starting.Output, StringComparison.Ordinal);
        Assert.Equal((ExitCode.Failed, "csilocal: no luck\n"), (failing.ExitCode, failing.Error));
    }

    private static Terminal Nowhere() => new()
    {
        Variables = new Dictionary<string, string?> { ["CSILOCAL_ENDPOINT"] = "unix:///nowhere/csi.sock", ["NO_COLOR"] = "1" },
    };

    private string Config(string text)
    {
        File.WriteAllText(Folder.Combine("config.yaml"), text);
        return Folder.Combine("config.yaml");
    }

    private void Populate(params string[] severities)
    {
        foreach (var severity in severities)
        {
            Daemon.Findings.Add(new Finding
            {
                Code = "orphan",
                Severity = severity,
                Subject = $"v-{severity}",
                Evidence = "pool fast: no row knows it",
                Remedy = severity == "ok" ? "" : "look at it",
            });
        }
    }
}
