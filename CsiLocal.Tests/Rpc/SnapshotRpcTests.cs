using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using Csi.V1;
using Google.Protobuf;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;
using Mode = Csi.V1.VolumeCapability.Types.AccessMode.Types.Mode;

namespace CsiLocal.Tests.Rpc;

public sealed class SnapshotRpcOnImages : SnapshotRpcTests<ImagePool>;

public sealed class SnapshotRpcOnReflinkImages : SnapshotRpcTests<XfsImagePool>;

public sealed class SnapshotRpcOnSubvolumes : SnapshotRpcTests<BtrfsDirectoryPool>;

public sealed class SnapshotRpcOnDirectories : SnapshotRpcTests<PlainDirectoryPool>;

[Trait("Vm", "yes")]
[Trait("Run", "long")]
public sealed class SnapshotRpcOnThickLvm : SnapshotRpcTests<ThickLvmPool>;

[Trait("Vm", "yes")]
public sealed class SnapshotRpcOnThinLvm : SnapshotRpcTests<ThinLvmPool>;

[Trait("Needs", "vm")]
[Trait("Run", "long")]
public sealed class SnapshotRpcOnXfsQuota : SnapshotRpcTests<XfsQuotaDirectoryPool>;

[Trait("Needs", "vm")]
[Trait("Run", "long")]
public sealed class SnapshotRpcOnExt4Quota : SnapshotRpcTests<Ext4QuotaDirectoryPool>;

