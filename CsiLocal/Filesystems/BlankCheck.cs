using CsiLocal.Native;

namespace CsiLocal.Filesystems;

/// <summary>The second probe of the format interlock: reads the places where signatures live, and calls a device blank only if every byte there is zero.</summary>
/// <remarks>It knows no format, so none can be unknown to it: whatever is written to one of these places counts.</remarks>
internal static class BlankCheck
{
    private const int Block = 4096;
    private const long MiB = 1 << 20;
    private const long GiB = 1 << 30;

    /// <summary>The whole of the first and last MiB: boot sectors, partition tables and the GPT's backup, ext, xfs and swap superblocks, btrfs (64 KiB), LUKS, LVM labels, md (all versions), ZFS labels, RAID and DRBD trailers.</summary>
    private const int Edge = (int)MiB;

    // 4 KiB at each: LUKS2's secondary headers (cryptsetup, LUKS2 on-disk format 2.2: 16 KiB to 4 MiB), VMFS (1, 2 MiB), and
    // btrfs's two mirrors (btrfs on-disk format).
    private static readonly long[] Offsets = [1 * MiB, 2 * MiB, 4 * MiB, 64 * MiB, 256 * GiB];

    // ext's backup superblocks lie in block groups 1 and powers of 3, 5 and 7 (ext4, sparse_super); a group has 8 × block size blocks.
    private static readonly int[] ExtGroups = [1, 3, 5, 7, 9, 25, 27, 49, 81, 125];
    private static readonly int[] ExtBlockSizes = [1024, 2048, 4096, 65536];

    /// <summary>Blank, OtherSignature with the first offset that is not zero, or Unreadable.</summary>
    public static ProbeResult Probe(BlockDevice device)
    {
        var buffer = new byte[Edge];
        try
        {
            foreach (var (offset, length) in Regions(device.SizeBytes))
            {
                var region = buffer.AsSpan(0, length);
                device.Read(offset, region);
                var at = region.IndexOfAnyExcept((byte)0);
                if (at >= 0)
                    return new ProbeResult.OtherSignature($"data at byte {offset + at}");
            }

            return device.SizeBytes == 0 ? new ProbeResult.Unreadable("the device has no size") : new ProbeResult.Blank();
        }
        catch (IOException e)
        {
            return new ProbeResult.Unreadable(e.Message);
        }
    }

    /// <summary>What is read of a device of this size: offset and length, within the device.</summary>
    internal static IEnumerable<(long Offset, int Length)> Regions(long sizeBytes)
    {
        var first = (int)Math.Min(Edge, sizeBytes);
        yield return (0, first);
        if (sizeBytes <= Edge)
            yield break;

        var last = Math.Max(first, sizeBytes - Edge);
        yield return (last, (int)(sizeBytes - last));

        foreach (var offset in Spots(sizeBytes))
        {
            if (offset + Block <= last)
                yield return (offset, Block);
        }
    }

    private static IEnumerable<long> Spots(long sizeBytes)
    {
        foreach (var offset in Offsets)
            yield return offset;
        foreach (var size in ExtBlockSizes)
        {
            foreach (var group in ExtGroups)
                yield return ExtBackup(size, group);
        }

        // The middle: NTFS before Windows NT 4 kept its second boot sector there.
        yield return sizeBytes / 2 / Block * Block;
    }

    // With 1 KiB blocks the first block is the boot block, and everything lies one block later.
    private static long ExtBackup(int blockSize, int group) => (((long)group * 8 * blockSize) + (blockSize == 1024 ? 1 : 0)) * blockSize;
}
