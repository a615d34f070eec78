using System.Buffers.Binary;
using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Filesystems;

/// <summary>What the primary superblock of a file system says; read without a process.</summary>
/// <param name="Type">Which file system.</param>
/// <param name="Uuid">Its UUID, as mount and blkid show it.</param>
/// <param name="SizeBytes">How much of the device it uses.</param>
/// <param name="Grain">It uses whole multiples of this, in bytes.</param>
/// <param name="IsClean">ext4: unmounted cleanly, no error recorded, no journal to replay. Others: always true, they look after themselves when mounted.</param>
/// <param name="IsChangingUuid">btrfs: a change of the UUID was begun and not finished.</param>
internal sealed record Superblock(FilesystemType Type, Guid Uuid, long SizeBytes, int Grain, bool IsClean, bool IsChangingUuid)
{
    private const int ExtOffset = 1024;
    private const int BtrfsOffset = 65536;

    /// <summary>It starts no allocation group for a remainder smaller than <c>Least</c>; all in bytes, 0 where it has no such groups.</summary>
    public (long Start, long Size, long Least) Groups { get; init; }

    /// <summary>ext4: checksums of all metadata, computed from the UUID and not from a seed of their own.</summary>
    public bool HasChecksumsOfUuid { get; init; }

    /// <summary>ext4: checksums of the group descriptors alone, from the UUID.</summary>
    public bool HasGroupChecksumsOnly { get; init; }

    /// <summary>btrfs: it has a log of fsync'ed changes to replay.</summary>
    public bool HasLog { get; init; }

    /// <summary>Null where there is none of the three file systems, or it contradicts itself.</summary>
    /// <exception cref="IOException">The device cannot be read.</exception>
    public static Superblock? Read(BlockDevice device)
    {
        var head = new byte[4096];
        device.Read(0, head);
        if (ReadXfs(head) is { } xfs)
            return xfs;
        if (ReadExt(head.AsSpan(ExtOffset)) is { } ext)
            return ext;
        if (device.SizeBytes < BtrfsOffset + head.Length)
            return null;

        device.Read(BtrfsOffset, head);
        return ReadBtrfs(head);
    }

    /// <inheritdoc cref="Read(BlockDevice)"/>
    public static Superblock? Read(string path)
    {
        using var device = BlockDevice.Open(path);
        return Read(device);
    }

    /// <summary>Whether a device of this size leaves it nothing more to grow into, by the rules of its own tool.</summary>
    public bool Fills(long deviceBytes)
    {
        // btrfs_ioctl_resize answers EINVAL below 256 MiB: so small a btrfs keeps the size it was made with.
        if (Type == FilesystemType.Btrfs && deviceBytes < 256L << 20)
            return true;

        var usable = deviceBytes / Grain * Grain;
        var remainder = Groups.Size > 0 ? (usable - Groups.Start) % Groups.Size : 0;
        return SizeBytes >= (remainder < Groups.Least ? usable - remainder : usable);
    }

    // fs/ext4/ext4.h, struct ext4_super_block; little-endian.
    private static Superblock? ReadExt(ReadOnlySpan<byte> s)
    {
        const ushort magic = 0xEF53;
        const ushort valid = 1;
        const ushort errors = 2;
        const uint recover = 4;
        const uint sixtyFourBit = 0x80;
        const uint checksumSeed = 0x2000;
        const uint checksums = 0x400;
        const uint groupChecksums = 0x10;

        if (U16(s, 0x38) != magic || U32(s, 0x18) > 6 || U32(s, 0x1C) > 20)
            return null;

        var incompatible = U32(s, 0x60);
        var blockSize = 1024 << (int)U32(s, 0x18);
        var blocks = (long)U32(s, 0x04) | ((incompatible & sixtyFourBit) != 0 ? (long)U32(s, 0x150) << 32 : 0);
        var state = U16(s, 0x3A);
        var features = U32(s, 0x64);

        // resize2fs rounds down to pages and clusters, and starts no group with fewer than 50 blocks beside two bitmaps and the inode table
        // (lib/ext2fs, ext2fs_initialize). A group with a copy of the superblock needs more: that is left to resize2fs to find out.
        var inodeTable = (long)U32(s, 0x28) * U16(s, 0x58) / blockSize;
        return new Superblock(
            FilesystemType.Ext4,
            new Guid(s.Slice(0x68, 16), bigEndian: true),
            blocks * blockSize,
            Math.Max(Math.Max(Environment.SystemPageSize, blockSize), 1024 << (int)U32(s, 0x1C)),
            (state & (valid | errors)) == valid && (incompatible & recover) == 0,
            false)
        {
            Groups = ((long)U32(s, 0x14) * blockSize, (long)U32(s, 0x20) * blockSize, (inodeTable + 52) * blockSize),
            HasChecksumsOfUuid = (features & checksums) != 0 && (incompatible & checksumSeed) == 0,
            HasGroupChecksumsOnly = (features & (checksums | groupChecksums)) == groupChecksums,
        };
    }

    // fs/xfs/libxfs/xfs_format.h, struct xfs_dsb; big-endian. A remainder under 64 blocks (XFS_MIN_AG_BLOCKS) makes no allocation group.
    private static Superblock? ReadXfs(ReadOnlySpan<byte> s)
    {
        // sb_inprogress: mkfs.xfs writes the superblock first and clears this last.
        if (!s.StartsWith("XFSB"u8) || s[126] != 0)
            return null;

        var blockSize = BinaryPrimitives.ReadInt32BigEndian(s[4..]);
        var blocks = BinaryPrimitives.ReadInt64BigEndian(s[8..]);
        return new Superblock(FilesystemType.Xfs, new Guid(s.Slice(32, 16), bigEndian: true), blocks * blockSize, blockSize, true, false)
        {
            Groups = (0, BinaryPrimitives.ReadUInt32BigEndian(s[84..]) * (long)blockSize, 64L * blockSize),
        };
    }

    // fs/btrfs: struct btrfs_super_block; little-endian. dev_item.total_bytes is what this device contributes.
    private static Superblock? ReadBtrfs(ReadOnlySpan<byte> s)
    {
        const ulong changing = (1UL << 35) | (1UL << 36);
        const int deviceItem = 0xC9;

        if (!s[0x40..].StartsWith("_BHRfS_M"u8))
            return null;

        var flags = BinaryPrimitives.ReadUInt64LittleEndian(s[0x38..]);
        return new Superblock(
            FilesystemType.Btrfs,
            new Guid(s.Slice(0x20, 16), bigEndian: true),
            BinaryPrimitives.ReadInt64LittleEndian(s[(deviceItem + 8)..]),
            (int)U32(s, 0x90),
            true,
            (flags & changing) != 0)
        {
            HasLog = BinaryPrimitives.ReadUInt64LittleEndian(s[0x60..]) != 0,
        };
    }

    /// <summary>The UUIDs in the copies of an xfs superblock, one at the start of each allocation group but the first.</summary>
    /// <remarks>xfs_admin changes them one after the other.</remarks>
    public static IEnumerable<Guid> ReadXfsCopies(BlockDevice device)
    {
        var head = new byte[512];
        device.Read(0, head);
        var groupBytes = BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(4)) * (long)BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(84));
        var groups = BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(88));
        for (var group = 1L; group < groups; group++)
        {
            device.Read(checked(group * groupBytes), head);
            yield return new Guid(head.AsSpan(32, 16), bigEndian: true);
        }
    }

    private static ushort U16(ReadOnlySpan<byte> s, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(s[offset..]);

    private static uint U32(ReadOnlySpan<byte> s, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(s[offset..]);
}
