using CsiLocal.State;
using CsiLocal.Tests.Rpc;
using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Faults;

public sealed class StateLossOnImages : StateLossTests<ImagePool>;

public sealed class StateLossOnReflinkImages : StateLossTests<XfsImagePool>;

public sealed class StateLossOnSubvolumes : StateLossTests<BtrfsDirectoryPool>;

public sealed class StateLossOnDirectories : StateLossTests<PlainDirectoryPool>;

[Trait("Vm", "yes")]
[Trait("Run", "long")]
public sealed class StateLossOnThickLvm : StateLossTests<ThickLvmPool>;

[Trait("Vm", "yes")]
[Trait("Run", "long")]
public sealed class StateLossOnThinLvm : StateLossTests<ThinLvmPool>;

[Trait("Needs", "vm")]
[Trait("Run", "long")]
public sealed class StateLossOnXfsQuota : StateLossTests<XfsQuotaDirectoryPool>;

[Trait("Needs", "vm")]
[Trait("Run", "long")]
public sealed class StateLossOnExt4Quota : StateLossTests<Ext4QuotaDirectoryPool>;

/// <summary>The state file can be lost: everything is known again from the pools (design §2.2).</summary>
public abstract class StateLossTests<TPool> : DriverTest<TPool>
    where TPool : TestPool, new()
{
    private protected CapturedLog Log { get; } = new();

    private protected override void Prepare(TestDriver driver) => driver.Loggers = Log;

    [Theory(Timeout = Limit)]
    [InlineData("deleted")]
    [InlineData("random bytes")]
    [InlineData("cut short")]
    public async Task Volumes_snapshots_and_mounts_are_known_again(string damage)
    {
        var volume = await CreateAsync("data");
        var idle = await CreateAsync("idle");
        var target = await MountAsync(volume);
        Write(Path.Combine(target, "file"), seed: 1);
        var digest = Digest(Path.Combine(target, "file"));
        if (!Pool.SnapshotsWhileMounted)
            await UnmountAsync(volume, target);

        var snapshot = (await Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = volume.VolumeId })).Snapshot;
        var clone = await CreateAsync(Create("clone", Mount()).From(snapshot));
        await MountAsync(volume);
        await Driver.StopAsync();
        Damage(damage);
        await Driver.StartAsync();

        var listed = (await Controller.ListVolumesAsync(new())).Entries.Select(static entry => entry.Volume).OrderBy(static known => known.VolumeId);
        Assert.Equal(new[] { volume, idle, clone }.OrderBy(static known => known.VolumeId), listed);
        Assert.Equal(snapshot, Assert.Single((await Controller.ListSnapshotsAsync(new())).Entries).Snapshot);
        Assert.Equal(volume, await CreateAsync("data"));
        Assert.Equal(digest, Digest(Path.Combine(target, "file")));

        await MountAsync(volume);
        Assert.Equal(digest, Digest(Path.Combine(target, "file")));
        var restored = await MountAsync(await CreateAsync(Create("restored", Mount()).From(snapshot)));
        Assert.Equal(digest, Digest(Path.Combine(restored, "file")));
        Assert.Equal(digest, Digest(Path.Combine(await MountAsync(clone), "file")));
        await UnmountAsync(volume, target);
        Assert.Equal(damage == "deleted", !Log.Lines.Any(static line => line.Contains("set aside", StringComparison.Ordinal)));
        Assert.Equal(damage == "deleted", !Directory.EnumerateFiles(Driver.StateDirectory, $"{StateFile.Name}*damaged*").Any());
    }

    [Fact(Timeout = Limit)]
    public async Task A_mounted_volume_can_be_unmounted_though_nothing_recorded_its_mount()
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume);
        await Driver.StopAsync();
        Damage("deleted");
        await Driver.StartAsync();

        await UnmountAsync(volume, target);

        Assert.Empty(Driver.Mounts());
        Assert.Empty(Pool.DevicesInUse());
        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });
    }

    [Fact(Timeout = Limit)]
    public async Task A_device_in_use_is_not_taken_from_its_user()
    {
        if (!Pool.IsBlock)
            return; // Directories have no devices.

        var volume = await CreateAsync(Create("raw", Block()));
        var target = await MountAsync(volume, Block());
        Write(target, seed: 2);
        var digest = Digest(target);
        await Driver.StopAsync();
        Damage("deleted");
        await Driver.StartAsync();

        // A device taken away would be the next volume's: the target would show another's data.
        var other = await MountAsync(await CreateAsync(Create("other", Block())), Block());
        Write(other, seed: 3);
        Assert.Equal(digest, Digest(target));
        await MountAsync(volume, Block());
        await UnmountAsync(volume, target);
        Assert.Equal(Pool.MakesDevices ? 1 : 0, Pool.DevicesInUse().Count);
    }

    private void Damage(string how)
    {
        var file = Path.Combine(Driver.StateDirectory, StateFile.Name);
        switch (how)
        {
            case "deleted":
                foreach (var part in Directory.EnumerateFiles(Driver.StateDirectory, $"{StateFile.Name}*"))
                    File.Delete(part);

                break;
            case "random bytes":
                Write(file, seed: 4, bytes: (int)new FileInfo(file).Length);
                break;
            case "cut short":
                using (var cut = File.OpenWrite(file))
                    cut.SetLength(cut.Length / 2);

                break;
        }
    }
}
