using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Images;

/// <summary>What is wrong with an image as it lies in the pool. Reads inodes and the metadata file, never the data.</summary>
internal static class ImageHealth
{
    // File systems refuse some writes before their last block is taken.
    private const long NearlyFullBytes = 64 << 20;

    public static IReadOnlyList<HealthFinding> Inspect(PoolFolder pool, ImageFile image, VolumeRecord volume)
    {
        try
        {
            return [.. InspectPool(pool, image, volume), .. InspectImage(image, volume), .. MetadataHealth.Inspect(pool.VolumesPath, volume)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [new HealthFinding(HealthStatus.Inaccessible, "PoolUnreadable", $"the pool cannot be read: {e.Message}")];
        }
        catch (StorageException e)
        {
            return [new HealthFinding(HealthStatus.DataLoss, "ImageReplaced", e.Describe())];
        }
    }

    private static IEnumerable<HealthFinding> InspectPool(PoolFolder pool, ImageFile image, VolumeRecord volume)
    {
        var filesystem = FilesystemStatus.Of(pool.Path);
        if (filesystem.ReadOnly)
            yield return new HealthFinding(
                HealthStatus.Degraded,
                "PoolReadOnly",
                $"the file system of {pool.Path} is mounted read-only: writes fail");

        // A sparse image needs blocks for what is first written.
        var missing = volume.SizeBytes - (image.Find()?.AllocatedBytes ?? volume.SizeBytes);
        if (filesystem.AvailableBytes < Math.Min(NearlyFullBytes, missing))
        {
            yield return new HealthFinding(
                HealthStatus.Degraded,
                "PoolFull",
                $"the file system of {pool.Path} has {filesystem.AvailableBytes} bytes left: writes to new blocks fail, or soon will");
        }
    }

    private static IEnumerable<HealthFinding> InspectImage(ImageFile image, VolumeRecord volume)
    {
        if (image.Find() is not { } status)
            yield return new HealthFinding(HealthStatus.DataLoss, "ImageMissing", $"{image.Path} is missing");
        else if (status.SizeBytes < volume.SizeBytes)
            yield return new HealthFinding(
                HealthStatus.DataLoss,
                "ImageTruncated",
                $"{image.Path} has {status.SizeBytes} of {volume.SizeBytes} bytes");
    }
}