/// <summary>CreateSnapshot, DeleteSnapshot, GetSnapshot, ListSnapshots, and volumes made from snapshots and volumes.</summary>
public abstract class SnapshotRpcTests<TPool> : DriverTest<TPool>
    where TPool : TestPool, new()
{
    [Fact(Timeout = Limit)]
    public async Task A_snapshot_keeps_what_the_volume_held_and_a_restored_volume_mounts_beside_it()
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume);
        Write(Path.Combine(target, "file"), seed: 1);
        if (!Pool.SnapshotsWhileMounted)
            await UnmountAsync(volume, target);

        var snapshot = await SnapshotAsync(volume, "before");
        if (!Pool.SnapshotsWhileMounted)
            target = await MountAsync(volume);

        Write(Path.Combine(target, "file"), seed: 2);
        var restored = await CreateAsync(Create("restored", Mount(), 64 * MiB).From(snapshot));
        var beside = await MountAsync(restored);

        Assert.True(snapshot.ReadyToUse);
        Assert.Equal(snapshot.SnapshotId, restored.ContentSource.Snapshot.SnapshotId);
        Assert.Equal(DigestOf(1), Digest(Path.Combine(beside, "file")));
        Assert.Equal(DigestOf(2), Digest(Path.Combine(target, "file")));
        if (Pool.HardLimit)
            Assert.True(TotalBytes(beside) > 40 * MiB, "the file system was not grown to the larger volume");
    }

    [Theory(Timeout = Limit)]
    [InlineData("ext4", 32)]
    [InlineData("xfs", 320)]
    [InlineData("btrfs", 160)]
    public async Task A_clone_of_each_file_system_mounts_beside_its_source_with_a_UUID_of_its_own(string filesystem, int sizeMiB)
    {
        if (!Pool.IsBlock)
            return; // A directory has no file system of its own: there is nothing to tell apart.

        var source = await CreateAsync(Create("source", Mount(Mode.SingleNodeWriter, filesystem), sizeMiB * MiB));
        var target = await MountAsync(source);
        Write(Path.Combine(target, "file"), seed: 3);
        var mountedClone = await CreateAsync(Create("clone-of-mounted", Mount(), sizeMiB * MiB).From(source));
        await UnmountAsync(source, target);
        var clone = await CreateAsync(Create("clone", Mount(), sizeMiB * MiB).From(source));

        target = await MountAsync(source);
        var first = await MountAsync(mountedClone);
        var second = await MountAsync(clone);

        Assert.All(new[] { target, first, second }, path => Assert.Equal(DigestOf(3), Digest(Path.Combine(path, "file"))));
        var uuids = new List<string>();
        foreach (var name in new[] { "source", "clone-of-mounted", "clone" })
            uuids.Add((await Driver.Admin.GetVolumeDetailAsync(new() { Volume = name })).FilesystemUuid);

        Assert.Equal(3, uuids.Distinct().Count());
        Write(Path.Combine(second, "file"), seed: 4);
        Assert.Equal(DigestOf(3), Digest(Path.Combine(target, "file")));
    }

    [Fact(Timeout = Limit)]
    public async Task A_snapshot_outlives_its_volume_and_a_restored_volume_its_snapshot()
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume);
        Write(Path.Combine(target, "file"), seed: 5);
        await UnmountAsync(volume, target);
        var snapshot = await SnapshotAsync(volume, "before");
        if (Pool.SnapshotsNeedSource)
            await FailsAsync(StatusCode.FailedPrecondition, Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId }), snapshot.SnapshotId);
        else
            await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });

        var restored = await CreateAsync(Create("restored", Mount(), 32 * MiB).From(snapshot));
        await Controller.DeleteSnapshotAsync(new() { SnapshotId = snapshot.SnapshotId });
        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });

        Assert.Equal(DigestOf(5), Digest(Path.Combine(await MountAsync(restored), "file")));
    }

    [Fact(Timeout = Limit)]
    public async Task A_snapshot_of_a_volume_that_was_never_mounted_restores_to_one_that_can_be()
    {
        var snapshot = await SnapshotAsync(await CreateAsync("data"), "empty");

        var target = await MountAsync(await CreateAsync(Create("restored", Mount(), 32 * MiB).From(snapshot)));

        Write(Path.Combine(target, "file"), seed: 6);
    }

    [Fact(Timeout = Limit)]
    public async Task Create_repeated_gives_the_same_bytes_and_another_source_is_ALREADY_EXISTS()
    {
        var volume = await CreateAsync("data");
        var other = await CreateAsync("other");
        var request = new CreateSnapshotRequest { Name = "s", SourceVolumeId = volume.VolumeId };

        var first = (await Controller.CreateSnapshotAsync(request)).ToByteString();
        await Driver.RestartAsync();

        Assert.Equal(first, (await Controller.CreateSnapshotAsync(request)).ToByteString());
        await FailsAsync(StatusCode.AlreadyExists, Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = other.VolumeId }), "s");
    }

    [Fact(Timeout = Limit)]
    public async Task A_snapshot_of_nothing_is_NOT_FOUND_and_a_foreign_parameter_INVALID_ARGUMENT()
    {
        var volume = await CreateAsync("data");

        await FailsAsync(StatusCode.NotFound, Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = "nothing" }));
        await FailsAsync(StatusCode.InvalidArgument, Controller.CreateSnapshotAsync(new() { Name = "", SourceVolumeId = volume.VolumeId }), "name");
        await FailsAsync(StatusCode.InvalidArgument, Controller.CreateSnapshotAsync(new() { Name = "s" }), "source_volume_id");
        await FailsAsync(
            StatusCode.InvalidArgument,
            Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = volume.VolumeId, Parameters = { ["x"] = "y" } }), "parameters[x]");
        Assert.Empty((await Controller.ListSnapshotsAsync(new())).Entries);
    }

    [Fact(Timeout = Limit)]
    public async Task A_directory_that_is_in_use_cannot_be_copied_and_the_remedy_is_told()
    {
        if (Pool.SnapshotsWhileMounted)
            return; // The other pools can; the first test shows it.

        var volume = await CreateAsync("data");
        await MountAsync(volume);

        await FailsAsync(
            StatusCode.FailedPrecondition, Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = volume.VolumeId }), "npublish");
        Assert.Empty((await Controller.ListSnapshotsAsync(new())).Entries);
    }

    [Fact(Timeout = Limit)]
    public async Task A_restore_that_does_not_fit_its_source_is_refused()
    {
        var snapshot = await SnapshotAsync(await CreateAsync("data"), "s");
        var limited = Create("small", Mount(), 0).From(snapshot);
        limited.CapacityRange = new() { LimitBytes = 20 * MiB };

        await FailsAsync(StatusCode.OutOfRange, Controller.CreateVolumeAsync(Create("small", Mount(), 16 * MiB).From(snapshot)), "source");
        await FailsAsync(StatusCode.OutOfRange, Controller.CreateVolumeAsync(limited), "limit_bytes");
        var elsewhere = Create("other", Mount()).From(snapshot);
        elsewhere.Parameters["pool"] = "elsewhere";
        await FailsAsync(StatusCode.InvalidArgument, Controller.CreateVolumeAsync(elsewhere), "pool");
        await FailsAsync(StatusCode.InvalidArgument, Controller.CreateVolumeAsync(Create("block", Block()).From(snapshot)));
    }

    [Fact(Timeout = Limit)]
    public async Task Snapshots_are_listed_in_pages_and_by_source_and_id()
    {
        var (one, two) = (await CreateAsync("one"), await CreateAsync("two"));
        var made = new List<Snapshot>();
        for (var i = 0; i < 3; i++)
            made.Add(await SnapshotAsync(one, $"s{i}"));

        var other = await SnapshotAsync(two, "other");
        var first = await Controller.ListSnapshotsAsync(new() { MaxEntries = 3 });
        var rest = await Controller.ListSnapshotsAsync(new() { MaxEntries = 3, StartingToken = first.NextToken });

        Assert.Equal([.. made, other], first.Entries.Concat(rest.Entries).Select(static entry => entry.Snapshot));
        Assert.Equal("", rest.NextToken);
        Assert.Equal(other, Assert.Single((await Controller.ListSnapshotsAsync(new() { SourceVolumeId = two.VolumeId })).Entries).Snapshot);
        Assert.Equal(made[1], Assert.Single((await Controller.ListSnapshotsAsync(new() { SnapshotId = made[1].SnapshotId })).Entries).Snapshot);
        Assert.Empty((await Controller.ListSnapshotsAsync(new() { SnapshotId = "nothing" })).Entries);
        Assert.Empty((await Controller.ListSnapshotsAsync(new() { SourceVolumeId = "nothing" })).Entries);
        Assert.Equal(made[0], (await Controller.GetSnapshotAsync(new() { SnapshotId = made[0].SnapshotId })).Snapshot);
        await FailsAsync(StatusCode.NotFound, Controller.GetSnapshotAsync(new() { SnapshotId = "nothing" }));
    }

    [Fact(Timeout = Limit)]
    public async Task Delete_removes_a_snapshot_and_may_be_repeated()
    {
        var snapshot = await SnapshotAsync(await CreateAsync("data"), "s");

        await Controller.DeleteSnapshotAsync(new() { SnapshotId = snapshot.SnapshotId });
        await Controller.DeleteSnapshotAsync(new() { SnapshotId = snapshot.SnapshotId });
        await Controller.DeleteSnapshotAsync(new() { SnapshotId = "../../etc/passwd" });

        Assert.Empty((await Controller.ListSnapshotsAsync(new())).Entries);
        Assert.Empty(Pool.Snapshots());
        await FailsAsync(StatusCode.InvalidArgument, Controller.DeleteSnapshotAsync(new()), "snapshot_id");
    }

    private async Task<Snapshot> SnapshotAsync(Volume volume, string name) =>
        (await Controller.CreateSnapshotAsync(new() { Name = name, SourceVolumeId = volume.VolumeId })).Snapshot;

    private static string DigestOf(int seed)
    {
        var content = new byte[1 << 20];
        new Random(seed).NextBytes(content);
        return Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(content));
    }

    private static long TotalBytes(string path) => new DriveInfo(path).TotalSize;
}
