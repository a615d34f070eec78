using CsiLocal.Backends;
using CsiLocal.Tests.Contracts;
using CsiLocal.Tests.Support.Lvm;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>The contract for pools of logical volumes: content is written to the raw device.</summary>
public abstract class LvmContract(LvmPool pool) : BackendContract
{
    public override ValueTask DisposeAsync()
    {
        pool.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    /// <summary>A logical volume and its tags are one commit.</summary>
    private protected override bool HasMetadataApart => false;

    private protected override IStorageBackend MakeBackend() => LvmBackends.Make(pool);

    private protected override VolumeRecord NewVolume(string name) =>
        Records.Volume(name, 40 * Records.MiB, pool.Options.Backend) with
        {
            Pool = pool.Options.Name,
            Filesystem = FilesystemType.Ext4,
            FilesystemUuid = Guid.Parse("3c0ffee0-0000-4000-8000-000000000001"),
            Format = FormatState.Formatted,
        };

    private protected override Task WriteAsync(VolumeRecord volume, int seed) => Images.ImagePool.WriteAsync(Backend, volume, seed);

    private protected override Task<string> DigestAsync(VolumeRecord volume) => Images.ImagePool.DigestAsync(Backend, volume);

    private protected override bool HasData(VolumeRecord volume) => pool.World.Volumes().Contains(volume.Id.Value);

    private protected override Task LoseDataAsync(VolumeRecord volume)
    {
        pool.World.Remove(volume.Id.Value);
        return LookAgainAsync();
    }

    private protected override Task LoseMetadataAsync(VolumeRecord volume)
    {
        pool.World.RemoveTags(volume.Id.Value);
        return LookAgainAsync();
    }

    private protected override string? ContentInTrash(TrashRecord item) => pool.World.NodeOf(item.Id.Value);

    private protected override Task LoseMetadataAsync(TrashRecord item)
    {
        pool.World.RemoveTags(item.Id.Value);
        return LookAgainAsync();
    }

    // Else it would see it at the next change, or after some minutes.
    private Task<PoolFacts> LookAgainAsync() => Backend.InspectAsync(knownIdentity: null, Cancelled);
}

[Trait("Vm", "yes")]
public sealed class ThickLvmContract() : LvmContract(new ThickLvmPool());

[Trait("Vm", "yes")]
public sealed class MirroredLvmContract() : LvmContract(new MirroredLvmPool());

[Trait("Vm", "yes")]
public sealed class ThinLvmContract() : LvmContract(new ThinLvmPool());
