using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CsiLocal.Native;

/// <summary>How a block device is opened.</summary>
[Flags]
internal enum BlockOpen
{
    Read = 0,
    Write = 1,

    /// <summary>Refused (EBUSY) while it is mounted, below another device or claimed like this by somebody else; meanwhile nobody else can.</summary>
    Exclusive = 2,

    /// <summary>Past the page cache (open(2), O_DIRECT): offsets, lengths and memory are multiples of <see cref="BlockDevice.LogicalBlockBytes"/>.</summary>
    Direct = 4,
}

/// <summary>An open block device.</summary>
internal sealed unsafe partial class BlockDevice : IDisposable
{
    private const uint GetSize = 0x80081272; // BLKGETSIZE64, the same on x86-64 and arm64
    private const uint GetLogicalBlock = 0x1268; // BLKSSZGET
    private const uint ZeroOutRequest = 0x127F; // BLKZEROOUT
    private const uint DiscardRequest = 0x1277; // BLKDISCARD

    private readonly string _path;
    private readonly SafeFileHandle _handle;

    private BlockDevice(string path, SafeFileHandle handle, bool allowImage)
    {
        _path = path;
        _handle = handle;
        var status = FileStatus.Of(handle, path);
        if (allowImage && status.IsRegular)
        {
            SizeBytes = status.SizeBytes;
            return;
        }

        Number = status.IsBlockDevice ? status.DeviceNumber : throw new NativeException($"open {path}: not a block device", Errno.InvalidArgument);
        long size = 0;
        SizeBytes = NativeFile.Control(handle, GetSize, ref size) == 0 ? size : throw NativeException.Last("BLKGETSIZE64", path);
    }

    /// <summary>Device number, encoded like <c>st_rdev</c>; 0 for an image.</summary>
    public ulong Number { get; }

    public long SizeBytes { get; }

    /// <summary>The smallest unit that the device reads and writes: 512 or 4096 bytes.</summary>
    public int LogicalBlockBytes
    {
        get
        {
            var size = 0;
            return NativeFile.Control(_handle, GetLogicalBlock, ref size) == 0 ? size : throw NativeException.Last("BLKSSZGET", _path);
        }
    }

    /// <summary>Opens what the path leads to; symlinks, as udev makes them for device-mapper, are followed.</summary>
    /// <exception cref="NativeException">It cannot be opened, or is not a block device.</exception>
    public static BlockDevice Open(string path, BlockOpen how = BlockOpen.Read) => Open(path, how, allowImage: false);

    /// <summary>As <see cref="Open(string, BlockOpen)"/>, or an image of a device: a regular file, to be read only.</summary>
    public static BlockDevice OpenImage(string path) => Open(path, BlockOpen.Read, allowImage: true);

    private static BlockDevice Open(string path, BlockOpen how, bool allowImage)
    {
        var flags = how.HasFlag(BlockOpen.Write) ? NativeFile.ReadWrite : NativeFile.ReadOnly;
        if (how.HasFlag(BlockOpen.Exclusive))
            flags |= NativeFile.Exclusive;
        if (how.HasFlag(BlockOpen.Direct))
            flags |= NativeFile.Direct;
        var handle = NativeFile.OpenFollowing(path, flags);
        try
        {
            return new BlockDevice(path, handle, allowImage);
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
            var count = ReadSome(offset, buffer);
            if (count <= 0)
                throw new NativeException($"read {_path} at {offset}: the device ends there", Errno.Io);
            offset += count;
            buffer = buffer[count..];
        }
    }

    /// <summary>Writes all of <paramref name="bytes"/>; durable after <see cref="Flush"/>.</summary>
    /// <exception cref="IOException">Write error, or the device ends before.</exception>
    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        try
        {
            RandomAccess.Write(_handle, bytes, offset);
        }
        catch (IOException e)
        {
            throw new NativeException($"write {bytes.Length} bytes to {_path} at {offset}", e.HResult);
        }
    }

    /// <summary>Makes the range read as zeros, by the device's own means where it has them; durable after <see cref="Flush"/>.</summary>
    /// <remarks>Its blocks stay allotted (blk-lib.c, BLKDEV_ZERO_NOUNMAP). Cannot be interrupted: give it what the disk writes in seconds.</remarks>
    public void ZeroOut(long offset, long length)
    {
        if (ChangeRange(ZeroOutRequest, offset, length) != 0)
            throw NativeException.Last($"BLKZEROOUT {_path} at {offset}, {length} bytes");
    }

    /// <summary>Tells the device that nobody needs the range any more; what it reads as then is up to the device.</summary>
    /// <returns>False where it, or a device below it, has no use for that.</returns>
    public bool TryDiscard(long offset, long length)
    {
        if (ChangeRange(DiscardRequest, offset, length) == 0)
            return true;
        return Marshal.GetLastPInvokeError() == Errno.NotSupported
            ? false
            : throw NativeException.Last($"BLKDISCARD {_path} at {offset}, {length} bytes");
    }

    /// <summary>Makes durable what was written: the page cache's share of it, and what the disk itself still holds in a cache.</summary>
    public void Flush()
    {
        try
        {
            RandomAccess.FlushToDisk(_handle);
        }
        catch (IOException e)
        {
            throw new NativeException($"fsync {_path}", e.HResult);
        }
    }

    public void Dispose() => _handle.Dispose();

    private int ReadSome(long offset, Span<byte> buffer)
    {
        try
        {
            return RandomAccess.Read(_handle, buffer, offset);
        }
        catch (IOException e)
        {
            throw new NativeException($"read {_path} at {offset}", e.HResult);
        }
    }

    private int ChangeRange(uint request, long offset, long length)
    {
        var range = stackalloc ulong[] { (ulong)offset, (ulong)length };
        return NativeFile.Control(_handle, request, (nint)range);
    }
}
