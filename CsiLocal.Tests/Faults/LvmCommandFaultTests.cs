using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using Csi.V1;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Faults;

public sealed class LvmCommandFaultsOnThick : LvmCommandFaultTests<ThickLvmPool>;

public sealed class LvmCommandFaultsOnThin : LvmCommandFaultTests<ThinLvmPool>;

/// <summary>
/// Each lvm command of creation, copy, snapshot, growth and deletion fails in each way; then the call is repeated, with and without a restart.
/// </summary>
public abstract class LvmCommandFaultTests<TPool> : FaultTest<TPool>
    where TPool : LvmPool, new()
{
    private Volume? filled;

    // What failed before anything was done is not made more interesting by a restart.
    public static TheoryData<string, bool> Ways => new()
    {
        { "failed before", false },
        { "failed after", false },
        { "failed after", true },
        { "killed before", true },
        { "killed after", false },
        { "killed after", true },
    };

    private protected override void Prepare(TestDriver driver)
    {
        base.Prepare(driver);
        driver.Seams = driver.Seams with { PoolRetry = TimeSpan.FromMilliseconds(200) };
    }

    [Theory(Timeout = Limit)]
    [MemberData(nameof(Ways))]
    public async Task A_creation_is_finished_by_the_next_call(string fault, bool restart)
    {
        await WithEachCommandAsync("lvcreate", fault, restart, n => Controller.CreateVolumeAsync(Create($"data{n}", Mount())), async created =>
        {
            var target = await MountAsync(created.Volume);
            Write(Path.Combine(target, "file"), seed: 1);
            await UnmountAsync(created.Volume, target);
            await DeleteAsync(created.Volume);
        });
        await RequireNothingLeftAsync();
    }

    [Theory(Timeout = Limit)]
    [MemberData(nameof(Ways))]
    public async Task A_raw_volume_shows_no_old_bytes(string fault, bool restart)
    {
        await WithEachCommandAsync("lvcreate", fault, restart, n => Controller.CreateVolumeAsync(Create($"data{n}", Block())), async created =>
        {
            var target = await MountAsync(created.Volume, Block());
            Assert.Equal(-1, (await File.ReadAllBytesAsync(target)).AsSpan().IndexOfAnyExcept((byte)0));

            // For the next one to find.
            Write(target, seed: 2, bytes: 32 << 20);
            await UnmountAsync(created.Volume, target);
            await DeleteAsync(created.Volume);
        });
        await RequireNothingLeftAsync();
    }

    [Theory(Timeout = Limit)]
    [MemberData(nameof(Ways))]
    public async Task A_larger_restore_is_finished_by_the_next_call(string fault, bool restart)
    {
        var (volume, digest) = await FilledAsync();
        var snapshot = (await Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = volume.VolumeId })).Snapshot;

        await WithEachCommandAsync(
            "lvcreate", fault, restart, n => Controller.CreateVolumeAsync(Create($"copy{n}", Mount(), 48 * MiB).From(snapshot)),
            created => RequireCopyAsync(created.Volume, digest));

        await Controller.DeleteSnapshotAsync(new() { SnapshotId = snapshot.SnapshotId });
        await DeleteAsync(volume);
        await RequireNothingLeftAsync();
    }

    [Theory(Timeout = Limit)]
    [MemberData(nameof(Ways))]
    public async Task A_clone_of_a_mounted_volume_is_finished_by_the_next_call(string fault, bool restart)
    {
        var (volume, digest) = await FilledAsync();
        var source = await MountAsync(volume);

        await WithEachCommandAsync(
            "lvcreate", fault, restart, n => Controller.CreateVolumeAsync(Create($"copy{n}", Mount()).From(volume)),
            created => RequireCopyAsync(created.Volume, digest));

        await UnmountAsync(volume, source);
        await DeleteAsync(volume);
        await RequireNothingLeftAsync();
    }

    [Theory(Timeout = Limit)]
    [MemberData(nameof(Ways))]
    public async Task A_snapshot_is_finished_and_removed_by_the_next_call(string fault, bool restart)
    {
        var (volume, digest) = await FilledAsync();

        await WithEachCommandAsync(
            "lvcreate", fault, restart, n => Controller.CreateSnapshotAsync(new() { Name = $"s{n}", SourceVolumeId = volume.VolumeId }), async created =>
            {
                var copy = await CreateAsync(Create("copy", Mount()).From(created.Snapshot));
                await RequireCopyAsync(copy, digest);
                await WithEachCommandAsync(
                    "lvremove", fault, restart, _ => Controller.DeleteSnapshotAsync(new() { SnapshotId = created.Snapshot.SnapshotId }), static _ => Task.CompletedTask);
                Assert.Empty(Pool.Snapshots());
            });

        await DeleteAsync(volume);
        await RequireNothingLeftAsync();
    }

    [Theory(Timeout = Limit)]
    [MemberData(nameof(Ways))]
    public async Task A_growth_is_finished_by_the_next_call(string fault, bool restart)
    {
        var (volume, digest) = await FilledAsync();
        var target = await MountAsync(volume);

        await WithEachCommandAsync(
            "lvextend", fault, restart,
            n => Controller.ControllerExpandVolumeAsync(new() { VolumeId = volume.VolumeId, CapacityRange = new() { RequiredBytes = (40 + (n * 8)) * MiB } }),
            async grown =>
            {
                Assert.Equal(grown.CapacityBytes, (await Controller.ControllerGetVolumeAsync(new() { VolumeId = volume.VolumeId })).Volume.CapacityBytes);
                Assert.Equal(digest, Digest(Path.Combine(target, "file")));
            });

        await UnmountAsync(volume, target);
        await DeleteAsync(volume);
        await RequireNothingLeftAsync();
    }

    [Theory(Timeout = Limit)]
    [MemberData(nameof(Ways))]
    public async Task A_deletion_is_finished_by_the_next_call(string fault, bool restart)
    {
        var (volume, _) = await FilledAsync();

        await WithEachCommandAsync("lvremove", fault, restart, _ => Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId }), static _ => Task.CompletedTask);

        await RequireNothingLeftAsync();
    }

    [Theory(Timeout = Limit)]
    [MemberData(nameof(Ways))]
    public async Task A_report_that_failed_disturbs_nothing(string fault, bool restart)
    {
        Faults.OnceLvm("fullreport", Fault(fault));
        var (volume, digest) = await FilledAsync();
        if (restart)
            await RestartOnFailingReportAsync(fault);

        var target = await MountAsync(volume);

        Assert.Equal(digest, Digest(Path.Combine(target, "file")));
        await UnmountAsync(volume, target);
        await DeleteAsync(volume);
        await RequireNothingLeftAsync();
    }

    /// <summary>A pool that cannot be read when the driver starts is tried again.</summary>
    private async Task RestartOnFailingReportAsync(string fault)
    {
        Faults.OnceLvm("fullreport", Fault(fault));
        await Driver.RestartAsync();
        while ((await Controller.GetCapacityAsync(new())).AvailableCapacity == 0)
            await Task.Delay(20, TestContext.Current.CancellationToken);
    }

    /// <summary>The call with a fault at its first lvm command, then with one at its second, and so on, until it has no more; each repeated without.</summary>
    /// <param name="first">The command that it begins with.</param>
    /// <param name="fault">What happens to it.</param>
    /// <param name="restart">Restart the driver before the call is repeated.</param>
    /// <param name="call">By its number.</param>
    /// <param name="requireAsync">What has to be true of the answer to the repeated call.</param>
    private async Task WithEachCommandAsync<T>(string first, string fault, bool restart, Func<int, AsyncUnaryCall<T>> call, Func<T, Task> requireAsync)
    {
        for (var n = 1; ; n++)
        {
            var met = Faults.NthLvmChange(n, filled?.VolumeId, Fault(fault));
            await EitherAsync(call(n));
            if (restart)
                await Driver.RestartAsync();
            Faults.Heal();
            await requireAsync(await UntilFreeAsync(() => call(n)));
            if (n == 1)
                Assert.Equal(first, met()?.Arguments[0]);
            if (met() is null)
                return;
        }
    }

    private async Task<(Volume Volume, string Digest)> FilledAsync()
    {
        var volume = filled = await CreateAsync("source");
        var target = await MountAsync(volume);
        Write(Path.Combine(target, "file"), seed: 3);
        var digest = Digest(Path.Combine(target, "file"));
        await UnmountAsync(volume, target);
        return (volume, digest);
    }

    private async Task RequireCopyAsync(Volume copy, string digest)
    {
        var target = await MountAsync(copy);
        Assert.Equal(digest, Digest(Path.Combine(target, "file")));
        await UnmountAsync(copy, target);
        await DeleteAsync(copy);
    }

    private async Task DeleteAsync(Volume volume) => await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });

    private async Task RequireNothingLeftAsync()
    {
        Assert.Empty(Driver.Mounts());
        Assert.Empty(Pool.DevicesInUse());
        Assert.Empty((await Controller.ListVolumesAsync(new())).Entries);
        Assert.Empty(Pool.World.Volumes());
        Assert.Empty((await Driver.Admin.ListTasksAsync(new())).Tasks);
    }
}
