using CsiLocal.Backends;
using CsiLocal.Tests.Fakes;
using CsiLocal.Volumes;

namespace CsiLocal.Tests;

/// <summary>Calls of a backend in the short forms that most tests need.</summary>
internal static class BackendCalls
{
    public static Task<VolumeRecord> CreateAsync(this IStorageBackend backend, VolumeRecord volume, CancellationToken cancellationToken) =>
        backend.CreateAsync(volume, new RecordedProgress(), cancellationToken);

    /// <summary>Of a pool whose trash is empty.</summary>
    public static PoolSpace MeasureSpace(
        this IStorageBackend backend, IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots) =>
        backend.MeasureSpace(volumes, snapshots, []);

    /// <inheritdoc cref="MeasureSpace(IStorageBackend, IReadOnlyCollection{VolumeRecord}, IReadOnlyCollection{SnapshotRecord})"/>
    public static PoolSpace MeasureSpace(
        this CsiLocal.Backends.Lvm.ILvmProvisioner provisioner, IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots) =>
        provisioner.MeasureSpace(volumes, snapshots, []);

    /// <summary>As the pool's options have it by default: the disks are told.</summary>
    public static Task BeforeRemoveAsync(
        this CsiLocal.Backends.Lvm.ILvmProvisioner provisioner, CsiLocal.Backends.Lvm.LogicalVolume volume, CancellationToken cancellationToken) =>
        provisioner.BeforeRemoveAsync(volume, discard: true, cancellationToken);

    /// <summary>For backends that keep their metadata in files, and so have written it on return.</summary>
    public static void WriteMetadata(this IStorageBackend backend, VolumeRecord volume) =>
        Xunit.Assert.True(backend.WriteMetadataAsync(volume, CancellationToken.None).IsCompletedSuccessfully);
}
