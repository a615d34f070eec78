using CsiLocal.Cli;
using Xunit;

namespace CsiLocal.Tests.Cli;

/// <summary>The program against itself: its own daemon, real files, real mounts.</summary>
public sealed class ServeCommandTests : CliTest
{
    private Terminal Here => new()
    {
        Variables = new Dictionary<string, string?> { ["CSILOCAL_ENDPOINT"] = $"unix://{Folder.Combine("csi.sock")}", ["NO_COLOR"] = "1" },
    };

    [Fact(Timeout = 120_000)]
    public async Task The_whole_life_of_a_volume_by_command_line()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestToken);
        var serving = RunUntilAsync(Here, ServeArguments(WriteConfig("image")), stop.Token);
        try
        {
            await WaitUntilReadyAsync(serving);
            await SucceedAsync("volume", "create", "data", "--size", "64Mi");
            await SucceedAsync("volume", "expand", "data", "128Mi");
            await SucceedAsync(Mount("data", Folder.Combine("mnt")));
            await File.WriteAllTextAsync(Folder.Combine("mnt", "file"), "kept", TestToken);
            await SucceedAsync("snapshot", "create", "data", "monday");
            Assert.StartsWith("monday ", (await SucceedAsync("snapshot", "list")).Output.Split('\n')[1], StringComparison.Ordinal);
            await SucceedAsync("snapshot", "restore", "monday", "again");
            await SucceedAsync(Mount("again", Folder.Combine("mnt2"), "--read-only"));
            Assert.Equal("kept", await File.ReadAllTextAsync(Folder.Combine("mnt2", "file"), TestToken));

            Assert.Equal(ExitCode.Precondition, (await RunAsync(Here, "volume", "delete", "data", "--yes")).ExitCode);
            await SucceedAsync("volume", "unmount", "again");
            await SucceedAsync("volume", "unmount", "data");
            await SucceedAsync("snapshot", "delete", "monday", "--yes");
            await SucceedAsync("volume", "delete", "data", "again", "--yes");
            Assert.Equal("[]\n", (await SucceedAsync("volume", "list", "-o", "json")).Output);
            await SucceedAsync("bench", "--volumes", "2", "--size", "32Mi");
        }
        finally
        {
            await RunAsync(Here, "volume", "unmount", "again");
            await RunAsync(Here, "volume", "unmount", "data");
            await stop.CancelAsync();
        }

        Assert.Equal(new CliResult(0, "", ""), await serving);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Every_problem_of_the_configuration_is_a_line()
    {
        var config = Folder.Combine("bad.yaml");
        await File.WriteAllTextAsync(config, "pools:\n  - name: a\n    backend: nothing\n    path: relative\n", TestToken);

        var result = await RunAsync(ServeArguments(config));

        Assert.Equal(ExitCode.Usage, result.ExitCode);
        var lines = result.Error.TrimEnd().Split('\n');
        Assert.True(lines.Length >= 2, result.Error);
        Assert.All(lines, line => Assert.StartsWith("csilocal: ", line, StringComparison.Ordinal));
        Assert.Contains("bad.yaml:3:", result.Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_second_daemon_on_the_same_state_is_refused()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestToken);
        var config = WriteConfig("image");
        var serving = RunUntilAsync(Here, ServeArguments(config), stop.Token);
        await WaitUntilReadyAsync(serving);

        var second = await RunAsync(Here, ServeArguments(config));
        await stop.CancelAsync();

        Assert.NotEqual(0, second.ExitCode);
        Assert.Single(second.Error.TrimEnd().Split('\n'));
        Assert.Equal(0, (await serving).ExitCode);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task The_hosts_tools_are_refused_where_the_host_is_not_outside_or_not_shown()
    {
        var hosts = new FileInfo("/proc/1/ns/mnt").LinkTarget;
        if (hosts is not null && hosts != new FileInfo("/proc/self/ns/mnt").LinkTarget)
            Assert.Skip("these tests run in a container that may reach its host");

        var result = await RunAsync([.. ServeArguments(WriteConfig("image")), "--host-tools", "nsenter"]);

        Assert.Equal(ExitCode.Precondition, result.ExitCode);
        Assert.Contains(
            hosts is null ? "nsenter: /proc/1/ns/mnt cannot be read" : "nsenter: process 1 has this daemon's own file system",
            result.Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_log_level_from_the_environment_is_checked()
    {
        var terminal = new Terminal { Variables = new Dictionary<string, string?> { ["CSILOCAL_LOG_LEVEL"] = "loud" } };

        var result = await RunAsync(terminal, ServeArguments(WriteConfig("image"))[..^2]);

        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.Contains("environment CSILOCAL_LOG_LEVEL: 'loud' is not one of trace", result.Error, StringComparison.Ordinal);
    }

    private string[] ServeArguments(string config) =>
    [
        "serve", "--config", config, "--state-dir", Folder.Combine("state"), "--node-id", "node-a",
        "--endpoint", $"unix://{Folder.Combine("csi.sock")}",
        "--log-level", "error",
    ];

    private string WriteConfig(string backend)
    {
        var path = Folder.Combine("config.yaml");
        File.WriteAllText(path, $"pools:\n  - name: scratch\n    backend: {backend}\n    path: {Folder.Combine("pool")}\n");
        return path;
    }

    private async Task<CliResult> SucceedAsync(params string[] arguments)
    {
        var result = await RunAsync(Here, arguments);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', arguments)}: {result.Error}{result.Output}");
        return result;
    }

    // The socket answers before the daemon is ready; the command line says so with its own exit code.
    private async Task WaitUntilReadyAsync(Task<CliResult> serving)
    {
        while ((await RunAsync(Here, "volume", "list")).ExitCode != 0)
        {
            Assert.False(serving.IsCompleted, serving.IsCompleted ? (await serving).Error : "");
            await Task.Delay(50, TestToken);
        }
    }
}
