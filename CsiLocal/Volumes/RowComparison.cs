using CsiLocal.Backends;

namespace CsiLocal.Volumes;

/// <summary>Compares the rows of one pool with what lies in it. Pure: it decides, others act.</summary>
/// <remarks>
/// Truth lies with the data (design §2.2): a state file may be gone, or older than the pool. What is readable, ours and without a row is
/// known again; what cannot be read is left alone and told; a row without an object is kept, and health tells of it. Two records with
/// the same time of creation are of one volume, of which a format goes one way only.
/// </remarks>
/// <param name="pool">The pool as it is called now.</param>
/// <param name="canShrink">Otherwise an object smaller than its row is a loss and no change.</param>
/// <param name="volumes">All rows, of other pools too, by id.</param>
/// <param name="snapshots">As <paramref name="volumes"/>.</param>
internal sealed class RowComparison(
    string pool, bool canShrink, IReadOnlyDictionary<VolumeId, VolumeRecord> volumes, IReadOnlyDictionary<SnapshotId, SnapshotRecord> snapshots)
{
    /// <summary>A row whose object is not there.</summary>
    public const string NoData = "has no data";

    /// <summary>An object whose metadata is not there or cannot be read.</summary>
    public const string NotUnderstood = "is not understood";

    /// <summary>All that is to be done or told; nothing for what agrees.</summary>
    public IReadOnlyList<RowDecision> Decide(IReadOnlyList<FoundObject> found)
    {
        var decisions = new List<RowDecision>();
        var (seenVolumes, seenSnapshots) = (new HashSet<VolumeId>(), new HashSet<SnapshotId>());
        var trash = new Dictionary<VolumeId, TrashRecord>();
        foreach (var entry in found)
        {
            var decision = (RowDecision?)null;
            if (entry.Problem is not null)
                decision = Tell(entry.EntryName, NotUnderstood, entry.Problem);
            else if (entry.Volume is { } volume && seenVolumes.Add(volume.Id))
                decision = Decide(volume);
            else if (entry.Snapshot is { } snapshot && seenSnapshots.Add(snapshot.Id))
                decision = Decide(snapshot);
            else if (entry.Trash is { } item)
                trash[item.Volume.Id] = item;

            if (decision is not null)
                decisions.Add(decision);
        }

        // What is being made may not be there yet, and what is being deleted not any more.
        foreach (var row in volumes.Values)
        {
            if (row.Pool == pool && row.State == VolumeState.Ready && !seenVolumes.Contains(row.Id))
                decisions.Add(trash.TryGetValue(row.Id, out var item) && item.Volume.CreatedAt == row.CreatedAt ? Deleted(row, item) : Missing(row.Id.Value, row.Name));
        }

        foreach (var row in snapshots.Values)
        {
            if (row.Pool == pool && row.State == SnapshotState.Ready && !seenSnapshots.Contains(row.Id))
                decisions.Add(Missing(row.Id.Value, row.Name));
        }

        return decisions;
    }

    /// <param name="found">As its metadata and its data have it.</param>
    public RowDecision? Decide(VolumeRecord found)
    {
        var here = found with { Pool = pool };
        if (!volumes.TryGetValue(found.Id, out var row))
            return new RowDecision { Target = found.Id.Value, What = "is known again", Why = FromMetadata(found.Name), Volume = here, IsNew = true, IsMendable = true };
        if (row.Pool != pool)
            return Tell(found.Id.Value, "is in two pools", $"its row says pool {row.Pool}");
        if (found.CreatedAt < row.CreatedAt)
            return Tell(found.Id.Value, "is older than its row", $"made at {found.CreatedAt:O}, the row's at {row.CreatedAt:O}: was the pool restored from a backup?");
        if (found.CreatedAt > row.CreatedAt)
            return Change(here, "is another one now", $"made at {found.CreatedAt:O}; its row described one of {row.CreatedAt:O}");

        return (row.State, found.State) switch
        {
            (VolumeState.Ready, VolumeState.Ready) => Merge(row, here),
            (VolumeState.Creating, VolumeState.Ready) when WentOn(row, found) =>
                Change(here, "is ready", $"{FromMetadata(found.Name)}; its row said that it was being made"),
            (VolumeState.Ready or VolumeState.Creating, VolumeState.Deleting) =>
                Change(row with { State = VolumeState.Deleting }, "is being deleted", "its metadata says that its deletion was begun"),
            (VolumeState.Ready, VolumeState.Creating) => Tell(found.Id.Value, "is unfinished", "its metadata says so, its row says that it is ready"),
            _ => null, // An intent of this state, which recovery finishes or undoes.
        };
    }

    private RowDecision? Decide(SnapshotRecord found)
    {
        var here = found with { Pool = pool };
        if (!snapshots.TryGetValue(found.Id, out var row))
            return new RowDecision { Target = found.Id.Value, What = "is known again", Why = FromMetadata(found.Name), Snapshot = here, IsNew = true, IsMendable = true };
        if (row.Pool != pool)
            return Tell(found.Id.Value, "is in two pools", $"its row says pool {row.Pool}");
        if (found.CreatedAt < row.CreatedAt)
            return Tell(found.Id.Value, "is older than its row", $"made at {found.CreatedAt:O}, the row's at {row.CreatedAt:O}: was the pool restored from a backup?");
        if (found.CreatedAt > row.CreatedAt)
            return Change(here, "is another one now", $"made at {found.CreatedAt:O}; its row described one of {row.CreatedAt:O}");
        if (found.State == SnapshotState.Deleting && row.State != SnapshotState.Deleting)
            return Change(row with { State = SnapshotState.Deleting }, "is being deleted", "its metadata says that its deletion was begun");
        return null;
    }

    /// <summary>The row with what has moved on since it was written; null where nothing has.</summary>
    private RowDecision? Merge(VolumeRecord row, VolumeRecord found)
    {
        var size = canShrink ? found.SizeBytes : Math.Max(row.SizeBytes, found.SizeBytes);
        var merged = row with
        {
            SizeBytes = size,

            // An expansion that is neither to be begun nor just done is one of long ago.
            PendingSizeBytes = size == row.SizeBytes || size == row.PendingSizeBytes ? row.PendingSizeBytes : null,
            Format = Progress(found.Format) >= Progress(row.Format) ? found.Format : row.Format,
            FormattedAt = found.FormattedAt ?? row.FormattedAt,
            FilesystemUuid = found.FilesystemUuid,
            ProjectId = found.ProjectId,
            SharedBytes = found.SharedBytes,
        };
        return merged == row ? null : Change(merged, "is as its metadata says", Differences(row, merged));
    }

    // Filled from a source it is whole; an empty one is handed to its backend once more, unless it was used since: then nothing may be made of it.
    private static bool WentOn(VolumeRecord row, VolumeRecord found) =>
        found.Source is not null || found.SizeBytes > row.SizeBytes || found.Format != row.Format || found.FormattedAt is not null;

    private static int Progress(FormatState format) => format switch
    {
        FormatState.Never => 0,
        FormatState.Formatting or FormatState.Inherited => 1,
        FormatState.Formatted => 2,
        _ => throw new ArgumentOutOfRangeException(nameof(format), format, null),
    };

    private static string Differences(VolumeRecord row, VolumeRecord merged)
    {
        var texts = new List<string>();
        Add("size", row.SizeBytes, merged.SizeBytes);
        Add("expansion to", row.PendingSizeBytes, merged.PendingSizeBytes);
        Add("format", row.Format, merged.Format);
        Add("formatted at", row.FormattedAt, merged.FormattedAt);
        Add("file system", row.FilesystemUuid, merged.FilesystemUuid);
        Add("quota id", row.ProjectId, merged.ProjectId);
        Add("shared bytes", row.SharedBytes, merged.SharedBytes);
        return string.Join(", ", texts);

        void Add(string name, object? before, object? after)
        {
            if (!Equals(before, after))
                texts.Add(FormattableString.Invariant($"{name} {after ?? "none"}, its row said {before ?? "none"}"));
        }
    }

    private static RowDecision Change(VolumeRecord volume, string what, string why) =>
        new() { Target = volume.Id.Value, What = what, Why = why, Volume = volume, IsMendable = true };

    private static RowDecision Change(SnapshotRecord snapshot, string what, string why) =>
        new() { Target = snapshot.Id.Value, What = what, Why = why, Snapshot = snapshot, IsMendable = true };

    private static RowDecision Deleted(VolumeRecord row, TrashRecord item) => new()
    {
        Target = row.Id.Value,
        What = "is in the trash",
        Why = $"'{row.Name}' was deleted at {item.DeletedAt:u}, and lies there as {item.Id}",
        Volume = row,
        IsGone = true,
        IsMendable = true,
    };

    private string FromMetadata(string name) => $"'{name}', from its metadata in pool {pool}";

    private RowDecision Missing(string id, string name) =>
        new() { Target = id, What = NoData, Why = $"pool {pool} does not hold '{name}'; its row is kept, a person decides" };

    private RowDecision Tell(string target, string what, string why) =>
        new() { Target = target, What = what, Why = $"pool {pool}: {why}; it is left alone, a person decides" };
}
