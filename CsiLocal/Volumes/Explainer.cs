using CsiLocal.Configuration;
using CsiLocal.State;

namespace CsiLocal.Volumes;

/// <summary>Tells what happened to a volume, snapshot or pool, by whatever name somebody has for it, and also once it is gone.</summary>
/// <remarks>Ids are minted from names: a name needs no search, and is good for as long as the journal is.</remarks>
internal sealed class Explainer(StateStore store, PoolRegistry pools, Func<TimeSpan> retention)
{
    /// <param name="given">Id, name, or pool.</param>
    /// <param name="since">Only what began then or later; null: all.</param>
    /// <param name="limit">The last so many episodes; 0: all.</param>
    /// <exception cref="StorageException">NotFound: neither a row nor the journal knows it.</exception>
    public Explanation Explain(string given, DateTimeOffset? since, int limit)
    {
        var subjects = Find(given);
        if (subjects.Count == 0)
        {
            throw new StorageException(
                StorageError.NotFound, $"explain '{given}': nothing here has that name or id, and the journal has nothing on it",
                $"'csilocal volume list' shows what there is; the journal goes back {Duration.Format(retention())} (journalRetention)");
        }

        var entries = since is { } from ? store.HistoryOf(subjects[0].Id, from) : store.HistoryOf(subjects[0].Id);
        var episodes = Episode.Group(entries, store.LastOperationOfEarlierRuns);
        var leftOut = limit == 0 ? 0 : Math.Max(0, episodes.Count - limit);
        return new Explanation
        {
            Subject = subjects[0],
            AlsoMeant = [.. subjects.Skip(1).Select(static subject => subject.Id)],
            Episodes = [.. episodes.Skip(leftOut)],
            LeftOut = leftOut,
        };
    }

    /// <summary>Everything that the word may mean, the likeliest first: an id before a name, a volume before a snapshot.</summary>
    private List<Subject> Find(string given)
    {
        var found = new List<Subject>();
        if (VolumeId.TryParse(given, out var volume))
            Add(found, Of(volume, null));
        if (SnapshotId.TryParse(given, out var snapshot))
            Add(found, Of(snapshot, null));

        Add(found, Of(VolumeId.Mint(given), given));
        Add(found, Of(SnapshotId.Mint(given), given));
        if (pools.Find(given) is { } pool)
            found.Add(new Subject(given, SubjectKind.Pool) { Name = given, State = pool.State.ToString().ToLowerInvariant() });
        else if (found.Count == 0 && store.HasHistory(given))
            found.Add(new Subject(given, SubjectKind.Stranger) { State = "unknown" });
        return found;
    }

    private static void Add(List<Subject> found, Subject? subject)
    {
        if (subject is not null)
            found.Add(subject);
    }

    private Subject? Of(VolumeId id, string? name) => store.FindVolume(id) is { } row
        ? new Subject(id.Value, SubjectKind.Volume)
        {
            Name = row.Name,
            State = row.State.ToString().ToLowerInvariant(),
            Pool = row.Pool,
            SizeBytes = row.SizeBytes,
        }
        : Gone(id.Value, SubjectKind.Volume, name);

    private Subject? Of(SnapshotId id, string? name) => store.FindSnapshot(id) is { } row
        ? new Subject(id.Value, SubjectKind.Snapshot)
        {
            Name = row.Name,
            State = row.State.ToString().ToLowerInvariant(),
            Pool = row.Pool,
            SizeBytes = row.SizeBytes,
        }
        : Gone(id.Value, SubjectKind.Snapshot, name);

    private Subject? Gone(string id, SubjectKind kind, string? name) => store.HasHistory(id)
        ? new Subject(id, kind) { Name = name ?? store.LastNameOf(id), State = "gone" }
        : null;
}
