using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CsiLocal.Native;

/// <summary>fsfreeze(8)'s two requests: all writes to a mounted file system wait between them, and its disk is consistent.</summary>
internal static partial class FilesystemFreeze
{
    private const uint FreezeRequest = 0xC0045877; // FIFREEZE
    private const uint ThawRequest = 0xC0045878; // FITHAW

    /// <summary>Freezes the file system of an open folder. Dirty data is written out beforehand: the freeze itself is short.</summary>
    /// <exception cref="NativeException">EBUSY: it is frozen already.</exception>
    public static void Freeze(SafeFileHandle folder, string path)
    {
        if (Syncfs(folder) != 0)
            throw NativeException.Last("syncfs", path);
        if (NativeFile.Control(folder, FreezeRequest, 0) != 0)
            throw NativeException.Last("FIFREEZE", path);
    }

    /// <returns>False where it was not frozen any more.</returns>
    public static bool Thaw(SafeFileHandle folder, string path)
    {
        if (NativeFile.Control(folder, ThawRequest, 0) == 0)
            return true;
        return Marshal.GetLastPInvokeError() == Errno.InvalidArgument ? false : throw NativeException.Last("FITHAW", path);
    }

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    private static partial int Syncfs(SafeFileHandle file);
}
