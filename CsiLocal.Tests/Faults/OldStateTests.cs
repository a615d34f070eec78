using Csi.V1;
using CsiLocal.State;
using CsiLocal.Tests.Rpc;
using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using CsiLocal.Volumes;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Faults;

public sealed class OldStateOnImages : OldStateTests<ImagePool>;

public sealed class OldStateOnSubvolumes : OldStateTests<BtrfsDirectoryPool>;

public sealed class OldStateOnDirectories : OldStateTests<PlainDirectoryPool>;

[Trait("Vm", "yes")]
[Trait("Run", "long")]
public sealed class OldStateOnThickLvm : OldStateTests<ThickLvmPool>;

[Trait("Vm", "yes")]
[Trait("Run", "long")]
public sealed class OldStateOnThinLvm : OldStateTests<ThinLvmPool>;

[Trait("Needs", "vm")]
[Trait("Run", "long")]
public sealed class OldStateOnXfsQuota : OldStateTests<XfsQuotaDirectoryPool>;

/// <summary>state.db from a backup: whatever happened to the pool since is known again, and nothing is done because of what the old rows say.</summary>
public abstract class OldStateTests<TPool> : DriverTest<TPool>
    where TPool : TestPool, new()
{
    private protected CapturedLog Log { get; } = new();

    private string Backup => Driver.PathOf("backup.db");

    private protected override void Prepare(TestDriver driver) => driver.Loggers = Log;

    [Fact(Timeout = Limit)]
    public async Task What_was_made_grown_and_cut_since_is_known_again()
    {
        var grown = await CreateAsync("grown");
        await BackUpAsync();
        var target = await MountAsync(grown);
        Write(Path.Combine(target, "file"), seed: 1);
        var digest = Digest(Path.Combine(target, "file"));
        await UnmountAsync(grown, target);
        var bytes = (await Controller.ControllerExpandVolumeAsync(
            new() { VolumeId = grown.VolumeId, CapacityRange = new() { RequiredBytes = 64 * MiB } })).CapacityBytes;
        var made = await CreateAsync("made");
        var snapshot = (await Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = grown.VolumeId })).Snapshot;
        await RestoreAsync();

        var listed = (await Controller.ListVolumesAsync(new())).Entries.Select(static entry => entry.Volume).ToDictionary(static known => known.VolumeId);
        Assert.Equal(2, listed.Count);
        Assert.Equal(bytes, listed[grown.VolumeId].CapacityBytes);
        Assert.Equal(made, listed[made.VolumeId]);
        Assert.Equal(snapshot, Assert.Single((await Controller.ListSnapshotsAsync(new())).Entries).Snapshot);
        await MountAsync(made);
        Assert.Equal(digest, Digest(Path.Combine(await MountAsync(grown), "file")));
        Assert.Equal(digest, Digest(Path.Combine(await MountAsync(await CreateAsync(Create("restored", Mount(), 64 * MiB).From(snapshot))), "file")));
        Assert.DoesNotContain((await Controller.ControllerListVolumeHealthAsync(new())).Entries, static entry => entry.HealthStatuses.Count > 0);
    }

    [Fact(Timeout = Limit)]
    public async Task A_volume_that_was_deleted_since_keeps_its_row_and_raises_health_until_it_is_deleted_again()
    {
        var deleted = await CreateAsync("deleted");
        var kept = await CreateAsync("kept");
        await BackUpAsync();
        await Controller.DeleteVolumeAsync(new() { VolumeId = deleted.VolumeId });
        await RestoreAsync();

        var health = (await Controller.ControllerListVolumeHealthAsync(new())).Entries.Where(static entry => entry.HealthStatuses.Count > 0);
        Assert.Equal(deleted.VolumeId, Assert.Single(health).VolumeId);
        Assert.Contains(Log.Lines, line => line.Contains($"{deleted.VolumeId} has no data", StringComparison.Ordinal));
        await Controller.DeleteVolumeAsync(new() { VolumeId = deleted.VolumeId });
        Assert.Equal(kept, Assert.Single((await Controller.ListVolumesAsync(new())).Entries).Volume);
        Assert.Single(Pool.Volumes(), name => name.Contains(kept.VolumeId, StringComparison.Ordinal) && !name.EndsWith(".json", StringComparison.Ordinal));
    }

    [Fact(Timeout = Limit)]
    public async Task What_went_into_the_trash_since_is_there_and_what_came_back_since_is_a_volume()
    {
        var gone = await CreateKeptAsync("gone");
        var target = await MountAsync(gone);
        Write(Path.Combine(target, "file"), seed: 5);
        var digest = Digest(Path.Combine(target, "file"));
        await UnmountAsync(gone, target);
        var back = await CreateKeptAsync("back");
        await Controller.DeleteVolumeAsync(new() { VolumeId = back.VolumeId });
        await BackUpAsync();
        await Controller.DeleteVolumeAsync(new() { VolumeId = gone.VolumeId });
        await Driver.Admin.UndeleteVolumeAsync(new() { Volume = "back", NewName = "renamed" });
        await RestoreAsync();

        Assert.Equal(VolumeId.Mint("renamed").Value, Assert.Single((await Controller.ListVolumesAsync(new())).Entries).Volume.VolumeId);
        Assert.Equal("gone", Assert.Single((await Driver.Admin.ListTrashAsync(new())).Volumes).Name);
        Assert.DoesNotContain((await Controller.ControllerListVolumeHealthAsync(new())).Entries, static entry => entry.HealthStatuses.Count > 0);

        await Driver.Admin.UndeleteVolumeAsync(new() { Volume = "gone" });
        Assert.Equal(digest, Digest(Path.Combine(await MountAsync(gone), "file")));
    }

    [Fact(Timeout = Limit)]
    public async Task A_volume_that_was_deleted_and_made_again_is_the_new_one()
    {
        await CreateAsync("data");
        await BackUpAsync();
        await Controller.DeleteVolumeAsync(new() { VolumeId = VolumeId.Mint("data").Value });
        var volume = await CreateAsync("data", 64 * MiB);
        var target = await MountAsync(volume);
        Write(Path.Combine(target, "file"), seed: 2);
        var digest = Digest(Path.Combine(target, "file"));
        await UnmountAsync(volume, target);
        await RestoreAsync();

        Assert.Equal(volume, Assert.Single((await Controller.ListVolumesAsync(new())).Entries).Volume);
        Assert.Equal(digest, Digest(Path.Combine(await MountAsync(volume), "file")));
    }

    [Fact(Timeout = Limit)]
    public async Task An_intent_of_long_ago_does_nothing_to_a_volume_that_went_on()
    {
        var volume = await CreateAsync("data");
        await Driver.StopAsync();
        Change(store =>
        {
            var record = store.FindVolume(VolumeId.Mint("data"))!;
            store.UpdateVolume(record with { State = VolumeState.Creating, Format = FormatState.Never });
            store.PutTask(new TaskRecord { TargetId = record.Id.Value, Kind = TaskKind.Erase, SourceId = record.Id.Value, StartedAt = record.CreatedAt });
        });
        File.Copy(Path.Combine(Driver.StateDirectory, StateFile.Name), Backup);
        Change(store => store.UpdateVolume(store.FindVolume(VolumeId.Mint("data"))! with { State = VolumeState.Ready }));
        Change(store => store.RemoveTask(volume.VolumeId));
        await Driver.StartAsync();
        var target = await MountAsync(volume);
        Write(Path.Combine(target, "file"), seed: 3);
        var digest = Digest(Path.Combine(target, "file"));
        await UnmountAsync(volume, target);
        await RestoreAsync();

        // A directory, of which nothing tells that it was used, is handed to its backend once more, which finds it made.
        while ((await Controller.ListVolumesAsync(new())).Entries.Count == 0)
            await Task.Delay(20);

        Assert.Equal(volume, Assert.Single((await Controller.ListVolumesAsync(new())).Entries).Volume);
        Assert.Empty((await Driver.Admin.ListTasksAsync(new())).Tasks);
        Assert.Equal(digest, Digest(Path.Combine(await MountAsync(volume), "file")));
    }

    [Fact(Timeout = Limit)]
    public async Task An_old_row_that_says_never_formatted_formats_nothing()
    {
        if (!Pool.IsBlock)
            return; // Directories are not formatted.

        var volume = await CreateAsync("data");
        await BackUpAsync();
        var target = await MountAsync(volume);
        Write(Path.Combine(target, "file"), seed: 4);
        var digest = Digest(Path.Combine(target, "file"));
        await UnmountAsync(volume, target);
        await RestoreAsync();

        // As if the comparison had not been: the row once more as it was, behind the running daemon's back; only the metadata speaks against an mkfs.
        Change(store => store.UpdateVolume(store.FindVolume(VolumeId.Mint("data"))! with { Format = FormatState.Never, FormattedAt = null }));
        await FailsAsync(StatusCode.DataLoss, Node.NodeStageVolumeAsync(Stage(volume, StagingOf(volume), Mount())), "metadata beside its data says formatted");

        await Driver.RestartAsync();
        Assert.Equal(digest, Digest(Path.Combine(await MountAsync(volume), "file")));
    }

    [Fact(Timeout = Limit)]
    public async Task Mounts_made_since_are_known_again_and_the_volumes_can_be_unmounted()
    {
        var before = await CreateAsync("before");
        await BackUpAsync();
        var after = await CreateAsync("after");
        string[] targets = [await MountAsync(before), await MountAsync(after)];
        await RestoreAsync();

        foreach (var (volume, target) in new[] { (before, targets[0]), (after, targets[1]) })
        {
            var detail = await Driver.Admin.GetVolumeDetailAsync(new() { Volume = volume.VolumeId });
            Assert.Equal([("stage", StagingOf(volume)), ("publish", target)], detail.Publications.Select(static use => (use.Kind, use.Path)));
            await Node.NodeGetVolumeStatsAsync(new() { VolumeId = volume.VolumeId, VolumePath = target });
            await FailsAsync(StatusCode.FailedPrecondition, Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId }));

            // The kubelet repeats what it has done before, with flags and modes that no mount table tells.
            await Node.NodeStageVolumeAsync(Stage(volume, StagingOf(volume), Mount()));
            await Node.NodePublishVolumeAsync(Publish(volume, StagingOf(volume), target, Mount()));
            await UnmountAsync(volume, target);
        }

        Assert.Empty(Driver.Mounts());
        Assert.Empty(Pool.DevicesInUse());
    }

    [Fact(Timeout = Limit)]
    public async Task Whoever_names_a_path_knows_better_what_it_is_than_the_guess_from_the_mount_table()
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume);
        await BackUpAsync();
        await RestoreAsync();
        Change(store =>
        {
            foreach (var use in store.PublicationsOf(VolumeId.Parse(volume.VolumeId)))
                store.RemovePublication(use.Volume, use.Kind, use.Path);
            Put(store, PublicationKind.Stage, target);
            Put(store, PublicationKind.Publish, StagingOf(volume));
        });

        await UnmountAsync(volume, target);

        Assert.Empty(Driver.Mounts());
        Assert.Empty((await Driver.Admin.GetVolumeDetailAsync(new() { Volume = volume.VolumeId })).Publications);

        void Put(StateStore store, PublicationKind kind, string path) => store.PutPublication(new PublicationRecord
        {
            Volume = VolumeId.Parse(volume.VolumeId),
            Kind = kind,
            Path = path,
            ReadOnly = false,
            Access = AccessType.Mount,
            Mode = AccessMode.SingleNodeMultiWriter,
            MountFlags = [],
            Done = true,
            IsAssumed = true,
        });
    }

    [Fact(Timeout = Limit)]
    public async Task A_raw_block_volume_in_use_is_known_again_and_its_device_let_go_with_its_last_target()
    {
        if (!Pool.IsBlock)
            return; // Directories have no devices.

        await BackUpAsync();
        var volume = await CreateAsync(Create("raw", Block()));
        var target = await MountAsync(volume, Block());
        await RestoreAsync();

        var use = Assert.Single((await Driver.Admin.GetVolumeDetailAsync(new() { Volume = volume.VolumeId })).Publications);
        Assert.Equal(("publish", target), (use.Kind, use.Path));
        await Node.NodeUnpublishVolumeAsync(new() { VolumeId = volume.VolumeId, TargetPath = target });

        Assert.Empty(Driver.Mounts());
        Assert.Empty(Pool.DevicesInUse());
        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });
    }

    [Fact(Timeout = Limit)]
    public async Task What_is_not_understood_is_told_and_left_alone()
    {
        var volume = await CreateAsync("data");
        await BackUpAsync();
        Spoil(volume.VolumeId);
        var everything = Pool.Everything();
        await Driver.StopAsync();
        DeleteState();
        await Driver.StartAsync();

        Assert.Empty((await Controller.ListVolumesAsync(new())).Entries);
        Assert.Contains(Log.Lines, line => line.Contains(volume.VolumeId, StringComparison.Ordinal) && line.Contains("is not understood", StringComparison.Ordinal));
        await FailsAsync(StatusCode.DataLoss, Controller.CreateVolumeAsync(Create("data", Mount())));
        Assert.Equal(everything, Pool.Everything());
    }

    private async Task<Volume> CreateKeptAsync(string name)
    {
        var request = Create(name, Mount());
        request.Parameters["trashGrace"] = "30d";
        return await CreateAsync(request);
    }

    private async Task BackUpAsync()
    {
        await Driver.StopAsync();
        File.Copy(Path.Combine(Driver.StateDirectory, StateFile.Name), Backup);
        await Driver.StartAsync();
    }

    private async Task RestoreAsync()
    {
        await Driver.StopAsync();
        DeleteState();
        File.Copy(Backup, Path.Combine(Driver.StateDirectory, StateFile.Name));
        await Driver.StartAsync();
    }

    private void DeleteState()
    {
        foreach (var part in Directory.EnumerateFiles(Driver.StateDirectory, $"{StateFile.Name}*"))
            File.Delete(part);
    }

    private void Change(Action<StateStore> change)
    {
        using var store = StateStore.Open(Driver.StateDirectory, TimeProvider.System);
        change(store);
    }

    private void Spoil(string id)
    {
        if (Pool is LvmPool lvm)
            lvm.World.RemoveTags(id);
        else
            File.WriteAllText(Path.Combine(Pool.Options.Path, "volumes", $"{id}.json"), "{ \"schema\": 1, \"kind\"");
    }
}
