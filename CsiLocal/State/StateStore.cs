using System.Collections.Concurrent;
using CsiLocal.Volumes;
using Microsoft.Data.Sqlite;

namespace CsiLocal.State;

/// <summary>The driver's memory: one SQLite file with intents, the index of volumes and the journal (design §7).</summary>
/// <remarks>
/// Every method is synchronous and short; never hold a transaction across an <c>await</c>. One connection writes, under a
/// lock; reads use others and wait for no writer. A write is durable when its method returns. Failures of the file are
/// <see cref="StorageException"/>s (<see cref="StorageError.Unavailable"/>) that have changed nothing. Safe for concurrent use.
/// </remarks>
internal sealed partial class StateStore : IDisposable
{
    private const string StateIdKey = "state_id";
    private const string BootIdKey = "boot_id";

    /// <summary>Readers kept open while idle; more are opened when more threads read at once.</summary>
    private const int MaxIdleReaders = 4;

    private readonly string _file;
    private readonly TimeProvider _clock;
    private readonly StateConnection _writer;
    private readonly Lock _writing = new();
    private readonly ConcurrentBag<StateConnection> _idleReaders = [];
    private readonly JournalBuffer _journal;
    private readonly CommitHooks? _commits;

    private volatile bool _disposed;
    private bool _inTransaction;
    private bool _doomed;

    private StateStore(string file, StateConnection writer, TimeProvider clock, CommitHooks? commits, string? damagedFileSetAside, bool isFresh)
    {
        _file = file;
        _writer = writer;
        _clock = clock;
        _commits = commits;
        DamagedFileSetAside = damagedFileSetAside;
        IsFresh = isFresh;
        StateId = ReadMeta(StateIdKey) ?? MakeStateId();
        LastBootId = ReadMeta(BootIdKey);
        LastOperationOfEarlierRuns = _writer.QueryNumber("SELECT COALESCE(MAX(id), 0) FROM operations");
        _journal = new JournalBuffer(LastOperationOfEarlierRuns);
    }

    /// <summary>Path of the damaged file that was set aside at <see cref="Open(string, TimeProvider)"/>; null where the file was sound.</summary>
    public string? DamagedFileSetAside { get; }

    /// <summary>True where the file was made just now, first start or replacement: the rows are to be rebuilt from the pools' metadata.</summary>
    public bool IsFresh { get; }

    /// <summary>A random UUID made with the file; paging tokens and pools' marks refer to it.</summary>
    public string StateId { get; }

    /// <summary>The kernel's boot id as last recorded; null on the first start.</summary>
    public string? LastBootId { get; private set; }

    /// <summary>Opens the state, made and migrated where that is due. The caller holds the <see cref="StateDirectoryLock"/>.</summary>
    /// <exception cref="StorageException">
    /// <see cref="StorageError.Unavailable"/>: written by a newer csilocal, or the file cannot be read or written; nothing was touched.
    /// </exception>
    public static StateStore Open(string stateDirectory, TimeProvider clock) => Open(stateDirectory, clock, Migrator.Embedded());

    /// <inheritdoc cref="Open(string, TimeProvider)"/>
    public static StateStore Open(string stateDirectory, TimeProvider clock, IReadOnlyList<Migration> migrations, CommitHooks? commits = null)
    {
        SqliteProvider.EnsureLoaded();
        StateFile.EnsureFolder(stateDirectory);
        var file = Path.Combine(Path.GetFullPath(stateDirectory), StateFile.Name);

        var setAside = StateFile.FindDamage(file, migrations) is null ? null : StateFile.SetAside(file, clock);
        try
        {
            return OpenSound(file, clock, migrations, commits, setAside)
                ?? OpenSound(file, clock, migrations, commits, StateFile.SetAside(file, clock))!;
        }
        catch (SqliteException e)
        {
            throw StateErrors.Translate(e, $"open {file}", file);
        }
    }

    /// <exception cref="StorageException"><see cref="StorageError.Unavailable"/>: it could not be written.</exception>
    public void SetBootId(string bootId)
    {
        Write("record the boot id", db => WriteMeta(db, BootIdKey, bootId));
        LastBootId = bootId;
    }

    /// <summary>Moves the log into the database file, as far as readers let it. Costs an fsync of both.</summary>
    public void Checkpoint()
    {
        lock (_writing)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            Translating("checkpoint the state", () => _writer.Run("PRAGMA wal_checkpoint(TRUNCATE)"));
        }
    }

    /// <summary>Writes the journal, empties the log into the database and closes it: one file is left.</summary>
    public void Dispose()
    {
        lock (_writing)
        {
            if (_disposed)
                return;

            try
            {
                Flush();
                Checkpoint();
            }
            catch (StorageException)
            {
                // Only journal lines are lost: every other write was committed when it was made, and the log is read at the next start.
            }

            _disposed = true;
            while (_idleReaders.TryTake(out var reader))
                reader.Dispose();
            _writer.Dispose();
        }
    }

    /// <summary>Null where the file turned out to be damaged after all.</summary>
    private static StateStore? OpenSound(
        string file, TimeProvider clock, IReadOnlyList<Migration> migrations, CommitHooks? commits, string? setAside)
    {
        StateFile.EnsurePrivate(file);
        StateConnection? writer = null;
        try
        {
            writer = StateConnection.OpenWriter(file);
            var isFresh = Migrator.VersionOf(writer) == 0;
            Migrator.Apply(writer, migrations, clock);
            var store = new StateStore(file, writer, clock, commits, setAside, isFresh);
            store.ReadEveryRow();
            return store;
        }
        catch (Exception e) when (setAside is null && StateErrors.IsDamage(e))
        {
            writer?.Dispose();
            return null;
        }
        catch
        {
            // Damage in a file made just now: then the disk is at fault, and the error goes to the caller.
            writer?.Dispose();
            throw;
        }
    }

    /// <summary>What the checks of the pages and of the tables let pass may still not be a record.</summary>
    private void ReadEveryRow()
    {
        lock (_writing)
        {
            _ = AllVolumes();
            _ = AllSnapshots();
            _ = AllPublications();
            _ = AllTasks();
            _ = AllTrash();
            _ = AllPools();
        }
    }

    private static void WriteMeta(StateConnection db, string key, string value) => db.Execute(
        "INSERT INTO meta (key, value) VALUES (@key, @value) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        ("@key", key), ("@value", value));

    private string? ReadMeta(string key) =>
        _writer.QueryFirst("SELECT value FROM meta WHERE key = @key", row => row.GetString(0), ("@key", key));

    private string MakeStateId()
    {
        var id = Guid.NewGuid().ToString("D");
        WriteMeta(_writer, StateIdKey, id);
        return id;
    }
}
