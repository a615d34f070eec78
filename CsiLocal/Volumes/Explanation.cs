using CsiLocal.State;

namespace CsiLocal.Volumes;

/// <summary>What kind of thing has a history.</summary>
internal enum SubjectKind
{
    Volume,
    Snapshot,
    Pool,

    /// <summary>Something in a pool that no row knows.</summary>
    Stranger,
}

/// <summary>What a history is of.</summary>
internal sealed record Subject(string Id, SubjectKind Kind)
{
    public string? Name { get; init; }

    /// <summary>Lower-case word: "ready", "creating", …; "gone" where only the journal knows it.</summary>
    public required string State { get; init; }

    public string? Pool { get; init; }

    public long SizeBytes { get; init; }
}

/// <summary>A history, told call by call.</summary>
internal sealed record Explanation
{
    public required Subject Subject { get; init; }

    /// <summary>Ids of others that are meant by the same word.</summary>
    public required IReadOnlyList<string> AlsoMeant { get; init; }

    /// <summary>Oldest first.</summary>
    public required IReadOnlyList<Episode> Episodes { get; init; }

    /// <summary>Earlier ones that were not asked for.</summary>
    public required int LeftOut { get; init; }
}

/// <summary>One thing that happened: a call with what it changed, or what the daemon did by itself.</summary>
internal sealed record Episode(HistoryEntry What, IReadOnlyList<HistoryEntry.Event> Changes)
{
    /// <summary>A call that has not ended yet; one without an end that is none was cut off when its daemon ended.</summary>
    public bool IsRunning { get; init; }

    /// <summary>Files each change under the call that made it.</summary>
    /// <param name="entries">In order of time.</param>
    /// <param name="lastOfEarlierRuns">The last call that an earlier daemon began.</param>
    public static IReadOnlyList<Episode> Group(IReadOnlyList<HistoryEntry> entries, long lastOfEarlierRuns)
    {
        var changes = entries.OfType<HistoryEntry.Event>().ToLookup(static change => change.OperationId);
        var calls = new HashSet<long>();
        foreach (var call in entries.OfType<HistoryEntry.Operation>())
            calls.Add(call.Id);

        var episodes = new List<Episode>();
        foreach (var entry in entries)
        {
            if (entry is HistoryEntry.Operation call)
                episodes.Add(new Episode(call, [.. changes[call.Id]]) { IsRunning = call.FinishedAt is null && call.Id > lastOfEarlierRuns });
            else if (entry is not HistoryEntry.Event { OperationId: { } made } || !calls.Contains(made))
                episodes.Add(new Episode(entry, []));
        }

        return episodes;
    }
}
