using CsiLocal.Cli;
using Grpc.Core;
using Xunit;
using AdminTask = CsiLocal.Admin.V1.Task;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Tests.Cli;

public sealed class LongWorkTests : CliTest
{
    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_copy_is_waited_for_and_shown_in_tenths_where_there_is_no_terminal()
    {
        await CreateVolumeAsync("data");
        Daemon.Tasks.Enqueue(Copy(IdOf("copy"), 300 << 20));
        Daemon.Fail("CreateVolume", StatusCode.Aborted, "create volume: being copied", times: 2);

        var result = await RunAsync("volume", "clone", "data", "copy");

        Assert.Equal(0, result.ExitCode);
        Assert.Equal("clone of data to copy: 20 % (300 MiB of 1 GiB)\n", result.Error);
        Assert.StartsWith("copy: 1 GiB ext4", result.Output, StringComparison.Ordinal);
        Assert.Equal(4, Daemon.Count("CreateVolume"));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_call_that_takes_its_time_shows_progress_meanwhile()
    {
        await CreateVolumeAsync("data");
        Daemon.Tasks.Enqueue(Copy(IdOf("copy"), 1L << 30));
        var looked = new TaskCompletionSource();
        Daemon.Before = rpc =>
        {
            if (rpc == "ListTasks")
                looked.TrySetResult();
            return rpc == "CreateVolume" ? looked.Task : Task.CompletedTask;
        };

        var result = await RunAsync("volume", "clone", "data", "copy");

        Assert.Equal(0, result.ExitCode);
        Assert.Contains("100 %", result.Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task On_a_terminal_there_is_a_bar_that_goes_away()
    {
        await CreateVolumeAsync("data");
        Daemon.Tasks.Enqueue(Copy(IdOf("copy"), 300 << 20));
        Daemon.Fail("CreateVolume", StatusCode.Aborted, "create volume: being copied", times: 2);

        var result = await RunAsync(new Terminal { ErrorIsTerminal = true, Width = 80 }, "volume", "clone", "data", "copy");

        Assert.Equal(0, result.ExitCode);
        Assert.Contains("29%", result.Error, StringComparison.Ordinal);
        Assert.Contains('\u001b', result.Error);
        Assert.DoesNotContain('\u001b', result.Output);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Giving_up_exits_with_130_and_says_that_the_copy_goes_on()
    {
        await CreateVolumeAsync("data");
        Daemon.Tasks.Enqueue(Copy(IdOf("copy"), 300 << 20));
        Daemon.Fail("CreateVolume", StatusCode.Aborted, "create volume: being copied", times: int.MaxValue);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestToken);
        Daemon.Before = rpc => rpc == "ListTasks" ? stop.CancelAsync() : Task.CompletedTask;

        var result = await RunUntilAsync(new Terminal(), ["volume", "clone", "data", "copy"], stop.Token);

        Assert.Equal(ExitCode.Interrupted, result.ExitCode);
        Assert.Equal(
            "csilocal: stopped waiting; the clone of data to copy goes on in the daemon; "
            + "'csilocal task list' shows how far it is, the same command waits for it again\n", result.Error);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Any_other_failure_ends_the_waiting()
    {
        await CreateVolumeAsync("data");
        Daemon.Fail("CreateVolume", StatusCode.ResourceExhausted, "create volume: no space");

        var result = await RunAsync("volume", "clone", "data", "copy");

        Assert.Equal(ExitCode.NoSpace, result.ExitCode);
        Assert.Equal("csilocal: create volume: no space\n", result.Error);
    }

    private static AdminTask Copy(string target, long done) =>
        new() { TargetId = target, Kind = "clone", State = "running", DoneBytes = done, TotalBytes = 1L << 30 };
}
