using System.Buffers.Binary;

namespace CsiLocal.Native;

/// <summary>What btrfs tells through ioctls: numbers only, so that no name chosen by a workload is ever parsed.</summary>
/// <remarks>Layouts and numbers: linux/btrfs.h and linux/btrfs_tree.h; every request below carries its size, hence the constants.</remarks>
internal static unsafe class BtrfsControl
{
    /// <summary>Inode number of the root of every subvolume (BTRFS_FIRST_FREE_OBJECTID).</summary>
    public const ulong SubvolumeRootInode = 256;

    private const ulong FilesystemInfo = 0x8400941F; // BTRFS_IOC_FS_INFO
    private const ulong InodeLookup = 0xD0009412; // BTRFS_IOC_INO_LOOKUP
    private const ulong TreeSearch = 0xD0009411; // BTRFS_IOC_TREE_SEARCH
    private const ulong QuotaGroupCreate = 0x4010942A; // BTRFS_IOC_QGROUP_CREATE

    private const ulong RootTree = 1; // BTRFS_ROOT_TREE_OBJECTID
    private const uint RootReference = 156; // BTRFS_ROOT_REF_KEY
    private const int SearchKeySize = 104;
    private const int SearchHeaderSize = 32;

    /// <summary>The file system's UUID: its name under <c>/sys/fs/btrfs</c>.</summary>
    public static Guid FilesystemId(DirectoryDescriptor directory)
    {
        var buffer = stackalloc byte[1024];
        new Span<byte>(buffer, 1024).Clear();
        directory.Control(FilesystemInfo, buffer, "BTRFS_IOC_FS_INFO");
        return new Guid(new ReadOnlySpan<byte>(buffer + 16, 16), bigEndian: true);
    }

    /// <summary>Id of the subvolume that the directory lies in.</summary>
    public static ulong SubvolumeId(DirectoryDescriptor directory)
    {
        // Tree 0 asks for the tree of the descriptor itself (ioctl-ino-lookup in btrfs-ioctl(2)).
        var buffer = stackalloc byte[4096];
        var span = new Span<byte>(buffer, 4096);
        span.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(span[8..], SubvolumeRootInode);
        directory.Control(InodeLookup, buffer, "BTRFS_IOC_INO_LOOKUP");
        return BinaryPrimitives.ReadUInt64LittleEndian(span);
    }

    /// <summary>Ids of all subvolumes inside the given one, at any depth, the deepest first: the order they can be deleted in.</summary>
    public static IReadOnlyList<ulong> NestedSubvolumes(DirectoryDescriptor directory, ulong subvolume)
    {
        var found = new List<ulong> { subvolume };
        for (var i = 0; i < found.Count; i++)
            AddChildren(directory, found[i], found);
        found.RemoveAt(0);
        found.Reverse();
        return found;
    }

    /// <summary>Removes the quota group of a deleted subvolume, where the kernel lets it.</summary>
    public static void TryRemoveQuotaGroup(DirectoryDescriptor directory, ulong subvolume)
    {
        var arguments = stackalloc ulong[2] { 0, subvolume };
        try
        {
            directory.Control(QuotaGroupCreate, arguments, "BTRFS_IOC_QGROUP_CREATE");
        }
        catch (NativeException)
        {
            // Gone already (Linux 6.10 removes it itself), or not yet removable: an empty group limits nobody.
        }
    }

    private static void AddChildren(DirectoryDescriptor directory, ulong parent, List<ulong> children)
    {
        var buffer = stackalloc byte[4096];
        for (ulong next = 0; ;)
        {
            var span = new Span<byte>(buffer, 4096);
            WriteSearchKey(span, parent, next);
            directory.Control(TreeSearch, buffer, "BTRFS_IOC_TREE_SEARCH");

            var count = BinaryPrimitives.ReadUInt32LittleEndian(span[64..]);
            if (count == 0)
                return;

            var item = span[SearchKeySize..];
            for (uint i = 0; i < count; i++)
            {
                var child = BinaryPrimitives.ReadUInt64LittleEndian(item[16..]);
                var length = BinaryPrimitives.ReadUInt32LittleEndian(item[28..]);
                var type = BinaryPrimitives.ReadUInt32LittleEndian(item[24..]);
                if (BinaryPrimitives.ReadUInt64LittleEndian(item[8..]) == parent && type == RootReference)
                    children.Add(child);
                next = child + 1;
                item = item[(SearchHeaderSize + (int)length)..];
            }
        }
    }

    private static void WriteSearchKey(Span<byte> key, ulong parent, ulong firstChild)
    {
        key.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(key, RootTree);
        BinaryPrimitives.WriteUInt64LittleEndian(key[8..], parent); // min_objectid
        BinaryPrimitives.WriteUInt64LittleEndian(key[16..], parent); // max_objectid
        BinaryPrimitives.WriteUInt64LittleEndian(key[24..], firstChild); // min_offset
        BinaryPrimitives.WriteUInt64LittleEndian(key[32..], ulong.MaxValue); // max_offset
        BinaryPrimitives.WriteUInt64LittleEndian(key[48..], ulong.MaxValue); // max_transid
        BinaryPrimitives.WriteUInt32LittleEndian(key[56..], RootReference); // min_type
        BinaryPrimitives.WriteUInt32LittleEndian(key[60..], RootReference); // max_type
        BinaryPrimitives.WriteUInt32LittleEndian(key[64..], 4096); // nr_items
    }
}
