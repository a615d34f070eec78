namespace CsiLocal.State;

/// <summary>The journal's writes that wait for a commit. Bounded: while nothing can be committed, the oldest are dropped.</summary>
internal sealed class JournalBuffer(long lastOperationId)
{
    /// <summary>About a megabyte of memory.</summary>
    public const int Capacity = 4096;

    private readonly Lock _lock = new();
    private readonly List<JournalWrite> _waiting = [];
    private long _lastOperationId = lastOperationId;
    private long _dropped;

    public int Count
    {
        get
        {
            lock (_lock)
                return _waiting.Count;
        }
    }

    /// <summary>Writes dropped since the start.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    public long NextOperationId() => Interlocked.Increment(ref _lastOperationId);

    public void Add(JournalWrite write)
    {
        lock (_lock)
        {
            _waiting.Add(write);
            Trim();
        }
    }

    /// <summary>Takes the oldest writes out, in order.</summary>
    public IReadOnlyList<JournalWrite> Take(int limit)
    {
        lock (_lock)
        {
            var count = Math.Min(limit, _waiting.Count);
            if (count == 0)
                return [];

            var taken = _waiting.GetRange(0, count);
            _waiting.RemoveRange(0, count);
            return taken;
        }
    }

    /// <summary>Returns what was taken, after a commit that failed.</summary>
    public void PutBack(IReadOnlyList<JournalWrite> taken)
    {
        lock (_lock)
        {
            _waiting.InsertRange(0, taken);
            Trim();
        }
    }

    private void Trim()
    {
        var excess = _waiting.Count - Capacity;
        if (excess <= 0)
            return;

        _waiting.RemoveRange(0, excess);
        Interlocked.Add(ref _dropped, excess);
    }
}
