namespace CsiLocal.Native;

/// <summary>A hold on one process (a pidfd): its number cannot come to mean another.</summary>
internal sealed unsafe class ProcessHandle : IDisposable
{
    /// <summary><c>pidfd_send_signal(2)</c>, Linux 5.1.</summary>
    private const long SysSendSignal = 424;

    private readonly int _descriptor;

    private ProcessHandle(int id, int descriptor)
    {
        Id = id;
        _descriptor = descriptor;
    }

    public int Id { get; }

    /// <summary>Null where there is no such process.</summary>
    public static ProcessHandle? TryOpen(int id)
    {
        var descriptor = (int)Libc.syscall(Libc.SysPidfdOpen, id, 0, 0, 0);
        return descriptor < 0 ? null : new ProcessHandle(id, descriptor);
    }

    /// <summary>Nothing where it has ended.</summary>
    public void Signal(int signal) => Libc.syscall(SysSendSignal, _descriptor, signal, 0, 0);

    /// <summary>Blocks until all have ended or <paramref name="limit"/> is over.</summary>
    public static void WaitForAll(IReadOnlyList<ProcessHandle> handles, TimeSpan limit)
    {
        var end = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        foreach (var handle in handles)
        {
            var entry = new Libc.PollEntry { Descriptor = handle._descriptor, Events = Libc.PollIn };
            Libc.poll(&entry, 1, (int)Math.Max(0, end - Environment.TickCount64));
        }
    }

    public void Dispose() => Libc.close(_descriptor);
}
