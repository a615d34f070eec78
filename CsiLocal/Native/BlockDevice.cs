using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CsiLocal.Native;

/// <summary>A block device opened for reading.</summary>
internal sealed unsafe partial class BlockDevice : IDisposable
{
    private const nuint GetSize = 0x80081272; // BLKGETSIZE64, the same on x86-64 and arm64

    private readonly string _path;
    private readonly SafeFileHandle _handle;

    private BlockDevice(string path, SafeFileHandle handle)
    {
        _path = path;
        _handle = handle;
        Number = FileStatus.Of(handle, path) is { IsBlockDevice: true } status
            ? status.DeviceNumber
            : throw new NativeException($"open {path}: not a block device", Errno.InvalidArgument);
        ulong size;
        SizeBytes = Control(handle, GetSize, &size) == 0 ? checked((long)size) : throw NativeException.Last("BLKGETSIZE64", path);
    }

    /// <summary>Device number, encoded like <c>st_rdev</c>.</summary>
    public ulong Number { get; }

    public long SizeBytes { get; }

    /// <exception cref="IOException">It cannot be opened, or is not a block device.</exception>
    public static BlockDevice Open(string path)
    {
        var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            return new BlockDevice(path, handle);
        }
        catch (IOException)
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Fills <paramref name="buffer"/> from <paramref name="offset"/>.</summary>
    /// <exception cref="IOException">Read error, or the device ends before the buffer is full.</exception>
    public void Read(long offset, Span<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var count = RandomAccess.Read(_handle, buffer, offset);
            if (count <= 0)
                throw new NativeException($"read {_path} at {offset}: the device ends there", Errno.Io);
            offset += count;
            buffer = buffer[count..];
        }
    }

    public void Dispose() => _handle.Dispose();

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(SafeFileHandle handle, nuint request, void* argument);
}
