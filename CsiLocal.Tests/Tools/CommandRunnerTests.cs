using System.Diagnostics;
using CsiLocal.Tools;
using Xunit;

namespace CsiLocal.Tests.Tools;

public sealed class CommandRunnerTests : IDisposable
{
    private const int Limit = 30_000;

    private readonly string _stateId = $"test-{Guid.NewGuid():n}";
    private readonly CommandRunner _runner;

    public CommandRunnerTests() => _runner = new CommandRunner(_stateId);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _runner.Dispose();

    [Fact(Timeout = Limit)]
    public async Task Output_error_and_exit_code_are_kept_apart()
    {
        var output = await _runner.RunAsync(Shell("echo out; echo err >&2; exit 3"), Token);

        Assert.Equal(new ToolOutput(3, "out\n", "err\n"), output);
        Assert.Equal("exit code 3: err", output.Summary);
    }

    [Fact(Timeout = Limit)]
    public async Task Arguments_arrive_as_given()
    {
        var output = await _runner.RunAsync(new ToolCommand("printf", "%s|", "a b", "", "$HOME;`x`", "ü\n"), Token);

        Assert.Equal("a b||$HOME;`x`|ü\n|", output.StandardOutput);
    }

    [Fact(Timeout = Limit)]
    public async Task Environment_is_minimal_and_marked()
    {
        var output = await _runner.RunAsync(new ToolCommand("env"), Token);

        Assert.Equal(
            ["CSILOCAL_STATE=" + _stateId, "LC_ALL=C", "PATH=" + SearchPath.Text],
            output.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }

    [Fact(Timeout = Limit)]
    public async Task Standard_input_is_empty_unless_given()
    {
        var nothing = await _runner.RunAsync(new ToolCommand("cat"), Token);
        var secret = new string('s', 200_000);
        var something = await _runner.RunAsync(new ToolCommand("cat") { StandardInput = secret }, Token);

        Assert.Equal("", nothing.StandardOutput);
        Assert.Equal(secret, something.StandardOutput);
    }

    [Fact(Timeout = Limit)]
    public async Task Big_output_is_capped_and_does_not_stall_the_command()
    {
        var output = await _runner.RunAsync(Shell("head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2; exit 7"), Token);

        Assert.Equal(7, output.ExitCode);
        Assert.Equal(ToolOutput.MaxCaptured, output.StandardOutput.Length);
        Assert.Equal(ToolOutput.MaxCaptured, output.StandardError.Length);
        Assert.True(output.IsTruncated);
    }

    [Theory(Timeout = Limit)]
    [InlineData(3_000_000, false)]
    [InlineData(2_999_999, true)]
    public async Task A_command_may_have_more_of_its_output_kept_and_says_whether_it_was_all(int limit, bool isTruncated)
    {
        var output = await _runner.RunAsync(Shell("head -c 3000000 /dev/zero") with { MaxOutput = limit }, Token);

        Assert.Equal(limit, output.StandardOutput.Length);
        Assert.Equal(isTruncated, output.IsTruncated);
    }

    [Fact(Timeout = Limit)]
    public async Task Missing_program_is_NotFound()
    {
        var e = await Assert.ThrowsAsync<ToolException>(() => _runner.RunAsync(new ToolCommand("no-such-tool"), Token));

        Assert.Equal(ToolFailure.NotFound, e.Failure);
    }

    [Fact(Timeout = Limit)]
    public async Task Program_that_cannot_be_executed_is_NotStarted()
    {
        var e = await Assert.ThrowsAsync<ToolException>(() => _runner.RunAsync(new ToolCommand("/etc/passwd"), Token));

        Assert.Equal(ToolFailure.NotStarted, e.Failure);
        Assert.Contains("Permission denied", e.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Limit)]
    public async Task Slow_command_is_interrupted_at_its_timeout_with_all_it_started()
    {
        var started = Stopwatch.GetTimestamp();
        var e = await Assert.ThrowsAsync<ToolException>(
            () => _runner.RunAsync(Shell("echo working >&2; sleep 100 & sleep 100; true") with { Timeout = TimeSpan.FromMilliseconds(200) }, Token));

        Assert.Equal(ToolFailure.TimedOut, e.Failure);
        Assert.Contains("did not end within 0.2 s and was stopped: working", e.Message, StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(2));
        await AssertGoneAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task Command_that_ignores_the_interruption_is_killed_after_the_grace()
    {
        var started = Stopwatch.GetTimestamp();
        var e = await Assert.ThrowsAsync<ToolException>(
            () => _runner.RunAsync(Shell("trap '' TERM; while :; do sleep 1; done") with { Timeout = TimeSpan.FromMilliseconds(100) }, Token));

        Assert.Equal(ToolFailure.TimedOut, e.Failure);
        Assert.InRange(Stopwatch.GetElapsedTime(started), RunningCommand.Grace, RunningCommand.Grace * 2);
        await AssertGoneAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task Cancelled_command_is_gone_when_the_cancellation_is_seen()
    {
        using var source = new CancellationTokenSource();
        var running = _runner.RunAsync(Shell("sleep 100; true"), source.Token);

        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        await AssertGoneAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task Command_that_leaves_a_background_process_on_its_pipes_ends_at_once()
    {
        var started = Stopwatch.GetTimestamp();
        var output = await _runner.RunAsync(Shell("sleep 100 & echo done"), Token);

        Assert.Equal("done\n", output.StandardOutput);
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(5));
        Assert.Empty(await LeftoverCommands.StopAsync(_stateId, Token));
    }

    [Fact(Timeout = Limit)]
    public async Task Command_ended_by_a_signal_has_a_code_above_128()
    {
        var output = await _runner.RunAsync(Shell("kill -9 $$"), Token);

        Assert.Equal(137, output.ExitCode);
    }

    [Fact(Timeout = Limit)]
    public async Task Many_commands_run_side_by_side()
    {
        var started = Stopwatch.GetTimestamp();
        var outputs = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => _runner.RunAsync(Shell($"sleep 0.5; echo {i}"), Token)));

        Assert.Equal(Enumerable.Range(0, 40).Select(i => $"{i}\n"), outputs.Select(output => output.StandardOutput));
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(10));
    }

