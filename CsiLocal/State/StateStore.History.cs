using CsiLocal.Tools;
using Microsoft.Data.Sqlite;

namespace CsiLocal.State;

/// <remarks>The journal as it is read: by what it says of one volume, snapshot, pool or stranger.</remarks>
internal sealed partial class StateStore
{
    /// <summary>Calls, changes and commands of one target that are read at most, of each.</summary>
    public const int HistoryLimit = 10_000;

    private static readonly DateTimeOffset _ever = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Calls with a higher id were begun by this process: one of those without an end still runs.</summary>
    public long LastOperationOfEarlierRuns { get; }

    /// <summary>Whether the journal has anything on it.</summary>
    public bool HasHistory(string target)
    {
        Flush();
        return Read($"look for {target} in the journal", db => db.QueryNumber(
            """
            SELECT EXISTS (SELECT 1 FROM operations WHERE target = @target) OR EXISTS (SELECT 1 FROM events WHERE target = @target)
            """,
            ("@target", target))) == 1;
    }

    /// <summary>The name that the target had in the last call about it that knew one; null where none did.</summary>
    public string? LastNameOf(string target) => Read($"look for the name of {target}", db => db.QueryFirst(
        "SELECT name FROM operations WHERE target = @target AND name IS NOT NULL ORDER BY id DESC LIMIT 1",
        row => row.GetString(0), ("@target", target)));

    /// <summary>All that one call of this process changed, in order: each with what it happened to.</summary>
    public IReadOnlyList<MadeChange> ChangesOf(long operation)
    {
        Flush();
        return Read($"read the changes of request {operation}", db => db.Query(
            """
            SELECT target, what, why FROM events
            WHERE operation_id = @operation ORDER BY id
            """,
            static row => new MadeChange(row.GetString(0), row.GetString(1), row.GetString(2)), ("@operation", operation)));
    }

    /// <inheritdoc cref="HistoryOf(string, DateTimeOffset)"/>
    public IReadOnlyList<HistoryEntry> HistoryOf(string target) => HistoryOf(target, _ever);

    /// <summary>What happened to a volume or snapshot, or was made of it, oldest first; also what is not yet committed.</summary>
    /// <remarks>The last <see cref="HistoryLimit"/> calls, changes and commands.</remarks>
    public IReadOnlyList<HistoryEntry> HistoryOf(string target, DateTimeOffset since)
    {
        Flush();
        return Read($"read the history of {target}", db =>
        {
            var from = Columns.Text(since);
            var commands = db.Query(
                """
                SELECT operation_id, program, arguments, exit_code, failure, duration_us, summary, started, target FROM commands
                WHERE operation_id IN (SELECT id FROM operations WHERE target = @target AND started >= @since)
                   OR (target = @target AND started >= @since)
                ORDER BY id DESC LIMIT @limit
                """,
                ReadCommand, ("@target", target), ("@since", from), ("@limit", HistoryLimit));
            commands.Reverse();
            var served = commands.Where(command => command.Target != target).ToLookup(static command => command.OperationId);
            var operations = db.Query(
                """
                SELECT id, rpc, target, name, peer, started, finished, status, message FROM operations
                WHERE (target = @target OR source = @target) AND started >= @since ORDER BY id DESC LIMIT @limit
                """,
                row => ReadOperation(row, served), ("@target", target), ("@since", from), ("@limit", HistoryLimit));
            operations.Reverse();

            var events = db.Query(
                """
                SELECT time, what, why, operation_id FROM events
                WHERE target = @target AND time >= @since ORDER BY id DESC LIMIT @limit
                """,
                ReadEvent, ("@target", target), ("@since", from), ("@limit", HistoryLimit));
            events.Reverse();
            var unserved = commands.Where(command => command.Target == target).Select(static command => new HistoryEntry.Command(command));

            // A stable sort: a call goes before the changes that it made at the same moment.
            return operations.Concat<HistoryEntry>(unserved).Concat(events).OrderBy(static entry => entry.At).ToList();
        });
    }

    private static HistoryEntry.Operation ReadOperation(SqliteDataReader row, ILookup<long?, CommandEntry> commands)
    {
        var id = row.GetInt64(0);
        return new HistoryEntry.Operation(Columns.Time(row.GetString(5)))
        {
            Id = id,
            Rpc = row.GetString(1),
            Target = TextOrNull(row, 2),
            Name = TextOrNull(row, 3),
            Peer = TextOrNull(row, 4),
            FinishedAt = row.IsDBNull(6) ? null : Columns.Time(row.GetString(6)),
            Status = TextOrNull(row, 7),
            Message = TextOrNull(row, 8),
            Commands = commands[id].ToList(),
        };
    }

    private static HistoryEntry.Event ReadEvent(SqliteDataReader row) =>
        new(Columns.Time(row.GetString(0)), row.GetString(1), row.GetString(2)) { OperationId = row.IsDBNull(3) ? null : row.GetInt64(3) };

    private static CommandEntry ReadCommand(SqliteDataReader row) => new()
    {
        OperationId = row.IsDBNull(0) ? null : row.GetInt64(0),
        Program = row.GetString(1),
        Arguments = Columns.List(row.GetString(2)),
        ExitCode = row.IsDBNull(3) ? null : (int)row.GetInt64(3),
        Failure = row.IsDBNull(4) ? null : Columns.Enum<ToolFailure>(row.GetString(4)),
        Duration = TimeSpan.FromTicks(row.GetInt64(5) * TimeSpan.TicksPerMicrosecond),
        Summary = TextOrNull(row, 6),
        StartedAt = Columns.Time(row.GetString(7)),
        Target = TextOrNull(row, 8),
    };

    private static string? TextOrNull(SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}

/// <summary>One change that a call made.</summary>
/// <param name="Target">What it happened to.</param>
/// <param name="What">What changed.</param>
/// <param name="Why">What brought it about.</param>
internal sealed record MadeChange(string Target, string What, string Why);
