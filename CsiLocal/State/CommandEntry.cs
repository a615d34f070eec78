using CsiLocal.Tools;

namespace CsiLocal.State;

/// <summary>One external command as the journal has it.</summary>
internal sealed record CommandEntry
{
    /// <summary>The operation it served; null: none (start-up, a background job).</summary>
    public long? OperationId { get; init; }

    /// <summary>The volume or snapshot it was run for where it served no call about one.</summary>
    public string? Target { get; init; }

    public required string Program { get; init; }

    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>Null where it did not run to its end; then <see cref="Failure"/> is set.</summary>
    public int? ExitCode { get; init; }

    public ToolFailure? Failure { get; init; }

    /// <summary>Kept to the microsecond.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>The gist of what it said, at most <see cref="StateStore.MaxJournalText"/> characters.</summary>
    public string? Summary { get; init; }

    public required DateTimeOffset StartedAt { get; init; }
}
