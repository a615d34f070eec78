using CsiLocal.Configuration;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>How big a thin pool is made, in data, metadata and chunks. Pure.</summary>
/// <remarks>
/// Chunks: small ones make the first write after a snapshot cheap (it copies a chunk) and waste little; each costs metadata. 64 KiB,
/// the smallest there is, as long as the metadata for the whole volume group stays within 1 GiB, which thin_check reads in seconds when
/// the pool is activated; then doubled, up to 1 MiB.
/// Metadata: 64 bytes a chunk is what LVM reckons with (lvm2, _estimate_metadata_size; the kernel's documentation says 48). Twice
/// that, since snapshots that differ from their volume have mappings of their own. And a floor for many small volumes.
/// </remarks>
internal static class ThinPoolSizing
{
    private const long SmallestChunkBytes = 64 << 10;
    private const long LargestChosenChunkBytes = 1 << 20;
    private const long ComfortableMetadataBytes = 1 << 30;
    private const int MetadataBytesPerChunk = 64;
    private const int Headroom = 2;
    private const long SmallestMetadataBytes = 2 << 20; // lvmthin(7): 2 MiB to 15.81 GiB
    private const long MetadataFloorBytes = 16 << 20;
    private const int SmallPoolPart = 64;

    /// <summary>The pool to be made in <paramref name="group"/>.</summary>
    /// <param name="options">Its name and what of its sizes is configured.</param>
    /// <param name="reserveBytes">Bytes of the volume group that volumes may not use.</param>
    /// <param name="group">As it is now.</param>
    /// <param name="groupFreeBytes">What LVM may allocate there.</param>
    /// <exception cref="StorageException">Unavailable: it does not fit, with the numbers.</exception>
    public static NewThinPool Choose(LvmPoolOptions options, long reserveBytes, VolumeGroupReport group, long groupFreeBytes)
    {
        var size = options.ThinPoolSize!;
        var extent = group.ExtentBytes;
        var stripes = options.Stripes ?? 1;
        var step = extent * stripes;
        var wanted = size.Bytes is { } bytes
            ? ThinPoolPolicy.RoundUp(bytes, step)
            : (long)((Int128)group.SizeBytes * size.Percent!.Value / 100) / step * step;

        var chunk = options.ChunkBytes ?? ChooseChunk(group.SizeBytes);
        var metadata = ThinPoolPolicy.RoundUp(options.ThinMetadataBytes ?? ChooseMetadata(wanted, chunk), extent);
        var pool = $"{group.Name}/{options.ThinPool}";
        if (wanted / chunk > ThinPoolPolicy.LargestMetadataBytes / MetadataBytesPerChunk)
        {
            throw new StorageException(
                StorageError.Unavailable,
                $"make thin pool {pool}: {wanted} bytes in chunks of {chunk} need more metadata than the {ThinPoolPolicy.LargestMetadataBytes} bytes that a thin pool can have",
                "raise chunkSize");
        }

        // What must fit, and what should be left so that the metadata can grow.
        var overhead = metadata + Math.Max(0, metadata - ThinPoolFacts.Spare(group));
        var room = (groupFreeBytes - reserveBytes - overhead) / step * step;
        var comfortable = (groupFreeBytes - reserveBytes - overhead - ThinPoolPolicy.MetadataReserve(metadata, extent)) / step * step;
        var data = size.Bytes is null ? Math.Min(wanted, comfortable) : wanted;
        if (data <= 0 || data > room || (size.Bytes is null && wanted > groupFreeBytes))
        {
            throw new StorageException(
                StorageError.Unavailable,
                $"make thin pool {pool}: {wanted} bytes are asked for, {Math.Max(0, room)} fit: the volume group has {groupFreeBytes} bytes free, "
                    + $"{overhead} of them go to the pool's metadata and its spare, {reserveBytes} are kept by 'reserve'",
                $"lower thinPoolSize, or give the volume group a disk: vgextend {group.Name} DEVICE");
        }

        return new NewThinPool
        {
            Name = options.ThinPool!,
            DataBytes = data,
            MetadataBytes = metadata,
            ChunkBytes = chunk,
            Stripes = stripes,
            StripeSizeBytes = options.StripeSizeBytes,
        };
    }

    /// <summary>The chunk for a pool that may come to fill a volume group of this size.</summary>
    public static long ChooseChunk(long groupBytes)
    {
        var chunk = SmallestChunkBytes;
        while (chunk < LargestChosenChunkBytes && groupBytes / chunk > ComfortableMetadataBytes / MetadataBytesPerChunk)
            chunk *= 2;
        return chunk;
    }

    /// <summary>Metadata for that much data, before rounding to extents.</summary>
    public static long ChooseMetadata(long dataBytes, long chunkBytes)
    {
        var floor = Math.Clamp(dataBytes / SmallPoolPart, SmallestMetadataBytes, MetadataFloorBytes);
        var chunks = (dataBytes / chunkBytes) + 1;
        return (long)Int128.Clamp((Int128)chunks * MetadataBytesPerChunk * Headroom, floor, ThinPoolPolicy.LargestMetadataBytes);
    }
}
