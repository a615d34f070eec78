namespace CsiLocal.State;

/// <summary>A change to the journal that waits for the next commit.</summary>
internal abstract record JournalWrite
{
    public abstract void WriteTo(StateConnection db);

    public sealed record Begin(long Id, CallEntry Call, DateTimeOffset StartedAt) : JournalWrite
    {
        public override void WriteTo(StateConnection db) => db.Execute(
            """
            INSERT OR IGNORE INTO operations (id, rpc, target, name, source, peer, started)
            VALUES (@id, @rpc, @target, @name, @source, @peer, @started)
            """,
            ("@id", Id), ("@rpc", Call.Rpc), ("@target", Call.Target), ("@name", Call.Name), ("@source", Call.Source), ("@peer", Call.Peer),
            ("@started", Columns.Text(StartedAt)));
    }

    public sealed record End(long Id, string Status, string? Message, DateTimeOffset FinishedAt) : JournalWrite
    {
        public override void WriteTo(StateConnection db) => db.Execute(
            "UPDATE operations SET finished = @finished, status = @status, message = @message WHERE id = @id",
            ("@id", Id), ("@finished", Columns.Text(FinishedAt)), ("@status", Status), ("@message", Message));
    }

    public sealed record Command(CommandEntry Entry) : JournalWrite
    {
        public override void WriteTo(StateConnection db) => db.Execute(
            """
            INSERT INTO commands (operation_id, target, program, arguments, exit_code, failure, duration_us, summary, started)
            VALUES (@operation, @target, @program, @arguments, @exitCode, @failure, @duration, @summary, @started)
            """,
            ("@operation", Entry.OperationId),
            ("@target", Entry.Target),
            ("@program", Entry.Program),
            ("@arguments", Columns.Json(Entry.Arguments)),
            ("@exitCode", Entry.ExitCode),
            ("@failure", Entry.Failure?.ToString()),
            ("@duration", Entry.Duration.Ticks / TimeSpan.TicksPerMicrosecond),
            ("@summary", Entry.Summary),
            ("@started", Columns.Text(Entry.StartedAt)));
    }

    public sealed record Event(string Target, string What, string Why, long? OperationId, DateTimeOffset At) : JournalWrite
    {
        public override void WriteTo(StateConnection db) => db.Execute(
            "INSERT INTO events (target, what, why, operation_id, time) VALUES (@target, @what, @why, @operation, @time)",
            ("@target", Target), ("@what", What), ("@why", Why), ("@operation", OperationId), ("@time", Columns.Text(At)));
    }
}
