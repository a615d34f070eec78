using System.Text;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Tools;
using Csi.V1;
using Google.Protobuf;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Rpc;

/// <summary>Secrets of requests go nowhere: through successes, refusals and faults, all that the daemon writes is searched for them.</summary>
public sealed class SecretTests : DriverTest<ImagePool>
{
    private readonly CommandFaults faults = new();
    private readonly CapturedLog log = new();

    private protected override void Prepare(TestDriver driver)
    {
        driver.Seams = new() { Commands = faults.Wrap };
        driver.Loggers = log;
    }

    [Fact]
    public void The_specification_marks_the_secrets_of_these_calls() => Assert.Equal(
        [
            "ControllerExpandVolume", "ControllerGetVolumeHealth", "ControllerListVolumeHealth", "ControllerModifyVolume", "ControllerPublishVolume",
            "ControllerUnpublishVolume", "CreateSnapshot", "CreateVolume", "CreateVolumeGroupSnapshot", "DeleteSnapshot", "DeleteVolume",
            "DeleteVolumeGroupSnapshot", "GetMetadataAllocated", "GetMetadataDelta", "GetSnapshot", "GetVolumeGroupSnapshot", "ListSnapshots",
            "NodeExpandVolume", "NodeGetStorageHealth", "NodePublishVolume", "NodeStageVolume", "ValidateVolumeCapabilities",
        ],
        SecretRequests.Calls.Select(static call => call.Name).Order(StringComparer.Ordinal));

