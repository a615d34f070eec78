using Microsoft.Win32.SafeHandles;

namespace CsiLocal.Native;

/// <summary>An eventfd: makes a thread return from poll(2).</summary>
internal sealed unsafe class WakeUp : IDisposable
{
    private readonly SafeFileHandle _handle;

    public WakeUp()
    {
        var descriptor = Libc.eventfd(0, Libc.CloseOnExec | Libc.NonBlocking);
        _handle = descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw NativeException.Last("eventfd");
    }

    public int Descriptor => (int)_handle.DangerousGetHandle();

    /// <summary>Safe from any thread and after <see cref="Dispose"/>, where it does nothing.</summary>
    public void Set()
    {
        var held = false;
        try
        {
            _handle.DangerousAddRef(ref held);
            ulong one = 1;
            Libc.write(Descriptor, (byte*)&one, sizeof(ulong));
        }
        catch (ObjectDisposedException)
        {
            // The thread it would wake has ended.
        }
        finally
        {
            if (held)
                _handle.DangerousRelease();
        }
    }

    public void Clear()
    {
        ulong value;
        Libc.read(Descriptor, (byte*)&value, sizeof(ulong));
    }

    public void Dispose() => _handle.Dispose();
}
