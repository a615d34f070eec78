namespace CsiLocal.State;

/// <summary>One line of what happened to a volume or snapshot.</summary>
/// <param name="At">When it began.</param>
internal abstract record HistoryEntry(DateTimeOffset At)
{
    /// <summary>A call, with the commands it ran.</summary>
    public sealed record Operation(DateTimeOffset At) : HistoryEntry(At)
    {
        public required long Id { get; init; }

        public required string Rpc { get; init; }

        /// <summary>Another id than the one asked for: then that is what the call reads from.</summary>
        public string? Target { get; init; }

        /// <summary>The target's name.</summary>
        public string? Name { get; init; }

        public string? Peer { get; init; }

        /// <summary>Null where it still runs, or was cut off by the end of the process.</summary>
        public DateTimeOffset? FinishedAt { get; init; }

        public string? Status { get; init; }

        public string? Message { get; init; }

        public required IReadOnlyList<CommandEntry> Commands { get; init; }
    }

    /// <summary>A change of state.</summary>
    /// <param name="At">When.</param>
    /// <param name="What">What changed, e.g. <c>is ready</c>.</param>
    /// <param name="Why">What brought it about.</param>
    public sealed record Event(DateTimeOffset At, string What, string Why) : HistoryEntry(At)
    {
        /// <summary>The call that brought it about; null: the daemon itself did.</summary>
        public long? OperationId { get; init; }
    }

    /// <summary>A command that was run for the volume or snapshot, and for no call about it.</summary>
    public sealed record Command(CommandEntry Entry) : HistoryEntry(Entry.StartedAt);
}
