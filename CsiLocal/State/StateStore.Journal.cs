using CsiLocal.Diagnostics;
using CsiLocal.Volumes;

namespace CsiLocal.State;

/// <remarks>
/// Journal writes wait in memory and go out with the next commit, or with <see cref="Flush"/>, which the host calls a few
/// times a second: history costs no fsync of its own, and a kill may lose its last moments. Intents are never in it.
/// </remarks>
internal sealed partial class StateStore
{
    /// <summary>Longest message or summary that is kept, in characters.</summary>
    public const int MaxJournalText = 2048;

    /// <summary>Operations kept at most, whatever their age: a node with thousands of calls a minute must not fill its disk.</summary>
    public const long MaxOperations = 200_000;

    /// <summary>The operation of a commit that carries nothing but history.</summary>
    internal const string JournalFlush = "flush the journal";

    /// <summary>So that a call's own commit is not held up by a long queue: a few milliseconds.</summary>
    private const int JournalRowsPerCommit = 256;

    private const int PruneBatch = 500;

    /// <summary>Journal writes dropped since the start because they could not be committed for long.</summary>
    public long DroppedJournalWrites => _journal.Dropped;

    /// <summary>Records that a call began; returns the id for its commands and its end. Touches no disk.</summary>
    public long BeginOperation(CallEntry call)
    {
        var id = _journal.NextOperationId();
        _journal.Add(new JournalWrite.Begin(id, call, _clock.GetUtcNow()));
        return id;
    }

    /// <summary>Records how a call ended. Touches no disk.</summary>
    public void EndOperation(long id, string status, string? message) =>
        _journal.Add(new JournalWrite.End(id, status, Shorten(message), _clock.GetUtcNow()));

    /// <summary>Records a command. Touches no disk.</summary>
    public void RecordCommand(CommandEntry command) =>
        _journal.Add(new JournalWrite.Command(command with { Summary = Shorten(command.Summary) }));

    /// <summary>Records a change of state of a volume or snapshot, under the call that is being served. Touches no disk.</summary>
    public void RecordEvent(string target, string what, string why) =>
        _journal.Add(new JournalWrite.Event(target, what, Shorten(why)!, OperationScope.Current, _clock.GetUtcNow()));

    /// <summary>Commits what the journal has waiting; no fsync where that is nothing.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.Unavailable"/>: it stays waiting.</exception>
    public void Flush()
    {
        // Counted between commits: what one under way has taken waits no longer, and is not there yet. And bounded: others go on adding.
        int left;
        lock (_writing)
            left = _journal.Count;
        for (; left > 0; left -= JournalRowsPerCommit)
            Write(JournalFlush, _ => { });
    }

    /// <summary>Removes what is older than <paramref name="retention"/>, and operations beyond <see cref="MaxOperations"/>; returns the number of rows.</summary>
    /// <remarks>In small transactions, so that nobody waits long for the writer.</remarks>
    public int PruneJournal(TimeSpan retention)
    {
        var before = Columns.Text(_clock.GetUtcNow() - retention);
        return Prune("operations", "started < @before OR id <= (SELECT MAX(id) FROM operations) - @keep", before)
            + Prune("commands", "started < @before OR operation_id < (SELECT MIN(id) FROM operations)", before)
            + Prune("events", "time < @before", before);
    }

    private int Prune(string table, string condition, string before)
    {
        // Rows are in order of time, nearly: the oldest are looked at first, and the search ends at a batch without hits.
        var sql = $"""
            DELETE FROM {table} WHERE id IN (
                SELECT id FROM (SELECT * FROM {table} ORDER BY id LIMIT {PruneBatch}) WHERE {condition})
            """;
        var pruned = 0;
        while (true)
        {
            var batch = Write($"prune {table}", db => db.Execute(sql, ("@before", before), ("@keep", MaxOperations)));
            pruned += batch;
            if (batch == 0)
                return pruned;
        }
    }

    private static string? Shorten(string? text) => text is { Length: > MaxJournalText } ? text[..MaxJournalText] : text;
}
