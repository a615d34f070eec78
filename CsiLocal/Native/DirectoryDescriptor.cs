using System.Runtime.InteropServices;

namespace CsiLocal.Native;

/// <summary>An open directory: what ioctl and quotactl calls are made on. A symbolic link in its last component is refused.</summary>
internal sealed unsafe partial class DirectoryDescriptor : IDisposable
{
    private const int CloseOnExec = 0x80000;

    // O_DIRECTORY and O_NOFOLLOW are swapped about between the architectures (asm-generic/fcntl.h, arch/arm64/include/uapi/asm/fcntl.h).
    private static readonly int OpenFlags = CloseOnExec
        | (RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x4000 | 0x8000 : 0x10000 | 0x20000);

    private readonly string _path;
    private int _descriptor;

    private DirectoryDescriptor(int descriptor, string path)
    {
        _descriptor = descriptor;
        _path = path;
    }

    /// <exception cref="NativeException">It is not there, or not a directory.</exception>
    public static DirectoryDescriptor Open(string path)
    {
        var descriptor = OpenFile(path, OpenFlags, 0);
        return descriptor >= 0 ? new DirectoryDescriptor(descriptor, path) : throw NativeException.Last("open", path);
    }

    /// <exception cref="NativeException">The call failed.</exception>
    public void Control(ulong request, void* argument, string name)
    {
        if (ControlFile(_descriptor, request, argument) < 0)
            throw NativeException.Last(name, _path);
    }

    /// <summary>A system call whose first argument is this descriptor; returns 0, or the errno.</summary>
    public int Call(long number, nuint second, nuint third, void* fourth) =>
        SystemCall(number, _descriptor, second, third, fourth) < 0 ? Marshal.GetLastPInvokeError() : 0;

    public void Dispose()
    {
        if (_descriptor >= 0)
            _ = CloseFile(_descriptor);
        _descriptor = -1;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseFile(int descriptor);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int ControlFile(int descriptor, ulong request, void* argument);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long SystemCall(long number, long first, nuint second, nuint third, void* fourth);
}
