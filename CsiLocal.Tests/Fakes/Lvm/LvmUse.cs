namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>How full thin pools and COW snapshots are: as the files say, unless the test says something else.</summary>
internal static class LvmUse
{
    // About what thin_metadata_size(8) reckons for each mapped chunk.
    private const long MappingBytes = 64;

    public static double? DataPercent(EmulatedVolume volume) => volume switch
    {
        { IsActive: false } => null,
        { DataPercent: { } wanted } => wanted,
        { IsInvalid: true } => 100,
        { IsThinPool: true } => 100.0 * Used(volume) / volume.SizeBytes,
        { IsThin: true } => 100.0 * Math.Min(EmulatedContent.AllocatedBytes(volume), volume.SizeBytes) / volume.SizeBytes,
        { IsCow: true } => 0.01,
        _ => null,
    };

    public static double? MetadataPercent(EmulatedVolume volume) => volume switch
    {
        { IsActive: false } or { IsThinPool: false } => null,
        { MetadataPercent: { } wanted } => wanted,
        _ => Math.Min(100, 0.5 + (100.0 * Used(volume) / volume.ChunkBytes * MappingBytes / volume.MetadataBytes)),
    };

    /// <summary>Bytes of a pool's data in use: what its volumes hold and do not share with what they were copied from.</summary>
    public static long Used(EmulatedVolume pool)
    {
        var bytes = pool.Group.Volumes.Values
            .Where(volume => volume.Pool == pool)
            .Sum(static volume => Math.Max(0, EmulatedContent.AllocatedBytes(volume) - volume.SharedBytes));
        return Math.Min(pool.SizeBytes, (bytes + pool.ChunkBytes - 1) / pool.ChunkBytes * pool.ChunkBytes);
    }
}
