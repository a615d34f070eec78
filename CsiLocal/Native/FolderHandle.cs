using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CsiLocal.Native;

/// <summary>A hold on one file or folder (O_PATH), reached without following a symlink; what is done through it cannot be redirected.</summary>
internal sealed unsafe partial class FolderHandle : IDisposable
{
    /// <summary><c>openat2(2)</c>, Linux 5.6.</summary>
    private const long SysOpenAt2 = 437;

    private const ulong PathOnly = 0x200000; // O_PATH
    private const ulong Create = 0x40; // O_CREAT
    private const ulong Exclusive = 0x80; // O_EXCL
    private const ulong CloseOnExec = 0x80000; // O_CLOEXEC
    private const ulong NoSymlinks = 0x04; // RESOLVE_NO_SYMLINKS
    private const ulong Beneath = 0x08; // RESOLVE_BENEATH
    private const int CurrentFolder = -100; // AT_FDCWD
    private const int RemoveDirectory = 0x200; // AT_REMOVEDIR

    private FolderHandle(SafeFileHandle handle) => Handle = handle;

    public SafeFileHandle Handle { get; }

    /// <summary>Where it is, as this process's mount namespace names it.</summary>
    public string RealPath => File.ResolveLinkTarget(Link("self"), returnFinalTarget: false)?.FullName
        ?? throw new NativeException($"readlink {Link("self")}", Errno.NoEntry);

    /// <summary>A path to it that another process may use, as long as this handle is open.</summary>
    public string PathForOthers => Link(Environment.ProcessId.ToString(CultureInfo.InvariantCulture));

    public FileStatus Status => FileStatus.Of(Handle, Link("self"));

    /// <summary>Opens an absolute path as it is, following symlinks.</summary>
    /// <exception cref="NativeException">It cannot be opened.</exception>
    public static FolderHandle OpenFollowing(string path) => Open(CurrentFolder, path, PathOnly, 0, 0);

    /// <summary>Opens something below this folder without following any symlink.</summary>
    /// <exception cref="NativeException">It cannot be opened: <see cref="Errno.SymlinkLoop"/> where a component is a symlink.</exception>
    public FolderHandle OpenBelow(string relativePath) => Open(Descriptor, relativePath, PathOnly, 0, NoSymlinks | Beneath);

    /// <summary>Makes a folder; false where something of that name is there.</summary>
    public bool MakeFolder(string name, uint mode)
    {
        if (MkdirAt(Descriptor, name, mode) == 0)
            return true;
        return Marshal.GetLastPInvokeError() == Errno.Exists ? false : throw NativeException.Last("mkdirat", name);
    }

    /// <summary>Makes an empty file; false where something of that name is there.</summary>
    public bool MakeFile(string name, uint mode)
    {
        try
        {
            Open(Descriptor, name, Create | Exclusive, mode, NoSymlinks | Beneath).Dispose();
            return true;
        }
        catch (NativeException e) when (e.ErrorNumber == Errno.Exists)
        {
            return false;
        }
    }

    /// <summary>Removes an empty folder; success where it is gone.</summary>
    public void RemoveFolder(string name) => Remove(name, RemoveDirectory);

    /// <summary>Removes a file; success where it is gone.</summary>
    public void RemoveFile(string name) => Remove(name, 0);

    public void Dispose() => Handle.Dispose();

    private int Descriptor => (int)Handle.DangerousGetHandle();

    private string Link(string process) => string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/fd/{Descriptor}");

    private void Remove(string name, int flags)
    {
        if (UnlinkAt(Descriptor, name, flags) != 0 && Marshal.GetLastPInvokeError() != Errno.NoEntry)
            throw NativeException.Last("unlinkat", name);
    }

    private static FolderHandle Open(int folder, string path, ulong flags, uint mode, ulong resolve)
    {
        var how = new OpenHow { Flags = flags | CloseOnExec, Mode = mode, Resolve = resolve };
        var text = Marshal.StringToCoTaskMemUTF8(path);
        try
        {
            var descriptor = Libc.syscall(SysOpenAt2, folder, text, (long)&how, sizeof(OpenHow));
            return descriptor >= 0
                ? new FolderHandle(new SafeFileHandle((nint)descriptor, ownsHandle: true))
                : throw NativeException.Last("openat2", path);
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
        }
    }

    [LibraryImport("libc", EntryPoint = "mkdirat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MkdirAt(int folder, string name, uint mode);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int UnlinkAt(int folder, string name, int flags);

    [StructLayout(LayoutKind.Sequential)]
    private struct OpenHow
    {
        public ulong Flags;
        public ulong Mode;
        public ulong Resolve;
    }
}
