namespace CsiLocal.Volumes;

/// <summary>Locks by id. Nobody ever waits: a second operation on the same id is told to try again (design §2.4).</summary>
/// <remarks>No lock is held across another volume's command, except on the source that an operation reads from.</remarks>
internal sealed class KeyedLocks
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Entry> entries = [];

    /// <summary>Takes <paramref name="key"/> for this operation alone.</summary>
    /// <param name="purpose">What is being done, for the message that a second caller gets: "expand volume v…".</param>
    /// <exception cref="StorageException"><see cref="StorageError.Aborted"/>: held by another operation.</exception>
    public IDisposable AcquireExclusive(string key, string purpose)
    {
        lock (gate)
        {
            if (entries.TryGetValue(key, out var held))
                throw Busy(key, purpose, held);

            entries.Add(key, new Entry(purpose, 0));
        }

        return new Release(this, key);
    }

    /// <summary>Takes <paramref name="key"/> beside other readers of it: for a snapshot that several volumes are restored from.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.Aborted"/>: held exclusively.</exception>
    public IDisposable AcquireShared(string key, string purpose)
    {
        lock (gate)
        {
            if (!entries.TryGetValue(key, out var held))
                entries.Add(key, new Entry(purpose, 1));
            else if (held.Readers > 0)
                entries[key] = held with { Readers = held.Readers + 1 };
            else
                throw Busy(key, purpose, held);
        }

        return new Release(this, key);
    }

    /// <summary>Whether some operation is at work on it now; by the time the caller looks it may be done.</summary>
    public bool IsHeld(string key)
    {
        lock (gate)
            return entries.ContainsKey(key);
    }

    private static StorageException Busy(string key, string purpose, Entry held) => new(
        StorageError.Aborted, $"{purpose}: another operation on {key} is under way ({held.Purpose})", "try again when it is done");

    private void Free(string key)
    {
        lock (gate)
        {
            var held = entries[key];
            if (held.Readers > 1)
                entries[key] = held with { Readers = held.Readers - 1 };
            else
                entries.Remove(key);
        }
    }

    private sealed record Entry(string Purpose, int Readers);

    private sealed class Release(KeyedLocks owner, string key) : IDisposable
    {
        private bool released;

        public void Dispose()
        {
            if (released)
                return;

            released = true;
            owner.Free(key);
        }
    }
}
