using System.Runtime.InteropServices;

namespace CsiLocal.Native;

/// <summary>Memory as direct I/O wants it: at the begin of a page, and never moved.</summary>
internal sealed unsafe class AlignedBuffer(int sizeBytes) : IDisposable
{
    private const int PageBytes = 4096; // no disk has larger logical blocks

    private void* _memory = NativeMemory.AlignedAlloc((nuint)sizeBytes, PageBytes);

    public Span<byte> Bytes => _memory is not null ? new Span<byte>(_memory, sizeBytes) : throw new ObjectDisposedException(nameof(AlignedBuffer));

    public void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        _memory = null;
    }
}
