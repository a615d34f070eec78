using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using Csi.V1;
using Google.Protobuf;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;
using Mode = Csi.V1.VolumeCapability.Types.AccessMode.Types.Mode;

namespace CsiLocal.Tests.Rpc;

public sealed class VolumeRpcOnImages : VolumeRpcTests<ImagePool>;

public sealed class VolumeRpcOnReflinkImages : VolumeRpcTests<XfsImagePool>;

public sealed class VolumeRpcOnSubvolumes : VolumeRpcTests<BtrfsDirectoryPool>;

public sealed class VolumeRpcOnDirectories : VolumeRpcTests<PlainDirectoryPool>;

[Trait("Vm", "yes")]
[Trait("Run", "long")]
public sealed class VolumeRpcOnThickLvm : VolumeRpcTests<ThickLvmPool>;

[Trait("Vm", "yes")]
public sealed class VolumeRpcOnThinLvm : VolumeRpcTests<ThinLvmPool>;

[Trait("Needs", "vm")]
[Trait("Run", "long")]
public sealed class VolumeRpcOnXfsQuota : VolumeRpcTests<XfsQuotaDirectoryPool>;

[Trait("Needs", "vm")]
[Trait("Run", "long")]
public sealed class VolumeRpcOnExt4Quota : VolumeRpcTests<Ext4QuotaDirectoryPool>;

