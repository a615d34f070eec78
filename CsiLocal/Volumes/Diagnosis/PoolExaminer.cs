using CsiLocal.Backends;
using CsiLocal.State;

namespace CsiLocal.Volumes.Diagnosis;

/// <summary>Compares rows with facts, as recovery does, and tells instead of acting. Beside calls: what a call is at work on is passed over.</summary>
internal sealed class PoolExaminer(StateStore store, PoolRegistry pools, KeyedLocks locks, RowReconciler rows, MountManager mounts, MountFacts facts)
{
    /// <summary>Findings of one kind in one pool; the rest is counted.</summary>
    private const int Most = 100;

    private const string Repair = "csilocal doctor --repair";

    public IReadOnlyList<Finding> Examine()
    {
        var findings = new List<Finding>();
        foreach (var pool in pools.All)
        {
            try
            {
                findings.AddRange(Examine(pool));
            }
            catch (Exception e) when (e is StorageException or IOException)
            {
                findings.Add(Finding.Error(
                    FindingCodes.Pool, pool.Name, StorageException.Describe(e), "see 'csilocal pool show' and the daemon's log"));
            }
        }

        foreach (var name in UnconfiguredPools())
        {
            findings.Add(Finding.Error(
                FindingCodes.Pool, name, "volumes or snapshots are recorded in it, and it is not configured", "add it to the configuration again, and 'csilocal reload'"));
        }

        findings.AddRange(FailedTasks());
        return findings;
    }

    private IEnumerable<string> UnconfiguredPools() => store.AllVolumes().Select(static volume => volume.Pool)
        .Concat(store.AllSnapshots().Select(static snapshot => snapshot.Pool)).Distinct(StringComparer.Ordinal)
        .Where(name => pools.Find(name) is null).Order(StringComparer.Ordinal);

    private IEnumerable<Finding> FailedTasks() => store.AllTasks().Where(static task => task.Error is not null).Select(static task => Finding.Warning(
        FindingCodes.FailedTask, task.TargetId, $"{task.Kind.ToString().ToLowerInvariant()} failed: {task.Error}",
        $"repeat the call that asked for it, or delete {task.TargetId}; 'csilocal explain {task.TargetId}' tells more"));

    private List<Finding> Examine(Pool pool)
    {
        if (!pool.IsReady)
            return [Finding.Error(FindingCodes.Pool, pool.Name, pool.Problem ?? "not looked at yet", "see there; the pool is looked at again every 10 seconds")];

        // Rows before objects: a row is there before its object, and longer.
        var (volumes, snapshots) = (store.VolumesOfPool(pool.Name), store.SnapshotsOfPool(pool.Name));
        var there = pool.Backend.List();
        var byId = ById(there);
        List<Finding> findings =
        [
            Finding.Ok(FindingCodes.Pool, pool.Name, $"{pool.Options.Location}: {volumes.Count} volumes, {snapshots.Count} snapshots"),
            .. pool.Backend.InspectPool().Select(finding => Of(FindingCodes.PoolHealth, pool.Name, finding)),
            .. Limited(pool, Differences(pool)),
        ];

        var (attached, published) = (pool.Backend.ListAttached(), store.PublishedVolumes());
        findings.AddRange(Limited(pool, volumes.SelectMany(row => Examine(pool, row, byId, attached.Contains(row.Id), published.Contains(row.Id)))));
        findings.AddRange(Limited(pool, snapshots.SelectMany(row => Examine(row, byId))));
        findings.AddRange(store.AdoptionsOfPool(pool.Name).Where(adoption => !IsAtWork(adoption.Volume.Id.Value)).Select(static adoption => Finding.Warning(
            FindingCodes.Unfinished, adoption.Volume.Id.Value, $"the adoption of {adoption.Source} as '{adoption.Volume.Name}' was interrupted",
            $"repeat 'csilocal volume adopt', or {Repair} makes it what it was")));
        return findings;
    }

    /// <summary>What recovery would do or tell, of which the rows' own examination does not know.</summary>
    private IEnumerable<Finding> Differences(Pool pool)
    {
        // What is just being made has no metadata yet.
        foreach (var decision in rows.Compare(pool.Name, pool.Backend).Where(decision => !IsAtWork(decision.Target.Split('.')[0])))
        {
            if (decision.What == RowComparison.NotUnderstood)
                yield return Finding.Warning(FindingCodes.NotUnderstood, decision.Target, decision.Why, "move it out of the pool, or delete it, by hand");
            else if (decision.IsNew)
                yield return Finding.Warning(FindingCodes.Orphan, decision.Target, $"no row knows it: {decision.Why}", $"{Repair} makes it known again; it is never deleted for that");
            else if (decision.What != RowComparison.NoData)
                yield return Finding.Warning(FindingCodes.Differs, decision.Target, $"{decision.What}: {decision.Why}", decision.IsMendable ? $"{Repair} corrects the row" : $"see what is known of it: csilocal explain {decision.Target}");
        }
    }

