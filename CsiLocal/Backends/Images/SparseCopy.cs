using System.Buffers;
using CsiLocal.Native;
using Microsoft.Win32.SafeHandles;

namespace CsiLocal.Backends.Images;

/// <summary>Copies a sparse file: holes are passed over, and blocks of zeros become holes.</summary>
/// <remarks>The target must read as zeros, or hold what an earlier run of the same copy wrote.</remarks>
internal static class SparseCopy
{
    private const int ChunkBytes = 4 << 20;
    private const int BlockBytes = 4096;

    /// <summary>Copies from an offset to the source's end.</summary>
    /// <param name="source">Open for reading.</param>
    /// <param name="target">Open for writing, at least as long as the source.</param>
    /// <param name="from">Where to begin; everything before it is there.</param>
    /// <param name="subject">For messages.</param>
    /// <param name="afterChunk">Told how far it is, after each chunk; may throw to end the copy.</param>
    public static void Copy(SafeFileHandle source, SafeFileHandle target, long from, string subject, Action<long> afterChunk)
    {
        var length = RandomAccess.GetLength(source);
        var buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            for (var at = from; at < length && FileCopy.NextData(source, at, subject) is { } data && data < length;)
            {
                at = Math.Min(FileCopy.NextHole(source, data, subject), length);
                CopyExtent(source, target, data, at, buffer.AsSpan(0, ChunkBytes), subject, afterChunk);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        afterChunk(length);
    }

    private static void CopyExtent(
        SafeFileHandle source, SafeFileHandle target, long begin, long end, Span<byte> buffer, string subject, Action<long> afterChunk)
    {
        for (var at = begin; at < end;)
        {
            var read = RandomAccess.Read(source, buffer[..(int)Math.Min(buffer.Length, end - at)], at);
            if (read == 0)
                throw new IOException($"copy {subject}: the source became shorter while it was read");
            WriteAllButZeros(target, buffer[..read], at);
            at += read;
            afterChunk(at);
        }
    }

    private static void WriteAllButZeros(SafeFileHandle target, ReadOnlySpan<byte> bytes, long offset)
    {
        for (var at = 0; at < bytes.Length;)
        {
            var end = ZeroRuns.EndOfRun(bytes, at, BlockBytes, out var isZero);
            if (!isZero)
                RandomAccess.Write(target, bytes[at..end], offset + at);
            at = end;
        }
    }
}