    [Fact(Timeout = Limit)]
    public async Task Command_is_the_leader_of_its_own_process_group_and_ignores_no_signal()
    {
        var ids = await _runner.RunAsync(new ToolCommand("cut", "-d ", "-f1,5", "/proc/self/stat"), Token);
        var signals = await _runner.RunAsync(new ToolCommand("grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status"), Token);

        var pair = ids.StandardOutput.Trim().Split(' ');
        Assert.Equal(pair[0], pair[1]);
        Assert.Equal("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n", signals.StandardOutput);
    }

    [Fact(Timeout = Limit)]
    public async Task Leftover_commands_are_found_by_their_mark_and_stopped()
    {
        var other = new CommandRunner($"{_stateId}-other");
        using var source = new CancellationTokenSource();
        var left = _runner.RunAsync(Shell("sleep 101; true"), Token);
        var foreign = other.RunAsync(Shell("sleep 102; true"), source.Token);

        Assert.Contains(LeftoverCommands.Find(_stateId), command => command.CommandLine.Contains("sleep 101", StringComparison.Ordinal));
        Assert.Empty(await LeftoverCommands.StopAsync(_stateId, Token));

        Assert.Equal(128 + 15, (await left).ExitCode);
        Assert.False(foreign.IsCompleted);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => foreign);
        other.Dispose();
    }

    [Fact(Timeout = Limit)]
    public async Task Runner_that_was_disposed_starts_nothing()
    {
        _runner.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => _runner.RunAsync(new ToolCommand("true"), Token));
    }

    private static ToolCommand Shell(string script) => new("sh", "-c", script);

    /// <summary>The command itself is gone for certain; what it started has been killed and may take a moment.</summary>
    private async Task AssertGoneAsync() => Assert.Empty(await LeftoverCommands.StopAsync(_stateId, Token));
}
