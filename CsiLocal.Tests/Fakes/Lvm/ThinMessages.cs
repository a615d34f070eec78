namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>What LVM tells the kernel's thin pool (lib/metadata/thin_manip.c): committed, sent, and committed as sent.</summary>
internal static class ThinMessages
{
    /// <summary>A new thin volume. What an earlier command left queued is sent before.</summary>
    public static void Create(EmulatedVolume thin)
    {
        var pool = thin.Pool!;
        Send(pool);
        thin.TransactionId = pool.TransactionId++;
        pool.KernelTransactionId++;
    }

    /// <summary>What is queued is sent before, be it what makes this very volume.</summary>
    public static void Delete(EmulatedVolume thin)
    {
        var pool = thin.Pool!;
        Send(pool);
        pool.TransactionId++;
        pool.KernelTransactionId++;
    }

    private static void Send(EmulatedVolume pool)
    {
        if (pool.Queued is not { } queued)
            return;
        (queued.IsUnmade, pool.Queued) = (false, null);
        pool.KernelTransactionId++;
    }
}