/// <summary>CreateVolume, DeleteVolume, ControllerExpandVolume, ControllerGetVolume, ListVolumes, ValidateVolumeCapabilities, GetCapacity.</summary>
public abstract class VolumeRpcTests<TPool> : DriverTest<TPool>
    where TPool : TestPool, new()
{
    [Fact(Timeout = Limit)]
    public async Task Create_gives_at_least_the_required_bytes_on_this_node_in_the_pool()
    {
        var volume = await CreateAsync("data", (20 * MiB) + 1);

        Assert.True(volume.CapacityBytes > 20 * MiB);
        Assert.Equal(21, volume.VolumeId.Length);
        Assert.Equal("node-a", Assert.Single(Assert.Single(volume.AccessibleTopology).Segments).Value);
        Assert.Equal(Pool.Options.Name, volume.VolumeContext["pool"]);
    }

    [Fact(Timeout = Limit)]
    public async Task Create_repeated_gives_the_same_bytes_also_after_a_restart()
    {
        var first = (await Controller.CreateVolumeAsync(Create("data", Mount()))).ToByteString();
        var second = (await Controller.CreateVolumeAsync(Create("data", Mount()))).ToByteString();
        await Driver.RestartAsync();

        Assert.Equal(first, second);
        Assert.Equal(first, (await Controller.CreateVolumeAsync(Create("data", Mount()))).ToByteString());
    }

    [Fact(Timeout = Limit)]
    public async Task Create_of_a_taken_name_with_another_specification_is_ALREADY_EXISTS()
    {
        await CreateAsync("data");
        var snapshot = (await Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = (await CreateAsync("other")).VolumeId })).Snapshot;
        var limited = Create("data", Mount(), 16 * MiB);
        limited.CapacityRange.LimitBytes = 17 * MiB;

        await FailsAsync(StatusCode.AlreadyExists, Controller.CreateVolumeAsync(Create("data", Mount(), 64 * MiB)), "required_bytes");
        await FailsAsync(StatusCode.AlreadyExists, Controller.CreateVolumeAsync(limited), "limit_bytes");
        await FailsAsync(StatusCode.AlreadyExists, Controller.CreateVolumeAsync(Create("data", Mount()).From(snapshot)), "source");
        var parametrised = Create("data", Mount());
        parametrised.Parameters["pool"] = Pool.Options.Name;
        await FailsAsync(StatusCode.AlreadyExists, Controller.CreateVolumeAsync(parametrised), "parameters");
        if (Pool.IsBlock)
            await FailsAsync(StatusCode.AlreadyExists, Controller.CreateVolumeAsync(Create("data", Block())), "access type");
    }

    [Fact(Timeout = Limit)]
    public async Task Create_from_what_does_not_exist_is_NOT_FOUND_and_leaves_nothing()
    {
        var missing = new Volume { VolumeId = CsiLocal.Volumes.VolumeId.Mint("never").Value };

        await FailsAsync(StatusCode.NotFound, Controller.CreateVolumeAsync(Create("data", Mount()).From(missing)));
        await FailsAsync(StatusCode.NotFound, Controller.CreateVolumeAsync(Create("data", Mount()).From(new Volume { VolumeId = "../../etc" })));
        await FailsAsync(StatusCode.NotFound, Controller.CreateVolumeAsync(Create("data", Mount()).From(new Snapshot { SnapshotId = "nothing" })));

        Assert.Empty((await Controller.ListVolumesAsync(new())).Entries);
    }

    [Fact(Timeout = Limit)]
    public async Task Create_beyond_what_there_is_is_RESOURCE_EXHAUSTED_and_leaves_nothing()
    {
        await FailsAsync(StatusCode.ResourceExhausted, Controller.CreateVolumeAsync(Create("huge", Mount(), 10L << 40)), "available");

        Assert.Empty((await Controller.ListVolumesAsync(new())).Entries);
        Assert.Empty(Pool.Volumes());
    }

    [Fact(Timeout = Limit)]
    public async Task Create_outside_any_possible_size_is_OUT_OF_RANGE()
    {
        await FailsAsync(StatusCode.OutOfRange, Controller.CreateVolumeAsync(Create("data", Mount(), long.MaxValue)));
        var narrow = Create("data", Mount(), 1);
        narrow.CapacityRange.LimitBytes = 2;
        await FailsAsync(StatusCode.OutOfRange, Controller.CreateVolumeAsync(narrow), "limit_bytes");
    }

    [Fact(Timeout = Limit)]
    public async Task Create_for_another_node_is_RESOURCE_EXHAUSTED()
    {
        var request = Create("data", Mount());
        request.AccessibilityRequirements = new() { Requisite = { new Topology { Segments = { ["topology.local.csilocal.dev/node"] = "node-b" } } } };

        await FailsAsync(StatusCode.ResourceExhausted, Controller.CreateVolumeAsync(request), "node-a");
    }

    [Fact(Timeout = Limit)]
    public async Task Create_with_an_unsupported_access_mode_is_INVALID_ARGUMENT() =>
        await FailsAsync(StatusCode.InvalidArgument, Controller.CreateVolumeAsync(Create("data", Mount(Mode.MultiNodeMultiWriter))), "access_mode");

    [Fact(Timeout = Limit)]
    public async Task Delete_removes_the_volume_and_its_space_and_may_be_repeated()
    {
        var before = (await Controller.GetCapacityAsync(new())).AvailableCapacity;
        var volume = await CreateAsync("data", 100 * MiB);
        Assert.True((await Controller.GetCapacityAsync(new())).AvailableCapacity <= before - (Pool.HardLimit ? 100 * MiB : 0));

        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });
        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });

        Assert.Empty((await Controller.ListVolumesAsync(new())).Entries);
        Assert.Empty(Pool.Volumes());
    }

    [Theory(Timeout = Limit)]
    [InlineData("unknown")]
    [InlineData("../../../etc/passwd")]
    [InlineData("vaaaaaaaaaaaaaaaaaaaa")]
    public async Task Delete_of_what_never_existed_is_OK(string id) => await Controller.DeleteVolumeAsync(new() { VolumeId = id });

    [Fact(Timeout = Limit)]
    public async Task Delete_while_in_use_is_FAILED_PRECONDITION_and_names_the_path()
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume);

        await FailsAsync(StatusCode.FailedPrecondition, Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId }), target);

        await UnmountAsync(volume, target);
        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });
    }

    [Fact(Timeout = Limit)]
    public async Task Volumes_are_listed_in_pages_that_survive_deletes_in_between()
    {
        var made = new List<string>();
        for (var i = 0; i < 5; i++)
            made.Add((await CreateAsync($"v{i}", 16 * MiB)).VolumeId);

        var first = await Controller.ListVolumesAsync(new() { MaxEntries = 2 });
        await Controller.DeleteVolumeAsync(new() { VolumeId = made[1] });
        var second = await Controller.ListVolumesAsync(new() { MaxEntries = 2, StartingToken = first.NextToken });
        var third = await Controller.ListVolumesAsync(new() { MaxEntries = 2, StartingToken = second.NextToken });

        Assert.Equal(made, first.Entries.Concat(second.Entries).Concat(third.Entries).Select(static entry => entry.Volume.VolumeId));
        Assert.Equal("", third.NextToken);
    }

    [Theory(Timeout = Limit)]
    [InlineData("rubbish")]
    [InlineData("-1")]
    [InlineData("0")]
    [InlineData("99999999999999999999")]
    public async Task A_token_that_was_never_given_out_is_ABORTED(string token)
    {
        await FailsAsync(StatusCode.Aborted, Controller.ListVolumesAsync(new() { StartingToken = token }), "starting_token");
        await FailsAsync(StatusCode.Aborted, Controller.ListSnapshotsAsync(new() { StartingToken = token }), "starting_token");
    }

    [Fact(Timeout = Limit)]
    public async Task A_volume_is_shown_with_the_nodes_it_is_published_on()
    {
        var volume = await CreateAsync("data");
        Assert.Empty((await Controller.ControllerGetVolumeAsync(new() { VolumeId = volume.VolumeId })).Status.PublishedNodeIds);
        await MountAsync(volume);

        var shown = await Controller.ControllerGetVolumeAsync(new() { VolumeId = volume.VolumeId });

        Assert.Equal(volume, shown.Volume);
        Assert.Equal("node-a", Assert.Single(shown.Status.PublishedNodeIds));
        Assert.False(shown.Status.VolumeCondition.Abnormal);
        Assert.Equal("node-a", Assert.Single(Assert.Single((await Controller.ListVolumesAsync(new())).Entries).Status.PublishedNodeIds));
        await FailsAsync(StatusCode.NotFound, Controller.ControllerGetVolumeAsync(new() { VolumeId = "nothing" }));
    }

    [Fact(Timeout = Limit)]
    public async Task Expand_grows_a_volume_and_answers_the_same_when_repeated()
    {
        var volume = await CreateAsync("data");
        var request = new ControllerExpandVolumeRequest { VolumeId = volume.VolumeId, CapacityRange = new() { RequiredBytes = 64 * MiB } };

        var first = await Controller.ControllerExpandVolumeAsync(request);
        var second = await Controller.ControllerExpandVolumeAsync(request);

        Assert.Equal(64 * MiB, first.CapacityBytes);
        Assert.Equal(first, second);
        Assert.Equal(Pool.IsBlock, first.NodeExpansionRequired);
        Assert.Equal(64 * MiB, (await Controller.ControllerGetVolumeAsync(new() { VolumeId = volume.VolumeId })).Volume.CapacityBytes);
    }

    [Fact(Timeout = Limit)]
    public async Task Expand_refuses_with_the_code_of_the_specification()
    {
        var id = (await CreateAsync("data")).VolumeId;
        ControllerExpandVolumeRequest To(string volume, long required, long limit = 0) =>
            new() { VolumeId = volume, CapacityRange = new() { RequiredBytes = required, LimitBytes = limit } };

        await FailsAsync(StatusCode.NotFound, Controller.ControllerExpandVolumeAsync(To("nothing", MiB)));
        await FailsAsync(StatusCode.InvalidArgument, Controller.ControllerExpandVolumeAsync(To(id, 0)), "capacity_range");
        await FailsAsync(StatusCode.InvalidArgument, Controller.ControllerExpandVolumeAsync(To(id, 2 * MiB, MiB)), "limit_bytes");
        await FailsAsync(StatusCode.OutOfRange, Controller.ControllerExpandVolumeAsync(To(id, long.MaxValue)));
        await FailsAsync(StatusCode.ResourceExhausted, Controller.ControllerExpandVolumeAsync(To(id, 10L << 40)));
        Assert.Equal(32 * MiB, (await Controller.ControllerGetVolumeAsync(new() { VolumeId = id })).Volume.CapacityBytes);
    }

    [Fact(Timeout = Limit)]
    public async Task Capabilities_are_confirmed_or_the_reason_is_told()
    {
        var volume = await CreateAsync("data");
        var confirmed = await Controller.ValidateVolumeCapabilitiesAsync(
            new() { VolumeId = volume.VolumeId, VolumeCapabilities = { Mount() }, VolumeContext = { volume.VolumeContext } });
        var multi = await Controller.ValidateVolumeCapabilitiesAsync(
            new() { VolumeId = volume.VolumeId, VolumeCapabilities = { Mount(Mode.MultiNodeReaderOnly) } });
        var block = await Controller.ValidateVolumeCapabilitiesAsync(new() { VolumeId = volume.VolumeId, VolumeCapabilities = { Block() } });

        Assert.Equal(Mount(), Assert.Single(confirmed.Confirmed.VolumeCapabilities));
        Assert.Null(multi.Confirmed);
        Assert.Contains("access_mode", multi.Message, StringComparison.Ordinal);
        Assert.Null(block.Confirmed);
        await FailsAsync(StatusCode.NotFound, Controller.ValidateVolumeCapabilitiesAsync(new() { VolumeId = "nothing", VolumeCapabilities = { Mount() } }));
        await FailsAsync(StatusCode.InvalidArgument, Controller.ValidateVolumeCapabilitiesAsync(new() { VolumeId = volume.VolumeId }));
    }

    [Fact(Timeout = Limit)]
    public async Task Capacity_is_zero_for_other_nodes_and_pools_and_for_what_the_pool_cannot_do()
    {
        Assert.True((await Controller.GetCapacityAsync(new())).AvailableCapacity > 0);
        var elsewhere = new Topology { Segments = { ["topology.local.csilocal.dev/node"] = "node-b" } };
        Assert.Equal(0, (await Controller.GetCapacityAsync(new() { AccessibleTopology = elsewhere })).AvailableCapacity);
        Assert.Equal(0, (await Controller.GetCapacityAsync(new() { Parameters = { ["pool"] = "elsewhere" } })).AvailableCapacity);
        var block = (await Controller.GetCapacityAsync(new() { VolumeCapabilities = { Block() } })).AvailableCapacity;
        Assert.Equal(Pool.IsBlock, block > 0);
        await FailsAsync(StatusCode.InvalidArgument, Controller.GetCapacityAsync(new() { Parameters = { ["pol"] = "x" } }), "pol");
    }

    [Fact(Timeout = Limit)]
    public async Task Health_is_told_by_the_new_calls_and_by_the_old_condition()
    {
        var volume = await CreateAsync("data");
        Assert.Empty((await Controller.ControllerGetVolumeHealthAsync(new() { VolumeId = volume.VolumeId })).VolumeHealth.HealthStatuses);

        var data = (await Driver.Admin.GetVolumeDetailAsync(new() { Volume = "data" })).Location;
        Pool.TakeAway(volume.VolumeId, data);
        if (!Pool.IsWatched)
            await Driver.RestartAsync();

        var health = Assert.Single((await Controller.ControllerListVolumeHealthAsync(new())).Entries);
        Assert.Equal(volume.VolumeId, health.VolumeId);
        Assert.Equal(VolumeHealthErrorType.DataLoss, Assert.Single(health.HealthStatuses).Status);
        Assert.True((await Controller.ControllerGetVolumeAsync(new() { VolumeId = volume.VolumeId })).Status.VolumeCondition.Abnormal);
        Assert.NotEmpty((await Node.NodeGetVolumeHealthAsync(new() { VolumeId = volume.VolumeId })).VolumeHealth.HealthStatuses);
        await FailsAsync(StatusCode.NotFound, Controller.ControllerGetVolumeHealthAsync(new() { VolumeId = "nothing" }));

        Pool.BringBack(volume.VolumeId, data);
    }
}
