using System.Runtime.InteropServices;

namespace CsiLocal.Native;

/// <summary>A NULL-terminated array of C strings, as <c>argv</c> and <c>envp</c> are.</summary>
internal sealed unsafe class NativeStrings : IDisposable
{
    private readonly int _count;

    /// <exception cref="ArgumentException">A string contains a NUL, which would silently end it there.</exception>
    public NativeStrings(string? first, IReadOnlyList<string> rest)
    {
        Pointers = (byte**)NativeMemory.AllocZeroed((nuint)rest.Count + 2, (nuint)sizeof(byte*));
        if (first is not null)
            Pointers[_count++] = Copy(first);
        foreach (var text in rest)
            Pointers[_count++] = Copy(text);
    }

    public byte** Pointers { get; }

    public void Dispose()
    {
        for (var i = 0; i < _count; i++)
            Marshal.FreeCoTaskMem((nint)Pointers[i]);
        NativeMemory.Free(Pointers);
    }

    private static byte* Copy(string text) =>
        text.Contains('\0')
            ? throw new ArgumentException("an argument contains a NUL character", nameof(text))
            : (byte*)Marshal.StringToCoTaskMemUTF8(text);
}
