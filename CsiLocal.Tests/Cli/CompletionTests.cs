using System.Diagnostics;
using CsiLocal.Admin.V1;
using CsiLocal.Cli;
using Xunit;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Tests.Cli;

public sealed class CompletionTests : CliTest
{
    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData("vol", "volume")]
    [InlineData("volume ", "mount")]
    [InlineData("volume create data --f", "--fs")]
    [InlineData("volume create data --fs ", "xfs")]
    [InlineData("volume list --output ", "json")]
    [InlineData("serve --mode ", "all")]
    public async Task Commands_options_and_values_are_suggested(string line, string expected) =>
        Assert.Contains(expected, await SuggestAsync(line));

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Names_come_from_the_daemon()
    {
        await CreateVolumeAsync("data-1");
        await RunAsync("snapshot", "create", "data-1", "monday");
        Daemon.Pools.Add(new Pool { Name = "fast" });

        Assert.Contains("data-1", await SuggestAsync("volume show "));
        Assert.Contains("data-1", await SuggestAsync("volume delete da"));
        Assert.Contains("monday", await SuggestAsync("snapshot restore "));
        Assert.Contains("fast", await SuggestAsync("volume create x --pool "));
    }

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData("volume")]
    [InlineData("snapshot")]
    [InlineData("pool")]
    public async Task Help_does_not_list_what_the_daemon_has(string command)
    {
        await CreateVolumeAsync("data-1");
        await RunAsync("snapshot", "create", "data-1", "monday");
        Daemon.Pools.Add(new Pool { Name = "fast" });

        var help = (await RunAsync(command, "--help")).Output;

        Assert.DoesNotContain("data-1", help, StringComparison.Ordinal);
        Assert.DoesNotContain("monday", help, StringComparison.Ordinal);
        Assert.DoesNotContain("fast", help, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Without_a_daemon_there_are_no_names_and_no_complaint()
    {
        var nowhere = new Terminal { Variables = new Dictionary<string, string?> { ["CSILOCAL_ENDPOINT"] = "unix:///nowhere/csi.sock" } };

        var result = await RunAsync(nowhere, "[suggest:12]", "volume show ");

        Assert.Equal(0, result.ExitCode);
        Assert.Empty(result.Error);
    }

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData("bash", "bash")]
    [InlineData("zsh", "zsh")]
    [InlineData("fish", "fish")]
    public async Task Scripts_parse(string shell, string program)
    {
        var script = (await RunAsync("completion", shell)).Output;
        Assert.Contains("[suggest:", script, StringComparison.Ordinal);
        if (!File.Exists($"/bin/{program}") && !File.Exists($"/usr/bin/{program}"))
            Assert.Skip($"{program} is not installed");

        var file = Folder.Combine("script");
        await File.WriteAllTextAsync(file, script, TestToken);
        Assert.Equal("", (await ShellAsync(program, "-n", file)).Trim());
    }

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData("volume mo", "volume mo", "volume mo")]
    [InlineData("volume x --pool=mo", "volume x --pool = mo", "volume x --pool mo")]
    public async Task In_bash_the_word_at_the_cursor_is_completed_with_what_the_program_suggests(string line, string words, string asked)
    {
        // Stands for the program: echoes what it is asked, beside two candidates.
        var program = Folder.Combine("csilocal");
        await File.WriteAllTextAsync(program,
            "#!/bin/sh\necho \"$1|$2\" >> " + Folder.Combine("asked") + "\nprintf 'mount\\nunmount\\nmove\\n'\n", TestToken);
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var script = Folder.Combine("script");
        await File.WriteAllTextAsync(script, (await RunAsync("completion", "bash")).Output + $$"""
            COMP_LINE='{{program}} {{line}}'; COMP_POINT=${#COMP_LINE}; COMP_WORDS=('{{program}}' {{words}}); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _csilocal
            printf '%s\n' "${COMPREPLY[@]}"
            """, TestToken);

        var output = await ShellAsync("bash", script);

        Assert.Equal("mount\nmove\n", output);
        Assert.Equal($"[suggest:{asked.Length}]|{asked}\n", await File.ReadAllTextAsync(Folder.Combine("asked"), TestToken));
    }

    private async Task<string[]> SuggestAsync(string line)
    {
        var result = await RunAsync($"[suggest:{line.Length}]", line);
        Assert.Equal(ExitCode.Success, result.ExitCode);
        return result.Output.Split('\n');
    }

    private static async Task<string> ShellAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = await process.StandardOutput.ReadToEndAsync(TestToken);
        var error = await process.StandardError.ReadToEndAsync(TestToken);
        await process.WaitForExitAsync(TestToken);
        return output + error;
    }
}
