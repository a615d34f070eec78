using CsiLocal.Backends;
using CsiLocal.Filesystems;

namespace CsiLocal.Volumes;

/// <summary>What a staged or published volume holds, and the growth of its file system.</summary>
internal sealed partial class MountManager
{
    /// <summary>Space and inodes of the volume, seen from one of its paths. Starts no process.</summary>
    /// <exception cref="StorageException">NotFound: the volume is not at that path.</exception>
    public FilesystemUsage Measure(VolumeRecord record, string volumePath)
    {
        RequireAt(record, volumePath);
        if (record.Access == AccessType.Block)
            return new FilesystemUsage(record.SizeBytes, 0, 0, 0, 0, 0);

        var whole = FilesystemUsage.Of(volumePath);
        return pools.Holding(record.Pool).Backend is IVolumeUsage own && own.MeasureUsage(record) is { } exact
            ? whole with { TotalBytes = exact.TotalBytes, UsedBytes = exact.UsedBytes, AvailableBytes = exact.AvailableBytes }
            : whole;
    }

    /// <summary>Grows the file system to the size that the controller gave the volume.</summary>
    /// <returns>The volume's size in bytes.</returns>
    public Task<long> ExpandAsync(VolumeId id, string volumePath, long requiredBytes, long limitBytes, CancellationToken callerToken) =>
        operations.RunAsync($"expand on node {id}", async token =>
        {
            var purpose = $"expand the file system of volume {id}";
            using var held = locks.AcquireExclusive(id.Value, purpose);
            var record = Require(id);
            RequireAt(record, volumePath);
            if (requiredBytes > record.SizeBytes)
            {
                throw new StorageException(
                    StorageError.OutOfRange, $"{purpose}: the volume has {record.SizeBytes} bytes, {requiredBytes} are required",
                    "call ControllerExpandVolume first");
            }

            if (limitBytes > 0 && record.SizeBytes > limitBytes)
            {
                throw new StorageException(
                    StorageError.OutOfRange, $"{purpose}: the volume has {record.SizeBytes} bytes, above the limit {limitBytes}");
            }

            if (record.Filesystem is { } filesystem && StagedAt(id) is { ReadOnly: false } staged
                && pools.Holding(record.Pool).Backend.FindAttachment(record, false) is { } attachment && facts.At(staged.Path) is { } mount)
            {
                await resizer.GrowAsync(purpose, attachment, filesystem, mount.Path, token);
            }

            return record.SizeBytes;
        }, callerToken);

    private void RequireAt(VolumeRecord record, string volumePath)
    {
        facts.Paths.Check("volume_path", volumePath);
        var use = store.PublicationsOf(record.Id).FirstOrDefault(use => use.Path == volumePath)
            ?? throw new StorageException(StorageError.NotFound, $"volume_path: volume {record.Id} is not at {volumePath}");
        var hasMount = use.Kind == PublicationKind.Publish || record.Access == AccessType.Mount;
        if (hasMount && facts.At(volumePath, "volume_path") is null)
        {
            throw new StorageException(
                StorageError.NotFound, $"volume_path: nothing is mounted at {volumePath}, where volume {record.Id} was published", "publish it again");
        }
    }
}
