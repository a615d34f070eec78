using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CsiLocal.Native;

/// <summary>Extents of sparse files: cloned, found, allotted and punched out.</summary>
internal static partial class FileCopy
{
    private const uint CloneRequest = 0x40049409; // FICLONE
    private const int SeekData = 3; // SEEK_DATA
    private const int SeekHole = 4; // SEEK_HOLE
    private const int KeepSize = 1; // FALLOC_FL_KEEP_SIZE
    private const int PunchHoleFlag = 2; // FALLOC_FL_PUNCH_HOLE
    private const int ZeroRangeFlag = 0x10; // FALLOC_FL_ZERO_RANGE

    /// <summary>Lets the target share all extents of the source, whose dirty pages the kernel writes out first.</summary>
    /// <returns>False where the file system cannot.</returns>
    public static bool TryClone(SafeFileHandle source, SafeFileHandle target, string subject)
    {
        if (NativeFile.Control(target, CloneRequest, (long)source.DangerousGetHandle()) == 0)
            return true;
        return Marshal.GetLastPInvokeError() is Errno.NotSupported or Errno.CrossDevice or Errno.InvalidArgument or Errno.NotTty
            ? false
            : throw NativeException.Last("FICLONE", subject);
    }

    /// <summary>Where the next data at or after <paramref name="offset"/> begins; null where only a hole follows.</summary>
    public static long? NextData(SafeFileHandle file, long offset, string subject) => Seek(file, offset, SeekData, "SEEK_DATA", subject);

    /// <summary>Where the next hole at or after <paramref name="offset"/> begins: the end of the file at the latest.</summary>
    public static long NextHole(SafeFileHandle file, long offset, string subject) =>
        Seek(file, offset, SeekHole, "SEEK_HOLE", subject) ?? offset;

    /// <summary>Allots blocks to the whole range; the file grows as needed. Blocks that were allotted keep their content.</summary>
    public static void Allocate(SafeFileHandle file, long offset, long length, string subject) =>
        Fallocate(file, 0, offset, length, "fallocate", subject);

    /// <summary>Allots blocks to the range but leaves the file's length as it is.</summary>
    public static void AllocateBeyondEnd(SafeFileHandle file, long offset, long length, string subject) =>
        Fallocate(file, KeepSize, offset, length, "fallocate", subject);

    /// <summary>Makes the range a hole that reads as zeros.</summary>
    public static void PunchHole(SafeFileHandle file, long offset, long length, string subject) =>
        Fallocate(file, PunchHoleFlag | KeepSize, offset, length, "fallocate(PUNCH_HOLE)", subject);

    /// <summary>Makes the range read as zeros and keeps its blocks allotted.</summary>
    public static void ZeroRange(SafeFileHandle file, long offset, long length, string subject) =>
        Fallocate(file, ZeroRangeFlag, offset, length, "fallocate(ZERO_RANGE)", subject);

    private static long? Seek(SafeFileHandle file, long offset, int whence, string call, string subject)
    {
        var found = Lseek(file, offset, whence);
        if (found >= 0)
            return found;
        return Marshal.GetLastPInvokeError() == Errno.NoDeviceOrAddress ? null : throw NativeException.Last(call, subject);
    }

    private static void Fallocate(SafeFileHandle file, int mode, long offset, long length, string call, string subject)
    {
        while (FallocateRange(file, mode, offset, length) != 0)
        {
            // A signal to the runtime (its own GC signals, too) interrupts it; what was allotted stays.
            if (Marshal.GetLastPInvokeError() != Errno.Interrupted)
                throw NativeException.Last(call, subject);
        }
    }

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long Lseek(SafeFileHandle file, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static partial int FallocateRange(SafeFileHandle file, int mode, long offset, long length);
}