    [Fact(Timeout = Limit)]
    public async Task A_volume_s_whole_life_writes_no_secret()
    {
        await LiveAsync(Controller, Node, Driver.PathOf);

        await AssertNothingToldAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task Refusals_write_no_secret()
    {
        foreach (var method in SecretRequests.Calls)
        {
            var request = SecretRequests.Alone(method).ToByteArray();
            byte[] damaged = [.. request, 0xff, .. Encoding.UTF8.GetBytes(SecretRequests.Mark)];

            // Where nothing but the secrets is asked for, a list is all there is to be had.
            var answered = await SecretRequests.CallAsync(Driver.Endpoint, method, request) == StatusCode.OK;
            Assert.True(answered == method.Name is "ListSnapshots" or "ControllerListVolumeHealth" or "NodeGetStorageHealth", method.Name);
            Assert.NotEqual(StatusCode.OK, await SecretRequests.CallAsync(Driver.Endpoint, method, damaged));
            Assert.NotEqual(StatusCode.OK, await SecretRequests.CallAsync(Driver.Endpoint, method, request[..^3]));
        }

        var large = Create("data", Mount()).Fill();
        large.Secrets["large"] = SecretRequests.Mark + new string('x', 5000);
        await FailsAsync(StatusCode.InvalidArgument, Controller.CreateVolumeAsync(large), "secrets");
        await FailsAsync(StatusCode.InvalidArgument, Controller.CreateVolumeAsync(Create("data", Block(), -1).Fill()));
        await CreateAsync(Create("data", Mount()).Fill());
        await FailsAsync(StatusCode.AlreadyExists, Controller.CreateVolumeAsync(Create("data", Mount(), 64 * MiB).Fill()));

        await AssertNothingToldAsync();
    }

    [Theory(Timeout = Limit)]
    [InlineData("blkid")]
    [InlineData("mkfs.ext4")]
    [InlineData("mount")]
    [InlineData("umount")]
    public async Task Faults_write_no_secret(string program)
    {
        var volume = (await Controller.CreateVolumeAsync(Create("data", Mount()).Fill())).Volume;
        Task<ToolOutput>[] answers =
        [
            Task.FromResult(new ToolOutput(1, "", "no luck")),
            Task.FromException<ToolOutput>(new ToolException(new ToolCommand(program), ToolFailure.TimedOut, $"{program} did not end")),
            Task.FromException<ToolOutput>(new InvalidOperationException("nobody expected this")),
        ];
        foreach (var answer in answers)
        {
            faults.Once(program, (_, _) => answer);
            var stage = Stage(volume, StagingOf(volume), Mount()).Fill();
            try
            {
                await Node.NodeStageVolumeAsync(stage);
                await Node.NodePublishVolumeAsync(Publish(volume, StagingOf(volume), Driver.PathOf("target"), Mount()).Fill());
                await Node.NodeUnpublishVolumeAsync(new() { VolumeId = volume.VolumeId, TargetPath = Driver.PathOf("target") });
            }
            catch (RpcException)
            {
                // What becomes of the call is for others to test.
            }

            faults.Heal();
            await Node.NodeUnpublishVolumeAsync(new() { VolumeId = volume.VolumeId, TargetPath = Driver.PathOf("target") });
            await Node.NodeUnstageVolumeAsync(new() { VolumeId = volume.VolumeId, StagingTargetPath = StagingOf(volume) });
        }

        Assert.Contains(log.Lines, static line => line.Contains("nobody expected this", StringComparison.Ordinal));
        await AssertNothingToldAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task A_daemon_that_logs_all_it_can_and_is_killed_leaves_no_secret()
    {
        await Driver.StopAsync();
        await using var daemon = new RealDaemon(Pool.Options) { LogLevel = "trace" };
        await daemon.StartAsync();
        await LiveAsync(daemon.Controller, daemon.Node, daemon.PathOf);
        foreach (var method in SecretRequests.Calls)
            await SecretRequests.CallAsync(daemon.Endpoint, method, SecretRequests.Alone(method).ToByteArray());

        await daemon.KillAsync();

        Assert.Contains(daemon.Log, static line => line.Contains("NodePublishVolume", StringComparison.Ordinal));
        Assert.DoesNotContain(daemon.Log, static line => line.Contains(SecretRequests.Mark, StringComparison.Ordinal));
        Assert.Contains(SearchFiles(daemon.StateDirectory), static file => file.EndsWith("-wal", StringComparison.Ordinal));
        SearchFiles(Pool.Options.Path);
    }

    private static async Task LiveAsync(Controller.ControllerClient controller, Node.NodeClient node, Func<string, string> pathOf)
    {
        var volume = (await controller.CreateVolumeAsync(Create("data", Mount(filesystem: "xfs"), 320 * MiB).Fill())).Volume;
        var (staging, target) = (pathOf("staging"), pathOf("target"));
        await controller.ValidateVolumeCapabilitiesAsync(
            new ValidateVolumeCapabilitiesRequest { VolumeId = volume.VolumeId, VolumeCapabilities = { Mount(filesystem: "xfs") } }.Fill());
        await node.NodeStageVolumeAsync(Stage(volume, staging, Mount(filesystem: "xfs")).Fill());
        await node.NodePublishVolumeAsync(Publish(volume, staging, target, Mount(filesystem: "xfs")).Fill());
        var snapshot = (await controller.CreateSnapshotAsync(new CreateSnapshotRequest { Name = "s", SourceVolumeId = volume.VolumeId }.Fill())).Snapshot;
        await controller.ListSnapshotsAsync(new ListSnapshotsRequest().Fill());
        await controller.ControllerExpandVolumeAsync(
            new ControllerExpandVolumeRequest { VolumeId = volume.VolumeId, CapacityRange = new() { RequiredBytes = 336 * MiB } }.Fill());
        await node.NodeExpandVolumeAsync(
            new NodeExpandVolumeRequest { VolumeId = volume.VolumeId, VolumePath = target, StagingTargetPath = staging }.Fill());
        var copy = (await controller.CreateVolumeAsync(Create("copy", Mount(filesystem: "xfs"), 320 * MiB).From(snapshot).Fill())).Volume;
        await node.NodeUnpublishVolumeAsync(new() { VolumeId = volume.VolumeId, TargetPath = target });
        await node.NodeUnstageVolumeAsync(new() { VolumeId = volume.VolumeId, StagingTargetPath = staging });
        await controller.DeleteSnapshotAsync(new DeleteSnapshotRequest { SnapshotId = snapshot.SnapshotId }.Fill());
        await controller.DeleteVolumeAsync(new DeleteVolumeRequest { VolumeId = copy.VolumeId }.Fill());
    }

    /// <summary>While it runs, with the write-ahead log full, and once more when it has stopped.</summary>
    private async Task AssertNothingToldAsync()
    {
        var running = SearchFiles(Driver.StateDirectory);
        Assert.Contains(running, static file => file.EndsWith("-wal", StringComparison.Ordinal) && new FileInfo(file).Length > 0);
        await Driver.StopAsync();

        Assert.Contains(SearchFiles(Driver.StateDirectory), static file => Path.GetFileName(file) == "state.db");
        Assert.Contains(SearchFiles(Pool.Options.Path), static file => file.EndsWith(".json", StringComparison.Ordinal));
        Assert.NotEmpty(log.Lines);
        Assert.DoesNotContain(log.Lines, static line => line.Contains(SecretRequests.Mark, StringComparison.Ordinal));
        Assert.DoesNotContain(
            faults.Commands, static command => $"{command} {command.StandardInput}".Contains(SecretRequests.Mark, StringComparison.Ordinal));
    }

    /// <summary>Names and raw bytes of all files, those that a database has long forgotten included.</summary>
    private static string[] SearchFiles(string folder)
    {
        var entries = Directory.GetFileSystemEntries(folder, "*", SearchOption.AllDirectories);
        Assert.DoesNotContain(entries, static entry => entry.Contains(SecretRequests.Mark, StringComparison.Ordinal));

        // By another process, which minds no locks. What tenants write into their images is theirs.
        using var grep = HostCommand.Start("grep", "-r", "-l", "-a", "-F", "--exclude=*.img", "-e", SecretRequests.Mark, folder);
        var found = grep.StandardOutput.ReadToEnd();
        grep.WaitForExit();
        Assert.Equal(("", 1), (found, grep.ExitCode));
        return entries;
    }
}
