namespace CsiLocal.Hosting;

/// <summary>Gives back to the system what a burst of work left: on an edge machine a daemon that idles must be small.</summary>
/// <remarks>The collector keeps the memory of its last peak for the next one; a node's driver may not see that for days.</remarks>
internal sealed class MemoryKeeper(TimeProvider clock)
{
    /// <summary>Allocated since the last time: less is not worth a collection.</summary>
    private const long WorthwhileBytes = 8L << 20;

    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(2);

    private long allocatedBefore;
    private long compactedAt;
    private long quietSince = clock.GetTimestamp();

    /// <summary>To be called often. Compacts once nothing was allocated for <see cref="IdleTime"/> and enough was before.</summary>
    public void CompactWhenIdle()
    {
        // The chores of one turn allocate a little themselves.
        const long noise = 64 << 10;
        var allocated = GC.GetTotalAllocatedBytes();
        if (allocated - allocatedBefore > noise)
            quietSince = clock.GetTimestamp();

        allocatedBefore = allocated;
        if (allocated - compactedAt >= WorthwhileBytes && clock.GetElapsedTime(quietSince) >= IdleTime)
            Compact();
    }

    public void Compact()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        compactedAt = allocatedBefore = GC.GetTotalAllocatedBytes();
    }
}
