using System.Net.Sockets;
using CsiLocal.Configuration;
using CsiLocal.Grpc;
using CsiLocal.Rpc;
using CsiLocal.State;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Rpc;
using CsiLocal.Tests.Support;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Csi.V1;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Hosting;

/// <summary>Start, stop, and what the journal keeps.</summary>
public sealed class DriverHostTests : DriverTest<ImagePool>
{
    private readonly CommandFaults faults = new();
    private readonly CapturedLog log = new();

    private protected override void Prepare(TestDriver driver)
    {
        driver.Seams = new() { Commands = faults.Wrap };
        driver.Loggers = log;
    }

    [Fact(Timeout = Limit)]
    public async Task A_second_instance_on_the_same_state_is_refused_and_the_first_serves_on()
    {
        var second = TestDriver.Stopped(Pool.Options);
        second.StateDirectory = Driver.StateDirectory;

        var failure = await Assert.ThrowsAsync<StorageException>(second.StartAsync);

        Assert.Equal(StorageError.FailedPrecondition, failure.Error);
        Assert.Contains(Driver.StateDirectory, failure.Message, StringComparison.Ordinal);
        await second.DisposeAsync();
        await CreateAsync("data");
    }

    [Fact(Timeout = Limit)]
    public async Task A_second_instance_on_the_same_socket_is_refused_and_the_first_serves_on()
    {
        var second = TestDriver.Stopped(Pool.Options);
        second.Endpoint = Driver.Endpoint;

        var failure = await Assert.ThrowsAsync<StorageException>(second.StartAsync);

        Assert.Equal(StorageError.Unavailable, failure.Error);
        Assert.Contains("another daemon", failure.Message, StringComparison.Ordinal);
        await second.DisposeAsync();
        await CreateAsync("data");
        using var fresh = GrpcChannel.ForAddress(Driver.Endpoint);
        Assert.True((await new Identity.IdentityClient(fresh.CreateCallInvoker()).ProbeAsync(new())).Ready);
    }

    [Fact(Timeout = Limit)]
    public async Task A_socket_that_nobody_listens_on_is_replaced_and_another_file_is_not()
    {
        await Driver.StopAsync();
        var path = Driver.Endpoint[DriverOptions.EndpointScheme.Length..];
        using (var stale = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            // By a second name, since the runtime removes the one that was bound.
            stale.Bind(new UnixDomainSocketEndPoint(path + ".bound"));
            HostCommand.Run("ln", path + ".bound", path);
        }

        await Driver.StartAsync();
        Assert.True((await Driver.Identity.ProbeAsync(new())).Ready);

        await Driver.StopAsync();
        File.Delete(path);
        await File.WriteAllTextAsync(path, "mine");
        var failure = await Assert.ThrowsAsync<StorageException>(Driver.StartAsync);
        Assert.Equal(StorageError.InvalidArgument, failure.Error);
        Assert.Equal("mine", await File.ReadAllTextAsync(path));
    }

    [Fact(Timeout = Limit)]
    public async Task Probe_is_false_and_calls_are_UNAVAILABLE_until_all_is_recovered()
    {
        await Driver.StopAsync();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var goOn = new ManualResetEventSlim();
        log.OnLine = line =>
        {
            // Logged once the socket is open and before anything is recovered.
            if (line.Contains("serves mode", StringComparison.Ordinal))
            {
                begun.SetResult();
                goOn.Wait();
            }
        };
        var starting = Task.Run(Driver.StartAsync);
        await begun.Task;
        using (var channel = GrpcChannel.ForAddress(Driver.Endpoint))
        {
            var calls = channel.CreateCallInvoker();
            Assert.False((await new Identity.IdentityClient(calls).ProbeAsync(new())).Ready);
            await FailsAsync(StatusCode.Unavailable, new Controller.ControllerClient(calls).CreateVolumeAsync(Create("data", Mount())), "starting");
        }

        goOn.Set();
        await starting;
        Assert.True((await Driver.Identity.ProbeAsync(new())).Ready);
        await CreateAsync("data");
    }

    [Fact(Timeout = Limit)]
    public async Task While_stopping_no_call_begins_and_the_running_one_finishes()
    {
        var volume = await CreateAsync("data");
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        faults.Once("mkfs.ext4", async (_, run) =>
        {
            reached.SetResult();
            await released.Task;
            return await run();
        });
        var stage = Node.NodeStageVolumeAsync(Stage(volume, StagingOf(volume), Mount())).ResponseAsync;
        await reached.Task;

        var stopping = Driver.StopAsync();
        Assert.False((await Driver.Identity.ProbeAsync(new())).Ready);
        await FailsAsync(StatusCode.Unavailable, Controller.CreateVolumeAsync(Create("late", Mount())), "stopping");
        Assert.Contains(log.FieldsOf(CallInterceptor.AuditCategory), static line => line["Name"] is "late" && line["Status"] is "Unavailable");
        Assert.False(stopping.IsCompleted);
        released.SetResult();

        await stage;
        await stopping;
        await Driver.StartAsync();
        Assert.Single((await Controller.ListVolumesAsync(new())).Entries);
        Assert.Single(Driver.Mounts());
    }

    [Fact(Timeout = Limit)]
    public async Task The_history_of_a_volume_has_its_calls_commands_and_exit_codes()
    {
        var volume = await CreateAsync("data");
        faults.Once("mkfs.ext4", (_, _) => Task.FromResult(new ToolOutput(7, "", "no luck")));
        await FailsAsync(StatusCode.Internal, Node.NodeStageVolumeAsync(Stage(volume, StagingOf(volume), Mount())), "no luck");
        await UnmountAsync(volume, await MountAsync(volume));
        await Driver.StopAsync();

        var calls = Driver.HistoryOf(volume.VolumeId).OfType<HistoryEntry.Operation>().ToArray();

        Assert.Equal(
            ["CreateVolume", "NodeStageVolume", "NodeStageVolume", "NodePublishVolume", "NodeUnpublishVolume", "NodeUnstageVolume"],
            calls.Select(static call => call.Rpc));
        Assert.Equal(["OK", "Internal", "OK", "OK", "OK", "OK"], calls.Select(static call => call.Status));
        Assert.Contains(calls[1].Commands, static command => command is { Program: "mkfs.ext4", ExitCode: 7 } && command.Summary!.Contains("no luck", StringComparison.Ordinal));
        Assert.Contains(calls[2].Commands, static command => command is { Program: "mkfs.ext4", ExitCode: 0 });
        Assert.Contains(calls[4].Commands, static command => command.Program == "umount");
        Assert.Contains(Driver.HistoryOf(volume.VolumeId), static entry => entry is HistoryEntry.Event { What: "carries its file system" });
    }
}
