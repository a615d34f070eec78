namespace CsiLocal.Volumes;

/// <summary>What is wrong with a volume, told from facts that are at hand: no process is started, nothing is changed.</summary>
internal sealed class HealthInspector(PoolRegistry pools)
{
    public IReadOnlyList<HealthFinding> Inspect(VolumeRecord record)
    {
        var pool = pools.Find(record.Pool);
        if (pool is not { IsReady: true })
        {
            var problem = pool?.Problem ?? "it is not in the configuration";
            return [new HealthFinding(HealthStatus.Inaccessible, "PoolUnavailable", $"pool '{record.Pool}' cannot be used: {problem}")];
        }

        return [.. pool.Backend.Inspect(record), .. pool.Backend.InspectPool()];
    }
}
