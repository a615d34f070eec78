using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CsiLocal.Native;

/// <summary>Attributes of a mount, as mount_setattr(2) numbers them.</summary>
[Flags]
internal enum MountAttributes : ulong
{
    None = 0,
    ReadOnly = 0x1,
    NoSuid = 0x2,
    NoDevices = 0x4,
    NoExec = 0x8,
    NoAccessTime = 0x10,
    StrictAccessTime = 0x20,
    NoFolderAccessTime = 0x80,
    NoSymlinkFollow = 0x200000,
}

/// <summary>Binds a file or folder onto another that is held open.</summary>
/// <remarks>
/// Not mount(8): given a descriptor's path as its target it binds, and then fails to add the flags, since that second lookup
/// ends below the new mount (util-linux 2.38, Debian 12: "any subsequent operation failed", and the mount stays without
/// <c>ro</c>). open_tree, mount_setattr and move_mount (Linux 5.2 and 5.12) take descriptors at both ends, and the mount appears with all its
/// flags at once. Nothing here waits for a disk, so a process of its own, to be killed on time-out, would gain nothing.
/// </remarks>
internal static unsafe class BindMount
{
    private const long SysOpenTree = 428;
    private const long SysMoveMount = 429;
    private const long SysMountSetAttributes = 442;

    private const int CurrentFolder = -100; // AT_FDCWD
    private const long NoFollow = 0x100; // AT_SYMLINK_NOFOLLOW
    private const long EmptyPath = 0x1000; // AT_EMPTY_PATH
    private const long CloneTree = 1; // OPEN_TREE_CLONE
    private const long FromEmptyPath = 0x4; // MOVE_MOUNT_F_EMPTY_PATH
    private const long ToEmptyPath = 0x40; // MOVE_MOUNT_T_EMPTY_PATH
    private const ulong AccessTimeMask = 0x70; // MOUNT_ATTR__ATIME

    /// <exception cref="NativeException">Nothing was mounted.</exception>
    public static void Make(string source, FolderHandle target, MountAttributes attributes)
    {
        var text = Marshal.StringToCoTaskMemUTF8(source);
        byte empty = 0;
        try
        {
            var tree = Libc.syscall(SysOpenTree, CurrentFolder, text, CloneTree | Libc.CloseOnExec | NoFollow, 0);
            if (tree < 0)
                throw NativeException.Last("open_tree", source);

            using var handle = new SafeFileHandle((nint)tree, ownsHandle: true);
            var change = new Attributes { Set = (ulong)attributes };
            if ((change.Set & AccessTimeMask) != 0)
                change.Clear = AccessTimeMask;
            if (change.Set != 0 && Libc.syscall(SysMountSetAttributes, tree, (long)&empty, EmptyPath, (long)&change, sizeof(Attributes)) != 0)
                throw NativeException.Last("mount_setattr", source);
            if (Libc.syscall(SysMoveMount, tree, (long)&empty, target.Handle.DangerousGetHandle(), (long)&empty, FromEmptyPath | ToEmptyPath) != 0)
                throw NativeException.Last("move_mount", target.RealPath);
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Attributes
    {
        public ulong Set;
        public ulong Clear;
        public ulong Propagation;
        public ulong UserNamespace;
    }
}
