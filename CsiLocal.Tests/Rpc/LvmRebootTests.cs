using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Rpc;

public sealed class LvmRebootOnThick : LvmRebootTests<ThickLvmPool>;

public sealed class LvmRebootOnThin : LvmRebootTests<ThinLvmPool>;

public sealed class LvmRebootOnMirrored : LvmRebootTests<MirroredLvmPool>;

/// <summary>What a reboot, a disk that is gone and a namesake do, on the emulator; the microVM has tests of its own for that.</summary>
public abstract class LvmRebootTests<TPool> : DriverTest<TPool>
    where TPool : LvmPool, new()
{
    private EmulatedLvm Lvm => (EmulatedLvm)Pool.World;

    [Fact(Timeout = Limit)]
    public async Task Volumes_and_snapshots_are_active_after_a_reboot_and_their_bytes_the_same()
    {
        var volume = await CreateAsync("data");
        var raw = await CreateAsync(Create("raw", Block()));
        var target = await MountAsync(volume);
        Write(Path.Combine(target, "file"), seed: 1);
        var digest = Digest(Path.Combine(target, "file"));
        var rawTarget = await MountAsync(raw, Block());
        Write(rawTarget, seed: 2);
        var rawDigest = Digest(rawTarget);
        var snapshot = (await Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = volume.VolumeId })).Snapshot;
        await RebootAsync();

        Assert.Equal(2, (await Controller.ListVolumesAsync(new())).Entries.Count);
        target = await MountAsync(volume);
        Assert.Equal(digest, Digest(Path.Combine(target, "file")));
        Assert.Equal(rawDigest, Digest(await MountAsync(raw, Block())));
        var restored = await CreateAsync(Create("restored", Mount()).From(snapshot));
        Assert.Equal(digest, Digest(Path.Combine(await MountAsync(restored), "file")));
        Assert.DoesNotContain((await Controller.ControllerListVolumeHealthAsync(new())).Entries, static entry => entry.HealthStatuses.Count > 0);
    }

    [Fact(Timeout = Limit)]
    public async Task A_namesake_that_appears_is_not_taken_for_the_pool()
    {
        var volume = await CreateAsync("data");
        var other = Lvm.Emulator.AddGroup(Pool.World.VolumeGroup);
        await Driver.RestartAsync();

        await MountAsync(volume);
        await CreateAsync("more");

        Assert.Empty(other.Volumes);
        Assert.Equal(2, Pool.Volumes().Count);
    }

    [Fact(Timeout = Limit)]
    public async Task Two_namesakes_of_which_none_is_known_are_refused_until_one_is_renamed()
    {
        await Driver.StopAsync();
        Directory.Delete(Driver.StateDirectory, recursive: true);
        var other = Lvm.Emulator.AddGroup(Pool.World.VolumeGroup);
        await Driver.StartAsync();

        await FailsAsync(StatusCode.Unavailable, Controller.CreateVolumeAsync(Create("data", Mount())), "vgrename");

        other.Name = "elsewhere";
        await Driver.RestartAsync();
        await CreateAsync("data");
        Assert.Empty(other.Volumes);
    }

    [Fact(Timeout = Limit)]
    public async Task Without_a_disk_nothing_new_is_made_and_what_can_be_used_is()
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume);
        Write(Path.Combine(target, "file"), seed: 3);
        var digest = Digest(Path.Combine(target, "file"));
        var mirrored = Pool.Options.Lvm!.Layout == CsiLocal.Configuration.LvmLayout.Raid1;
        if (!mirrored)
            await AddDiskAsync();
        await UnmountForRebootAsync();
        Lvm.Emulator.Groups.Single().Disks[^1].IsMissing = true;
        await Driver.StartAsync();

        await FailsAsync(StatusCode.ResourceExhausted, Controller.CreateVolumeAsync(Create("more", Mount())));
        target = await MountAsync(volume);
        Assert.Equal(digest, Digest(Path.Combine(target, "file")));
        Assert.NotEmpty((await Node.NodeGetStorageHealthAsync(new())).BackendHealth);
        var health = (await Controller.ControllerGetVolumeHealthAsync(new() { VolumeId = volume.VolumeId })).VolumeHealth.HealthStatuses;
        Assert.Equal(mirrored ? ["DeviceMissing", "RaidDegraded"] : ["DeviceMissing"], health.Select(static status => status.Reason).Order());

        await UnmountForRebootAsync();
        Lvm.Emulator.Groups.Single().Disks[^1].IsMissing = false;
        await Driver.StartAsync();
        await CreateAsync("more");
        Assert.Empty((await Node.NodeGetStorageHealthAsync(new())).BackendHealth);
    }

    private async Task AddDiskAsync()
    {
        Lvm.Emulator.Groups.Single().Add(new Fakes.Lvm.EmulatedDisk("/dev/emulated-more", 100));
        await Driver.RestartAsync();
    }

    private async Task RebootAsync()
    {
        await UnmountForRebootAsync();
        await Driver.StartAsync();
    }

    private async Task UnmountForRebootAsync()
    {
        await Driver.StopAsync();
        foreach (var path in Driver.Mounts().Reverse())
            HostCommand.Unmount(path);
        Lvm.Emulator.Reboot();
    }
}
