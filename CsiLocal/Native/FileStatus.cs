using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CsiLocal.Native;

/// <summary>What statx(2) says of one file, as far as it is used.</summary>
/// <param name="Device">The device that carries the file, encoded like <c>st_dev</c>.</param>
/// <param name="Inode">Its number there.</param>
/// <param name="DeviceNumber">Device nodes: their number, encoded like <c>st_rdev</c>.</param>
/// <param name="Mode">Type and permission bits, like <c>st_mode</c>.</param>
/// <param name="OwnerId">The user it belongs to.</param>
/// <param name="SizeBytes">Its length.</param>
/// <param name="AllocatedBytes">Bytes of the blocks allotted to it (<c>st_blocks</c> × 512).</param>
/// <param name="ModifiedNs">Last change of the content, nanoseconds since 1970.</param>
/// <param name="BornNs">Creation, nanoseconds since 1970; 0 where the file system does not keep it.</param>
internal readonly partial record struct FileStatus(
    ulong Device,
    ulong Inode,
    ulong DeviceNumber,
    uint Mode,
    uint OwnerId,
    long SizeBytes,
    long AllocatedBytes,
    long ModifiedNs,
    long BornNs)
{
    /// <summary>False: certainly not the root of a mount (statx(2), STATX_ATTR_MOUNT_ROOT, Linux 5.8); the mount table need not be read to know.</summary>
    public bool MayBeMountRoot { get; init; } = true;

    /// <summary>How many names it has (<c>st_nlink</c>).</summary>
    public uint Links { get; init; }

    public bool IsDirectory => (Mode & TypeMask) == 0x4000;

    public bool IsRegular => (Mode & TypeMask) == 0x8000;

    public bool IsSymlink => (Mode & TypeMask) == 0xA000;

    public bool IsBlockDevice => (Mode & TypeMask) == 0x6000;

    public UnixFileMode Permissions => (UnixFileMode)(Mode & 0xFFF);

    private const ulong MountRoot = 0x2000;
    private const uint TypeMask = 0xF000;
    private const int CurrentFolder = -100; // AT_FDCWD
    private const int NoFollow = 0x100; // AT_SYMLINK_NOFOLLOW
    private const int EmptyPath = 0x1000; // AT_EMPTY_PATH
    private const int DoNotSync = 0x4000; // AT_STATX_DONT_SYNC
    private const uint BasicAndBirth = 0x7FF | 0x800; // STATX_BASIC_STATS | STATX_BTIME

    /// <summary>The status of the path itself, symlinks not followed; null where there is nothing.</summary>
    public static FileStatus? Find(string path)
    {
        if (Statx(CurrentFolder, path, NoFollow, BasicAndBirth, out var raw) == 0)
            return From(raw);
        return Marshal.GetLastPInvokeError() is Errno.NoEntry or Errno.NotDirectory ? null : throw NativeException.Last("statx", path);
    }

    /// <summary>The status of what a path leads to; null where there is nothing, or it may not be seen.</summary>
    /// <remarks>As the kernel knows it now: a server that is away (another process's open file on NFS) is not waited for.</remarks>
    public static FileStatus? FindFollowing(string path) =>
        Statx(CurrentFolder, path, DoNotSync, BasicAndBirth, out var raw) == 0 ? From(raw) : null;

    public static FileStatus Of(SafeFileHandle handle, string path) =>
        Statx((int)handle.DangerousGetHandle(), "", EmptyPath, BasicAndBirth, out var raw) == 0
            ? From(raw)
            : throw NativeException.Last("statx", path);

    public static uint MajorOf(ulong device) => (uint)((device >> 8) & 0xFFF) | (uint)((device >> 32) & 0xFFFFF000);

    public static uint MinorOf(ulong device) => (uint)(device & 0xFF) | (uint)((device >> 12) & 0xFFFFFF00);

    /// <summary>As sysfs and the kernel's messages name a device: <c>253:7</c>.</summary>
    public static string NameOf(ulong device) => string.Create(CultureInfo.InvariantCulture, $"{MajorOf(device)}:{MinorOf(device)}");

    /// <summary>Major and minor as glibc's <c>makedev</c> packs them.</summary>
    public static ulong MakeDevice(uint major, uint minor) =>
        ((ulong)(major & 0xFFFFF000) << 32) | ((ulong)(major & 0xFFF) << 8) | ((ulong)(minor & 0xFFFFFF00) << 12) | (minor & 0xFF);

    private static FileStatus From(in RawStatx raw) => new(
        MakeDevice(raw.DevMajor, raw.DevMinor),
        raw.Ino,
        MakeDevice(raw.RdevMajor, raw.RdevMinor),
        raw.Mode,
        raw.Uid,
        (long)raw.Size,
        (long)raw.Blocks * 512,
        Nanoseconds(raw.Modified),
        (raw.Mask & 0x800) == 0 ? 0 : Nanoseconds(raw.Born))
    {
        Links = raw.Links,
        MayBeMountRoot = (raw.AttributesMask & MountRoot) == 0 || (raw.Attributes & MountRoot) != 0,
    };

    private static long Nanoseconds(RawTime time) => (time.Seconds * 1_000_000_000) + time.Nanoseconds;

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, out RawStatx status);

    [StructLayout(LayoutKind.Sequential, Size = 16)]
    private struct RawTime
    {
        public long Seconds;
        public uint Nanoseconds;
    }

    // struct statx of linux/stat.h: 256 bytes on every architecture.
    [StructLayout(LayoutKind.Sequential, Size = 256)]
    private struct RawStatx
    {
        public uint Mask;
        public uint BlockSize;
        public ulong Attributes;
        public uint Links;
        public uint Uid;
        public uint Gid;
        public ushort Mode;
        public ushort Spare;
        public ulong Ino;
        public ulong Size;
        public ulong Blocks;
        public ulong AttributesMask;
        public RawTime Accessed;
        public RawTime Born;
        public RawTime Changed;
        public RawTime Modified;
        public uint RdevMajor;
        public uint RdevMinor;
        public uint DevMajor;
        public uint DevMinor;
    }
}
