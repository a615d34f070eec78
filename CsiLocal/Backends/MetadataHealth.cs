using CsiLocal.Volumes;

namespace CsiLocal.Backends;

/// <summary>What is wrong with the metadata file beside a volume's data.</summary>
internal static class MetadataHealth
{
    public static IEnumerable<HealthFinding> Inspect(string folder, VolumeRecord volume)
    {
        VolumeRecord? beside = null;
        string? problem = null;
        try
        {
            beside = MetadataFile.ReadVolume(folder, volume.Id);
            problem = beside is null ? "is missing" : null;
        }
        catch (StorageException e)
        {
            problem = $"cannot be read: {e.Message}";
        }

        if (problem is not null)
            yield return new HealthFinding(HealthStatus.Degraded, "MetadataUnreadable", $"the metadata beside the data {problem}");
        else if (beside!.CreatedAt != volume.CreatedAt)
        {
            yield return new HealthFinding(
                HealthStatus.DataLoss, "AnotherVolume",
                $"what lies in the pool was made at {beside.CreatedAt:O}, the volume at {volume.CreatedAt:O}: was the pool restored from a backup?");
        }
    }
}
