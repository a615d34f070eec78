using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CsiLocal.Native;

/// <summary>open(2), ioctl(2), lseek(2) and fallocate(2), with flags that the runtime's own files do not offer.</summary>
internal static partial class NativeFile
{
    public const int ReadOnly = 0;
    public const int ReadWrite = 2;
    public const int Create = 0x40; // O_CREAT
    public const int Exclusive = 0x80; // O_EXCL: with Create, must be new; on a block device, must be nobody else's
    private const int CloseOnExec = 0x80000; // O_CLOEXEC

    // The two architectures number these differently (asm-generic/fcntl.h, arch/arm64/include/uapi/asm/fcntl.h).
    private static readonly bool Arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    /// <summary>O_DIRECTORY.</summary>
    public static readonly int Folder = Arm ? 0x4000 : 0x10000;

    /// <summary>O_DIRECT.</summary>
    public static readonly int Direct = Arm ? 0x10000 : 0x4000;

    private static readonly int NoFollow = Arm ? 0x8000 : 0x20000;

    /// <summary>Opens a path whose last component must not be a symlink. A file that is made gets mode 0600.</summary>
    /// <exception cref="NativeException">With the errno of open(2).</exception>
    public static SafeFileHandle Open(string path, int flags)
    {
        var descriptor = OpenPath(path, flags | CloseOnExec | NoFollow, 0x180);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw NativeException.Last("open", path);
    }

    /// <summary>As <see cref="Open"/>; null where it cannot be opened, without the cost of an exception.</summary>
    public static SafeFileHandle? TryOpen(string path, int flags)
    {
        var descriptor = OpenPath(path, flags | CloseOnExec | NoFollow, 0);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : null;
    }

    /// <summary>As <see cref="Open"/>, for what may be reached by symlinks: the names udev gives to devices.</summary>
    public static SafeFileHandle OpenFollowing(string path, int flags)
    {
        var descriptor = OpenPath(path, flags | CloseOnExec, 0);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw NativeException.Last("open", path);
    }

    /// <summary>A new file without a name in the folder's file system: gone when closed, and after a kill, too.</summary>
    public static SafeFileHandle OpenUnnamed(string folder) => Open(folder, Folder | 0x400000 | ReadWrite); // O_TMPFILE

    /// <summary>A request whose argument is a number, or none.</summary>
    /// <returns>What the request answers; -1 with the errno kept for <see cref="NativeException.Last(string)"/>.</returns>
    public static int Control(SafeFileHandle handle, uint request, long argument) => ControlNumber(handle, request, (nint)argument);

    /// <summary>A request that reads or writes a structure.</summary>
    /// <inheritdoc cref="Control(SafeFileHandle, uint, long)" path="/returns"/>
    public static unsafe int Control<T>(SafeFileHandle handle, uint request, ref T argument)
        where T : unmanaged
    {
        fixed (T* pointer = &argument)
            return ControlNumber(handle, request, (nint)pointer);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenPath(string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int ControlNumber(SafeFileHandle handle, nuint request, nint argument);
}
