using Csi.V1;
using CsiLocal.Cli;
using Grpc.Core;
using Xunit;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Tests.Cli;

public sealed class VolumeCommandTests : CliTest
{
    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Create_tells_size_pool_and_id_in_one_line()
    {
        var result = await RunAsync("volume", "create", "data", "--size", "10Gi", "--pool", "fast");

        Assert.Equal(0, result.ExitCode);
        Assert.Equal($"data: 10 GiB ext4 in pool fast, id {IdOf("data")}\n", result.Output);
        Assert.Empty(result.Error);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task List_pages_through_all_volumes_sorted_by_name()
    {
        for (var i = 8; i >= 1; i--)
            await CreateVolumeAsync($"data-{i}");

        var result = await RunAsync("volume", "list");

        Assert.Equal(Enumerable.Range(1, 8).Select(i => $"data-{i}"),
            result.Output.TrimEnd().Split('\n').Skip(1).Select(line => line.Split(' ')[0]));
        Assert.Equal(3, Daemon.Count("ListVolumes"));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_volume_goes_by_its_name_and_by_its_id()
    {
        await CreateVolumeAsync("data");

        var byName = await RunAsync("volume", "show", "data");
        var byId = await RunAsync("volume", "show", IdOf("data"));

        Assert.Equal(0, byName.ExitCode);
        Assert.Equal(byName, byId);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_name_that_looks_like_an_id_is_found_as_a_name()
    {
        var name = IdOf("something else");
        await CreateVolumeAsync(name);

        var result = await RunAsync("volume", "show", name, "--output", "json");

        Assert.Contains(IdOf(name), result.Output, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Mount_stages_below_the_staging_root_and_publishes_at_the_path()
    {
        await CreateVolumeAsync("data");
        var target = Folder.Combine("parent", "data");

        var result = await RunAsync(Mount("data", target, "--option", "noatime", "--option", "nodev", "--read-only"));

        Assert.Equal(0, result.ExitCode);
        var staging = Folder.Combine("staging", IdOf("data"));
        Assert.Equal(staging, Daemon.LastRequest<NodeStageVolumeRequest>().StagingTargetPath);
        Assert.True(Directory.Exists(staging));
        Assert.True(Directory.Exists(Folder.Combine("parent")));
        Assert.False(Directory.Exists(target), "the target path is the driver's to make");
        var publish = Daemon.LastRequest<NodePublishVolumeRequest>();
        Assert.Equal((target, true), (publish.TargetPath, publish.Readonly));
        Assert.Equal(["noatime", "nodev"], publish.VolumeCapability.Mount.MountFlags);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_second_mount_uses_the_staging_path_that_is_there()
    {
        await CreateVolumeAsync("data");
        await RunAsync(Mount("data", Folder.Combine("one")));

        await RunAsync("volume", "mount", "data", Folder.Combine("two"), "--staging-root", Folder.Combine("elsewhere"));

        Assert.Equal(Folder.Combine("staging", IdOf("data")), Daemon.LastRequest<NodePublishVolumeRequest>().StagingTargetPath);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Unmount_of_one_path_leaves_the_volume_staged_for_the_other()
    {
        await CreateVolumeAsync("data");
        await RunAsync(Mount("data", Folder.Combine("one")));
        await RunAsync(Mount("data", Folder.Combine("two")));

        Assert.Equal(0, (await RunAsync("volume", "unmount", "data", Folder.Combine("one"))).ExitCode);
        Assert.Equal(0, Daemon.Count("NodeUnstageVolume"));

        Assert.Equal(0, (await RunAsync("volume", "unmount", "data")).ExitCode);
        Assert.Equal(1, Daemon.Count("NodeUnstageVolume"));
        Assert.False(Directory.Exists(Folder.Combine("staging", IdOf("data"))));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Unmount_of_a_path_where_it_is_not_says_where_it_is()
    {
        await CreateVolumeAsync("data");
        await RunAsync(Mount("data", Folder.Combine("one")));

        var result = await RunAsync("volume", "unmount", "data", "/elsewhere");

        Assert.Equal(ExitCode.NotFound, result.ExitCode);
        Assert.Equal($"csilocal: the volume data is not mounted at /elsewhere; it is at {Folder.Combine("one")}\n", result.Error);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Expand_grows_the_file_system_too_where_the_volume_is_staged()
    {
        await CreateVolumeAsync("data");
        await RunAsync(Mount("data", Folder.Combine("one")));

        var result = await RunAsync("volume", "expand", "data", "2Gi");

        Assert.Equal("data: now 2 GiB ext4\n", result.Output);
        Assert.Equal(0, Daemon.LastRequest<ControllerExpandVolumeRequest>().CapacityRange.LimitBytes);
        var node = Daemon.LastRequest<NodeExpandVolumeRequest>();
        Assert.Equal((Folder.Combine("one"), Folder.Combine("staging", IdOf("data"))), (node.VolumePath, node.StagingTargetPath));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Expand_of_an_unmounted_volume_says_that_the_file_system_follows()
    {
        await CreateVolumeAsync("data");

        var result = await RunAsync("volume", "expand", "data", "2Gi");

        Assert.Equal("data: now 2 GiB ext4; its file system follows at the next mount\n", result.Output);
        Assert.Equal(0, Daemon.Count("NodeExpandVolume"));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_smaller_size_is_asked_for_as_lower_and_upper_limit()
    {
        await CreateVolumeAsync("data");

        await RunAsync("volume", "expand", "data", "512Mi");

        var range = Daemon.LastRequest<ControllerExpandVolumeRequest>().CapacityRange;
        Assert.Equal((512L << 20, 512L << 20), (range.RequiredBytes, range.LimitBytes));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Clone_takes_size_type_and_pool_from_its_source()
    {
        await CreateVolumeAsync("raw", "--block", "--pool", "fast");

        var result = await RunAsync("volume", "clone", "raw", "raw2");

        Assert.Equal(0, result.ExitCode);
        var request = Daemon.LastRequest<CreateVolumeRequest>();
        Assert.Equal(IdOf("raw"), request.VolumeContentSource.Volume.VolumeId);
        Assert.Equal((1L << 30, "fast"), (request.CapacityRange.RequiredBytes, request.Parameters["pool"]));
        Assert.NotNull(request.VolumeCapabilities[0].Block);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Delete_of_a_mounted_volume_is_refused_with_the_command_that_helps()
    {
        await CreateVolumeAsync("data");
        await RunAsync(Mount("data", Folder.Combine("one")));

        var result = await RunAsync("volume", "delete", "data", "--yes");

        Assert.Equal(ExitCode.Precondition, result.ExitCode);
        Assert.Equal($"csilocal: the volume data is in use at {Folder.Combine("one")}; unmount it first: csilocal volume unmount data\n",
            result.Error);
        Assert.Equal(0, Daemon.Count("DeleteVolume"));
    }

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData("y", ExitCode.Success, 0)]
    [InlineData("yes", ExitCode.Success, 0)]
    [InlineData("n", ExitCode.Failed, 1)]
    [InlineData("", ExitCode.Failed, 1)]
    [InlineData(null, ExitCode.Usage, 1)]
    public async Task Delete_asks_on_a_terminal_and_refuses_without_one(string? answer, int exitCode, int left)
    {
        await CreateVolumeAsync("data");

        var result = await RunAsync(new Terminal { Input = answer }, "volume", "delete", "data");

        Assert.Equal(exitCode, result.ExitCode);
        Assert.Equal(left, Daemon.Volumes.Count);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Delete_goes_on_after_a_failure_and_returns_its_exit_code()
    {
        await CreateVolumeAsync("data");

        var result = await RunAsync("volume", "delete", "absent", "data", "--yes");

        Assert.Equal(ExitCode.NotFound, result.ExitCode);
        Assert.Equal("data: deleted\n", result.Output);
        Assert.Contains("no volume has the name or id 'absent'", result.Error, StringComparison.Ordinal);
        Assert.Empty(Daemon.Volumes);
    }

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData(nameof(StatusCode.InvalidArgument), ExitCode.Usage)]
    [InlineData(nameof(StatusCode.NotFound), ExitCode.NotFound)]
    [InlineData(nameof(StatusCode.AlreadyExists), ExitCode.AlreadyExists)]
    [InlineData(nameof(StatusCode.ResourceExhausted), ExitCode.NoSpace)]
    [InlineData(nameof(StatusCode.OutOfRange), ExitCode.NoSpace)]
    [InlineData(nameof(StatusCode.FailedPrecondition), ExitCode.Precondition)]
    [InlineData(nameof(StatusCode.Unavailable), ExitCode.Unavailable)]
    [InlineData(nameof(StatusCode.DataLoss), ExitCode.Failed)]
    [InlineData(nameof(StatusCode.Internal), ExitCode.Failed)]
    public async Task Each_status_has_its_exit_code_and_one_line(string status, int exitCode)
    {
        Daemon.Fail("CreateVolume", Enum.Parse<StatusCode>(status), "create volume v1: the fact\nof two lines; the remedy.");

        var result = await RunAsync("volume", "create", "data", "--size", "1Gi");

        Assert.Equal(exitCode, result.ExitCode);
        var line = Assert.Single(result.Error.TrimEnd().Split('\n'));
        Assert.StartsWith("csilocal: ", line, StringComparison.Ordinal);
        Assert.EndsWith("create volume v1: the fact; of two lines; the remedy", line, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_missing_daemon_exits_with_8_and_tells_how_to_start_one()
    {
        var result = await RunAsync("volume", "list", "--endpoint", "unix:///nowhere/csi.sock");

        Assert.Equal(ExitCode.Unavailable, result.ExitCode);
        Assert.Equal(
            "csilocal: no daemon at unix:///nowhere/csi.sock: the socket does not exist; "
            + "start it with 'csilocal serve', or name its socket with --endpoint or CSILOCAL_ENDPOINT\n", result.Error);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Stack_traces_are_shown_only_when_asked_for()
    {
        var debug = new Terminal { Variables = new Dictionary<string, string?> { ["CSILOCAL_DEBUG"] = "1" } };

        Assert.DoesNotContain("   at ", (await RunAsync("volume", "show", "absent")).Error, StringComparison.Ordinal);
        Assert.Contains("   at ", (await RunAsync(debug, "volume", "show", "absent")).Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_timeout_exits_with_7_and_says_that_the_work_goes_on()
    {
        var gate = new TaskCompletionSource();
        Daemon.Before = rpc => rpc == "CreateVolume" ? gate.Task : Task.CompletedTask;

        var result = await RunAsync("volume", "create", "data", "--size", "1Gi", "--timeout", "200ms");
        gate.SetResult();

        Assert.Equal(ExitCode.Busy, result.ExitCode);
        Assert.Contains("goes on", result.Error, StringComparison.Ordinal);
    }
}
