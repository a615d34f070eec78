using System.Buffers.Binary;
using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Filesystems;

/// <summary>What the primary superblock of a file system says; read without a process.</summary>
/// <param name="Type">Which file system.</param>
/// <param name="Uuid">Its UUID, as mount and blkid show it.</param>
/// <param name="SizeBytes">How much of the device it uses.</param>
/// <param name="Grain">It cannot use a remainder of the device smaller than this.</param>
/// <param name="IsClean">ext4: unmounted cleanly, no error recorded, no journal to replay. Others: always true, they look after themselves when mounted.</param>
/// <param name="IsChangingUuid">btrfs: a change of the UUID was begun and not finished.</param>
internal sealed record Superblock(FilesystemType Type, Guid Uuid, long SizeBytes, int Grain, bool IsClean, bool IsChangingUuid)
{
    private const int ExtOffset = 1024;
    private const int BtrfsOffset = 65536;

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

    // fs/ext4/ext4.h, struct ext4_super_block; little-endian.
    private static Superblock? ReadExt(ReadOnlySpan<byte> s)
    {
        const ushort magic = 0xEF53;
        const ushort valid = 1;
        const ushort errors = 2;
        const uint recover = 4;
        const uint sixtyFourBit = 0x80;

        if (U16(s, 0x38) != magic || U32(s, 0x18) > 6)
            return null;

        var incompatible = U32(s, 0x60);
        var blockSize = 1024 << (int)U32(s, 0x18);
        var blocks = (long)U32(s, 0x04) | ((incompatible & sixtyFourBit) != 0 ? (long)U32(s, 0x150) << 32 : 0);
        var state = U16(s, 0x3A);
        return new Superblock(
            FilesystemType.Ext4,
            new Guid(s.Slice(0x68, 16), bigEndian: true),
            blocks * blockSize,
            blockSize,
            (state & (valid | errors)) == valid && (incompatible & recover) == 0,
            false);
    }

    // fs/xfs/libxfs/xfs_format.h, struct xfs_dsb; big-endian. A remainder under 64 blocks (XFS_MIN_AG_BLOCKS) makes no allocation group.
    private static Superblock? ReadXfs(ReadOnlySpan<byte> s)
    {
        if (!s.StartsWith("XFSB"u8))
            return null;

        var blockSize = BinaryPrimitives.ReadInt32BigEndian(s[4..]);
        var blocks = BinaryPrimitives.ReadInt64BigEndian(s[8..]);
        return new Superblock(FilesystemType.Xfs, new Guid(s.Slice(32, 16), bigEndian: true), blocks * blockSize, 64 * blockSize, true, false);
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
            (flags & changing) != 0);
    }

    private static ushort U16(ReadOnlySpan<byte> s, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(s[offset..]);

    private static uint U32(ReadOnlySpan<byte> s, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(s[offset..]);
}
