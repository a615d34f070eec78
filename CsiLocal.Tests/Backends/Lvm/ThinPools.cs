using CsiLocal.Backends.Lvm;
using CsiLocal.Configuration;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>Thin pools as the tests of the pure decisions need them.</summary>
internal static class ThinPools
{
    public const long MiB = 1 << 20;
    public const long GiB = 1 << 30;
    public const long Extent = 4 * MiB;

    public static readonly LvmPoolOptions Options = new() { VolumeGroup = "vg", ThinPool = "pool0" };

    /// <summary>10 GiB of data and 16 MiB of metadata, a tenth used; 10 GiB are free around it.</summary>
    public static readonly ThinPoolFacts Facts = new()
    {
        Mode = ThinPoolMode.Writable,
        UsedDataBytes = 1 * GiB,
        DataBytes = 10 * GiB,
        UsedMetadataBytes = 1 * MiB,
        MetadataBytes = 16 * MiB,
        SpareBytes = 16 * MiB,
        ExtentBytes = Extent,
        GroupFreeBytes = 10 * GiB,
        PassesDiscards = true,
    };

    public static readonly VolumeGroupReport Group = new()
    {
        Name = "vg",
        Uuid = "aaaaaa-aaaa-aaaa-aaaa-aaaa-aaaa-aaaaaa",
        ExtentBytes = Extent,
        SizeBytes = 100 * GiB,
        FreeBytes = 100 * GiB,
        MetadataFreeBytes = MiB,
        MetadataSizeBytes = MiB,
    };

    /// <summary>Fills at this rate.</summary>
    public static GrowthRate Rate(long bytesPerSecond) =>
        GrowthRate.None.With(TimeSpan.Zero, 0).With(TimeSpan.FromSeconds(1), bytesPerSecond);

    public static ThinPoolPlan Plan(this ThinPoolPolicy policy, ThinPoolFacts facts) =>
        policy.Plan(facts, GrowthRate.None, GrowthRate.None, TimeSpan.Zero);
}
