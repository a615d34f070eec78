using CsiLocal.Filesystems;
using CsiLocal.State;

namespace CsiLocal.Volumes;

/// <summary>What others made becomes a volume: intent first, idempotent by name and source, and wholly or not at all.</summary>
/// <remarks>No space is reserved: what it takes it has taken already, and from its row on it is counted as every other volume.</remarks>
internal sealed class AdoptionManager(
    StateStore store, PoolRegistry pools, CapacityManager capacity, KeyedLocks locks, OperationRunner operations, AdoptionPlanner planner,
    Func<IReadOnlyList<string>> ownFolders, History history, TimeProvider clock)
{
    /// <summary>Adopts it, or returns the volume that an earlier call made of it.</summary>
    /// <exception cref="StorageException">FailedPrecondition: what stands against it. AlreadyExists: the name is taken. It is then as it was.</exception>
    public Task<AdoptionOutcome> AdoptAsync(AdoptionSpec spec, CancellationToken callerToken) =>
        operations.RunAsync($"adopt {spec.Id}", token => AdoptLockedAsync(spec, token), callerToken);

    /// <summary>What <see cref="AdoptAsync"/> would make of it. Changes nothing.</summary>
    public async Task<AdoptionOutcome> PlanAsync(AdoptionSpec spec, CancellationToken cancellationToken) =>
        Made(spec) ?? (await LookAsync(spec, pools.ForNewVolume(spec.Pool), cancellationToken)).Outcome;

    /// <summary>What there is to be adopted.</summary>
    /// <param name="poolName">Into which pool.</param>
    /// <param name="folder">Where, for pools of files and directories.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<IReadOnlyList<AdoptionCandidate>> ListAsync(string poolName, string? folder, CancellationToken cancellationToken)
    {
        var pool = pools.ForNewVolume(poolName);
        var found = await pool.Backend.Adoption.ListAsync($"list what pool '{poolName}' could adopt", folder, cancellationToken);
        return [.. found.Select(candidate => OwnFolder(candidate.Source, pool) is { } own ? candidate with { Problem = NotForeign(own) } : candidate)];
    }

    /// <summary>Finishes an adoption that was interrupted, or undoes it where the object has its old name yet.</summary>
    /// <remarks>Nobody was told that it succeeded, and its former driver may have been given it back since: only a repeated call begins again.</remarks>
    public Task ResumeAsync(AdoptionRecord found) => operations.RunAsync($"adopt {found.Volume.Id}", async token =>
    {
        var attempted = $"adopt {found.Source}";
        using var held = locks.AcquireExclusive(found.Volume.Id.Value, attempted);
        using var source = locks.AcquireExclusive(found.Source, attempted);
        if (store.FindAdoption(found.Volume.Id) is not { } begun)
            return true;

        var pool = pools.Holding(begun.Volume.Pool);
        if (await pool.Backend.Adoption.IsDoneAsync(attempted, begun, token))
            await FinishAsync(attempted, begun, pool, token);
        else
            await UndoAsync(attempted, begun, pool, new StorageException(StorageError.Aborted, "it was interrupted before it was done"));

        return true;
    }, CancellationToken.None);

    private async Task<AdoptionOutcome> AdoptLockedAsync(AdoptionSpec spec, CancellationToken cancellationToken)
    {
        var attempted = Attempted(spec);
        using var held = locks.AcquireExclusive(spec.Id.Value, attempted);
        using var source = locks.AcquireExclusive(spec.Source.Text, attempted);
        if (Made(spec) is { } made)
            return made;

        var pool = pools.ForNewVolume(spec.Pool);
        if (store.FindAdoption(spec.Id) is { } begun)
        {
            RequireSame(attempted, begun, spec);
            await FinishAsync(attempted, begun, pool, cancellationToken);
            return Made(spec)!;
        }

        var (candidate, outcome) = await LookAsync(spec, pool, cancellationToken);
        var adoption = new AdoptionRecord { Volume = outcome.Volume, Source = spec.Source.Text, Identity = candidate.Identity };
        store.InTransaction(() =>
        {
            if (pool.Backend.Features.NeedsProjectId)
                adoption = adoption with { Volume = adoption.Volume with { ProjectId = ProjectIds.Allot(store, pool) } };

            store.InsertAdoption(adoption);
        });
        history.Changed(spec.Id.Value, "is being adopted", $"{spec.Source.Text} as '{spec.Name}' of pool {pool.Name}");
        await FinishAsync(attempted, adoption, pool, cancellationToken);
        return outcome with { Volume = adoption.Volume };
    }

    private async Task<(AdoptionCandidate Candidate, AdoptionOutcome Outcome)> LookAsync(AdoptionSpec spec, Pool pool, CancellationToken cancellationToken)
    {
        var attempted = Attempted(spec);
        if (store.FindAdoptionOf(spec.Source.Text) is { } begun && begun.Volume.Id != spec.Id)
        {
            throw new StorageException(
                StorageError.FailedPrecondition, $"{attempted}: it is being adopted as '{begun.Volume.Name}'", $"repeat that: --name {begun.Volume.Name}");
        }

        if (pools.All.Any(other => other.IsReady && other.Backend.FindMetadata(spec.Id) is not null))
            throw Taken(attempted, spec);

        if (OwnFolder(spec.Source, pool) is { } own)
            throw new StorageException(StorageError.FailedPrecondition, $"{attempted}: {NotForeign(own)}", "name something that others made");

        var candidate = await pool.Backend.Adoption.InspectAsync(attempted, spec.Source, cancellationToken);
        var layout = ForeignLayouts.Choose(attempted, spec.Layout, candidate);
        var volume = await planner.PlanAsync(attempted, spec, candidate, pool, clock.GetUtcNow(), cancellationToken);
        return (candidate, new AdoptionOutcome(volume, spec.Source.Text, layout, [.. candidate.Notes, .. ForeignLayouts.Advice(layout, spec.Source)]));
    }

    /// <summary>Does what is recorded; the caller holds both locks.</summary>
    private async Task FinishAsync(string attempted, AdoptionRecord adoption, Pool pool, CancellationToken cancellationToken)
    {
        var volume = adoption.Volume;
        try
        {
            await pool.Backend.Adoption.AdoptAsync(attempted, adoption, cancellationToken);
        }
        catch (StorageException e)
        {
            await UndoAsync(attempted, adoption, pool, e);
            throw;
        }

        store.InTransaction(() =>
        {
            store.InsertVolume(volume);
            store.RemoveAdoption(volume.Id);
        });
        capacity.Invalidate(pool);
        history.Changed(volume.Id.Value, "is adopted", $"'{volume.Name}', {volume.SizeBytes} bytes at {pool.Backend.Location(volume)}; it was {adoption.Source}");
    }

    private async Task UndoAsync(string attempted, AdoptionRecord adoption, Pool pool, StorageException reason)
    {
        var id = adoption.Volume.Id;
        try
        {
            await pool.Backend.Adoption.ReleaseAsync(attempted, adoption, CancellationToken.None);
        }
        catch (StorageException second)
        {
            // The record stays: a repetition, or the next start, finishes it or undoes it then.
            history.NeedsAttention(id.Value, "is half adopted", $"{second.Describe()} (after: {reason.Describe()})");
            return;
        }

        store.RemoveAdoption(id);
        history.Changed(id.Value, "was not adopted", $"{reason.Describe()}; {adoption.Source} is as it was");
    }

    /// <summary>The state or another pool, where the source is, lies in or holds it. What of its own pool may not be taken is for the pool to say.</summary>
    private string? OwnFolder(ForeignSource source, Pool pool) => source.IsPath
        ? ownFolders().FirstOrDefault(own => own != pool.Options.Path && (PathRules.IsWithin(source.Text, own) || PathRules.IsWithin(own, source.Text)))
        : null;

    private static string NotForeign(string own) => $"it is, lies in or holds the driver's own folder {own}";

    /// <summary>The volume that an earlier call made of the same source under the same name; null where there is none of that name.</summary>
    private AdoptionOutcome? Made(AdoptionSpec spec)
    {
        if (store.FindVolume(spec.Id) is not { } known)
            return null;
        if (known.State != VolumeState.Ready || known.Name != spec.Name || known.Pool != spec.Pool || known.Access != spec.Access
            || known.Parameters.GetValueOrDefault(AdoptionRecord.SourceParameter) != spec.Source.Text)
        {
            throw Taken(Attempted(spec), spec);
        }

        if (pools.Find(known.Pool) is { IsReady: true } pool && pool.Backend.Inspect(known).FirstOrDefault(static finding => finding.Status == HealthStatus.DataLoss) is { } lost)
        {
            // Its metadata were written, the state was lost, and what they describe was never moved; or it was lost since.
            throw new StorageException(
                StorageError.FailedPrecondition, $"{Attempted(spec)}: there is a volume '{spec.Name}' that says so, without its data: {lost.Message}",
                $"'csilocal volume delete {spec.Name}' forgets it; then adopt again");
        }

        var layout = spec.Layout ?? ForeignLayouts.Recognise(new AdoptionCandidate { Source = spec.Source, Identity = "" });
        return new AdoptionOutcome(known, spec.Source.Text, layout, [.. ForeignLayouts.Advice(layout, spec.Source)]) { WasThere = true };
    }

    private static void RequireSame(string attempted, AdoptionRecord begun, AdoptionSpec spec)
    {
        if (begun.Source != spec.Source.Text || begun.Volume.Access != spec.Access || begun.Volume.Pool != spec.Pool)
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"{attempted}: '{spec.Name}' is to be what {begun.Source} becomes in pool {begun.Volume.Pool}; that was interrupted", "repeat that, or use another --name");
        }
    }

    private static StorageException Taken(string attempted, AdoptionSpec spec) => new(
        StorageError.AlreadyExists, $"{attempted}: there is a volume '{spec.Name}' ({spec.Id}) that is not this one", "give it another name: --name NAME");

    private static string Attempted(AdoptionSpec spec) => $"adopt {spec.Source.Text}";
}
