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

    /// <summary>A message that was not sent is replaced; the kernel knows no such volume, and does not mind.</summary>
    public static void Delete(EmulatedVolume thin)
    {
        var pool = thin.Pool!;
        if (pool.Queued == thin)
        {
            Send(pool);
            return;
        }

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
