using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CsiLocal.Native;

/// <summary>flock(2) on a file.</summary>
/// <remarks>
/// Not FileShare.None: .NET ignores every failure of that lock but "held", an environment variable turns it off, and a file
/// so locked cannot be opened to read who holds it.
/// </remarks>
internal static partial class FileLock
{
    private const int ReadWrite = 0x2;
    private const int Create = 0x40;
    private const int CloseOnExec = 0x80000;
    private const int NoFollow = 0x20000;
    private const uint PrivateMode = 0x180; // 0600

    private const int Exclusive = 2;
    private const int NonBlocking = 4;
    private const int WouldBlock = 11;
    private const int Interrupted = 4;

    /// <summary>Opens a file for locking; made with mode 0600 where it is missing. Children do not inherit it, nor then the lock.</summary>
    /// <exception cref="IOException">It cannot be opened, or is a symbolic link.</exception>
    public static SafeFileHandle Open(string path)
    {
        // O_NOFOLLOW and O_CLOEXEC have these values on x86-64; arm64 has another O_NOFOLLOW.
        var noFollow = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? NoFollow : 0x8000;
        var descriptor = OpenFile(path, ReadWrite | Create | CloseOnExec | noFollow, PrivateMode);
        return descriptor < 0
            ? throw new IOException($"open {path}: {Marshal.GetLastPInvokeErrorMessage()}")
            : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>Takes the exclusive lock, at once or not at all; closing the handle releases it.</summary>
    /// <exception cref="IOException">The file system has no locks.</exception>
    public static bool TryLock(SafeFileHandle file)
    {
        while (Flock(file, Exclusive | NonBlocking) != 0)
        {
            switch (Marshal.GetLastPInvokeError())
            {
                case WouldBlock:
                    return false;
                case Interrupted:
                    continue;
                default:
                    throw new IOException($"flock: {Marshal.GetLastPInvokeErrorMessage()}");
            }
        }

        return true;
    }

    // open(2) is variadic; on both of our architectures' Linux ABIs its mode travels like a plain third argument.
    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Flock(SafeFileHandle file, int operation);
}
