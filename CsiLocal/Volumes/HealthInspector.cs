using CsiLocal.Backends;

namespace CsiLocal.Volumes;

/// <summary>What is wrong with a volume, told from facts that are at hand: no process is started, nothing is changed.</summary>
internal sealed class HealthInspector(PoolRegistry pools)
{
    public IReadOnlyList<HealthFinding> Inspect(VolumeRecord record) => Inspect(record, static backend => backend.InspectPool());

    /// <summary>For many volumes at a time: what is wrong with a pool is looked at once for all of its volumes.</summary>
    public Func<VolumeRecord, IReadOnlyList<HealthFinding>> ForPage()
    {
        var seen = new Dictionary<IStorageBackend, IReadOnlyList<HealthFinding>>(ReferenceEqualityComparer.Instance);
        return record => Inspect(record, backend => seen.TryGetValue(backend, out var findings) ? findings : seen[backend] = backend.InspectPool());
    }

    private IReadOnlyList<HealthFinding> Inspect(VolumeRecord record, Func<IStorageBackend, IReadOnlyList<HealthFinding>> inspectPool)
    {
        var pool = pools.Find(record.Pool);
        if (pool is not { IsReady: true })
        {
            var problem = pool?.Problem ?? "it is not in the configuration";
            return [new HealthFinding(HealthStatus.Inaccessible, "PoolUnavailable", $"pool '{record.Pool}' cannot be used: {problem}")];
        }

        return [.. pool.Backend.Inspect(record), .. inspectPool(pool.Backend)];
    }
}
