using Csi.V1;
using CsiLocal.Cli;
using Grpc.Core;
using Xunit;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Tests.Cli;

public sealed class SnapshotCommandTests : CliTest
{
    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Restore_takes_size_type_and_pool_from_the_snapshot_and_its_volume()
    {
        await CreateVolumeAsync("data", "--fs", "xfs");
        Assert.Equal(0, (await RunAsync("snapshot", "create", "data", "monday")).ExitCode);

        var result = await RunAsync("snapshot", "restore", "monday", "again");

        Assert.Equal("again: 1 GiB xfs in pool scratch, id " + IdOf("again") + "\n", result.Output);
        var request = Daemon.LastRequest<CreateVolumeRequest>();
        Assert.Equal(CsiLocal.Volumes.SnapshotId.Mint("monday").Value, request.VolumeContentSource.Snapshot.SnapshotId);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Restore_works_when_the_volume_is_gone_and_takes_a_size()
    {
        await CreateVolumeAsync("data");
        await RunAsync("snapshot", "create", "data", "monday");
        await RunAsync("volume", "delete", "data", "--yes");

        var result = await RunAsync("snapshot", "restore", "monday", "again", "--size", "3Gi");

        Assert.Equal(0, result.ExitCode);
        Assert.Equal(3L << 30, Daemon.LastRequest<CreateVolumeRequest>().CapacityRange.RequiredBytes);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task List_of_one_volume_asks_for_its_snapshots_only()
    {
        await CreateVolumeAsync("data");
        await CreateVolumeAsync("other");
        await RunAsync("snapshot", "create", "data", "monday");
        await RunAsync("snapshot", "create", "other", "tuesday");

        var result = await RunAsync("snapshot", "list", "--volume", "data");

        Assert.Contains("monday", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("tuesday", result.Output, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Delete_needs_an_existing_snapshot()
    {
        await CreateVolumeAsync("data");
        await RunAsync("snapshot", "create", "data", "monday");

        Assert.Equal(ExitCode.NotFound, (await RunAsync("snapshot", "delete", "sunday", "--yes")).ExitCode);
        Assert.Equal(ExitCode.Success, (await RunAsync("snapshot", "delete", "monday", "--yes")).ExitCode);
        Assert.Empty(Daemon.Snapshots);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_snapshot_with_another_source_is_told_as_such()
    {
        await CreateVolumeAsync("data");
        Daemon.Fail("CreateSnapshot", StatusCode.AlreadyExists, "create snapshot monday: it is of another volume");

        var result = await RunAsync("snapshot", "create", "data", "monday");

        Assert.Equal(ExitCode.AlreadyExists, result.ExitCode);
        Assert.Equal("csilocal: create snapshot monday: it is of another volume\n", result.Error);
    }
}
