using CsiLocal.Admin.V1;

namespace CsiLocal.Cli.Volumes;

/// <summary>Where a volume is staged and published, as the daemon tells it.</summary>
internal static class Publications
{
    public const string Stage = "stage";
    public const string Publish = "publish";

    public static string? StagingPath(VolumeDetail volume) => volume.Publications.FirstOrDefault(p => p.Kind == Stage)?.Path;

    public static IReadOnlyList<string> TargetPaths(VolumeDetail volume) =>
        [.. volume.Publications.Where(p => p.Kind == Publish).Select(p => p.Path)];
}
