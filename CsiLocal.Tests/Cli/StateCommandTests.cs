using System.Text.Json;
using CsiLocal.Cli;
using Xunit;

namespace CsiLocal.Tests.Cli;

/// <summary><c>csilocal state</c> and <c>pool take-over</c>, with and without the real daemon.</summary>
public sealed class StateCommandTests : CliTest
{
    private string _node = "node-a";

    private string State { get; set; } = "state";

    private Terminal Here => new()
    {
        Variables = new Dictionary<string, string?> { ["CSILOCAL_ENDPOINT"] = $"unix://{Folder.Combine("csi.sock")}", ["NO_COLOR"] = "1" },
    };

    private string[] Flags => ["--config", Folder.Combine("config.yaml"), "--state-dir", Folder.Combine(State), "--node-id", _node];

    [Fact(Timeout = 120_000)]
    public async Task A_state_from_a_backup_is_checked_offline_and_mended_by_the_next_start()
    {
        await ServeAsync(async () =>
        {
            await SucceedAsync("volume", "create", "data", "--size", "64Mi");
            await SucceedAsync(["state", "backup", Folder.Combine("backup.db"), .. Flags]);
            await SucceedAsync("volume", "create", "later", "--size", "64Mi");
            Assert.Contains("every row agrees", (await SucceedAsync(["state", "check", .. Flags])).Output, StringComparison.Ordinal);
            Assert.Equal("daemon", (await CheckAsync(0)).GetProperty("comparedBy").GetString());
            Assert.Equal(ExitCode.Precondition, (await RunAsync(Here, ["state", "rebuild", .. Flags])).ExitCode);
        });
        Assert.Equal(ExitCode.AlreadyExists, (await RunAsync(Here, ["state", "backup", Folder.Combine("backup.db"), .. Flags])).ExitCode);
        File.Copy(Folder.Combine("backup.db"), Folder.Combine("state", "state.db"), overwrite: true);
        var before = await File.ReadAllBytesAsync(Folder.Combine("state", "state.db"), TestToken);

        var finding = Assert.Single((await CheckAsync(ExitCode.Failed)).GetProperty("findings").EnumerateArray());
        Assert.Equal(
            (IdOf("later"), "is known again", true),
            (finding.GetProperty("target").GetString(), finding.GetProperty("what").GetString(), finding.GetProperty("mendsItself").GetBoolean()));
        Assert.Equal(before, await File.ReadAllBytesAsync(Folder.Combine("state", "state.db"), TestToken));

        await ServeAsync(async () => Assert.Equal(3, (await SucceedAsync("volume", "list")).Output.TrimEnd().Split('\n').Length));
        await CheckAsync(0);
    }

    [Fact(Timeout = 120_000)]
    public async Task A_damaged_state_is_told_and_rebuilt_on_demand()
    {
        await ServeAsync(() => SucceedAsync("volume", "create", "data", "--size", "64Mi"));
        var file = Folder.Combine("state", "state.db");
        await File.WriteAllBytesAsync(file, new byte[8192], TestToken);

        Assert.False((await CheckAsync(ExitCode.Failed)).GetProperty("sound").GetBoolean());
        var rebuilt = JsonDocument.Parse((await SucceedAsync(["state", "rebuild", "--output", "json", .. Flags])).Output).RootElement;

        Assert.True(File.Exists(rebuilt.GetProperty("setAside").GetString()));
        var pool = Assert.Single(rebuilt.GetProperty("pools").EnumerateArray());
        Assert.Equal(("scratch", "ready", 1), (pool.GetProperty("name").GetString(), pool.GetProperty("state").GetString(), pool.GetProperty("volumes").GetInt32()));
        await CheckAsync(0);
    }

    [Fact(Timeout = 120_000)]
    public async Task Volumes_of_another_node_are_listed_and_taken_over()
    {
        await ServeAsync(() => SucceedAsync("volume", "create", "data", "--size", "64Mi"));
        (_node, State) = ("node-b", "state-b");
        await ServeAsync(async () =>
        {
            var show = (await SucceedAsync("pool", "show", "scratch")).Output;
            Assert.Contains("foreign", show, StringComparison.Ordinal);
            Assert.Contains("csilocal pool take-over scratch --from node-a", show, StringComparison.Ordinal);
            Assert.StartsWith("data ", (await SucceedAsync("volume", "list", "--foreign")).Output.Split('\n')[1], StringComparison.Ordinal);
            Assert.Equal("[]\n", (await SucceedAsync("volume", "list", "-o", "json")).Output);
            Assert.Equal(ExitCode.Unavailable, (await RunAsync(Here, ["state", "check", .. Flags])).ExitCode);

            Assert.Equal(ExitCode.Precondition, (await RunAsync(Here, "pool", "take-over", "scratch", "--from", "node-c")).ExitCode);
            Assert.Equal("scratch: this node's, with 1 volumes and 0 snapshots\n", (await SucceedAsync("pool", "take-over", "scratch", "--from", "node-a")).Output);
            Assert.Equal("No volumes of another node\n", (await SucceedAsync("volume", "list", "--foreign")).Output);
            Assert.StartsWith("data ", (await SucceedAsync("volume", "list")).Output.Split('\n')[1], StringComparison.Ordinal);
        });
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Without_a_state_there_is_nothing_to_check_or_copy()
    {
        WriteConfig();
        Assert.Equal(ExitCode.NotFound, (await RunAsync(Here, ["state", "check", .. Flags])).ExitCode);
        Assert.Equal(ExitCode.NotFound, (await RunAsync(Here, ["state", "backup", Folder.Combine("b"), .. Flags])).ExitCode);
        Assert.False(Path.Exists(Folder.Combine("state")));
    }

    private async Task<JsonElement> CheckAsync(int exitCode)
    {
        var result = await RunAsync(Here, ["state", "check", "--output", "json", .. Flags]);
        Assert.True(exitCode == result.ExitCode, result.Error + result.Output);
        return JsonDocument.Parse(result.Output).RootElement;
    }

    private async Task ServeAsync(Func<Task> work)
    {
        WriteConfig();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestToken);
        var serving = RunUntilAsync(Here, ["serve", "--log-level", "error", "--endpoint", $"unix://{Folder.Combine("csi.sock")}", .. Flags], stop.Token);
        try
        {
            while ((await RunAsync(Here, "volume", "list")).ExitCode != 0)
            {
                Assert.False(serving.IsCompleted, serving.IsCompleted ? (await serving).Error : "");
                await Task.Delay(50, TestToken);
            }

            await work();
        }
        finally
        {
            await stop.CancelAsync();
        }

        Assert.Equal(new CliResult(0, "", ""), await serving);
    }

    private void WriteConfig() => File.WriteAllText(
        Folder.Combine("config.yaml"), $"pools:\n  - name: scratch\n    backend: image\n    path: {Folder.Combine("pool")}\n");

    private async Task<CliResult> SucceedAsync(params string[] arguments)
    {
        var result = await RunAsync(Here, arguments);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', arguments)}: {result.Error}{result.Output}");
        return result;
    }
}