    private IEnumerable<Finding> Examine(
        Pool pool, VolumeRecord row, Dictionary<string, FoundObject> there, bool isAttached, bool isPublished)
    {
        var id = row.Id.Value;
        if (IsAtWork(id) || store.FindVolume(row.Id)?.State != row.State)
            yield break;

        if (row.State != VolumeState.Ready)
        {
            yield return Unfinished(id, row.Name, row.State.ToString());
            yield break;
        }

        if (Missing(id, row.Name, there) is { } missing)
        {
            yield return missing;
            yield break;
        }

        foreach (var finding in pool.Backend.Inspect(row))
            yield return Of(FindingCodes.VolumeHealth, id, finding);
        if (isAttached && !isPublished && pool.HasDeviceInUse(row))
        {
            yield return Finding.Warning(
                FindingCodes.LeftAttached, id, $"'{row.Name}' is staged nowhere, and its device is in use", $"{Repair} lets go of it, unless somebody else holds it");
        }

        foreach (var use in isPublished ? store.PublicationsOf(row.Id) : [])
        {
            if (!IsPresent(pool, row, use) && !IsAtWork(id))
            {
                yield return Finding.Warning(
                    FindingCodes.NotMounted, id, $"'{row.Name}' is recorded at {use.Path} ({use.Kind}), and is not there", $"{Repair} corrects the record");
            }
        }
    }

    private IEnumerable<Finding> Examine(SnapshotRecord row, Dictionary<string, FoundObject> there)
    {
        var id = row.Id.Value;
        if (IsAtWork(id) || store.FindSnapshot(row.Id)?.State != row.State)
            yield break;

        if (row.State != SnapshotState.Ready)
            yield return Unfinished(id, row.Name, row.State.ToString());
        else if (Missing(id, row.Name, there) is { } missing)
            yield return missing;
    }

    private bool IsPresent(Pool pool, VolumeRecord row, PublicationRecord use)
    {
        try
        {
            return use.Kind == PublicationKind.Stage ? mounts.IsStaged(row, pool, use) : facts.At(use.Path) is not null;
        }
        catch (StorageException)
        {
            // A path that is no longer allowed: then it cannot be told, and recovery would not touch it either.
            return true;
        }
    }

    /// <summary>A call, or a copy in the background, resolves it.</summary>
    private bool IsAtWork(string id) => locks.IsHeld(id);

    private static Finding Unfinished(string id, string name, string state) => Finding.Warning(
        FindingCodes.Unfinished, id, $"'{name}' is {state.ToLowerInvariant()}, and nothing is at work on it", $"{Repair} finishes or undoes it");

    /// <summary>The row is kept: what it describes may come back with its disk.</summary>
    private static Finding? Missing(string id, string name, Dictionary<string, FoundObject> there)
    {
        const string Remedy = "bring it back from where it went, or from a backup; or delete it, which forgets it";
        if (!there.TryGetValue(id, out var entry))
            return Finding.Error(FindingCodes.Missing, id, $"'{name}' is recorded, and is not in its pool", Remedy);

        // One whose metadata cannot be read is told of as such.
        return entry.HasData || entry.Problem is not null
            ? null
            : Finding.Error(FindingCodes.Missing, id, $"the data of '{name}' is gone, its metadata is there", Remedy);
    }

    /// <summary>What is there by the id in its metadata, or, where that cannot be read, by the one in its name ("v….json").</summary>
    private static Dictionary<string, FoundObject> ById(IReadOnlyList<FoundObject> there)
    {
        var byId = new Dictionary<string, FoundObject>(StringComparer.Ordinal);
        foreach (var entry in there)
            byId.TryAdd(entry.Volume?.Id.Value ?? entry.Snapshot?.Id.Value ?? entry.EntryName.Split('.')[0], entry);

        return byId;
    }

    private static IEnumerable<Finding> Limited(Pool pool, IEnumerable<Finding> findings)
    {
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var finding in findings)
        {
            var count = counts[finding.Code] = counts.GetValueOrDefault(finding.Code) + 1;
            if (count <= Most)
                yield return finding;
        }

        foreach (var code in counts.Keys)
        {
            if (counts[code] > Most)
                yield return Finding.Warning(code, pool.Name, $"{counts[code] - Most} more of these", "see to the others first");
        }
    }

    /// <summary>A finding's sentence is the fact, a semicolon, and what follows from it or is to be done.</summary>
    private static Finding Of(string code, string subject, HealthFinding finding)
    {
        var end = finding.Message.IndexOf("; ", StringComparison.Ordinal);
        var (evidence, remedy) = end < 0 ? (finding.Message, null) : (finding.Message[..end], finding.Message[(end + 2)..]);
        return new Finding(
            code, finding.Status == HealthStatus.Degraded ? Severity.Warning : Severity.Error, subject, $"{finding.Reason}: {evidence}",
            remedy ?? $"'csilocal explain {subject}' tells what happened to it");
    }
}
