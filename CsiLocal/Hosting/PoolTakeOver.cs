using CsiLocal.Volumes;

namespace CsiLocal.Hosting;

/// <summary>Makes a pool this node's own that another node served before: its disks were moved here, and a person says so.</summary>
/// <remarks>
/// The one commit is that of the pool's own marker. Before it nothing has happened, after it the pool is this node's: a start finds it so
/// and makes its volumes known, whether or not that was done here.
/// </remarks>
internal sealed class PoolTakeOver(PoolRegistry pools, StartupTask startup, OperationRunner operations, History history, NodeIdentity node)
{
    /// <summary>Takes it over, with every other pool of the same volume group. Success where that was done before.</summary>
    /// <param name="from">The node that it belongs to now: proof that the caller has seen whose it is.</param>
    /// <exception cref="StorageException">NotFound: no such pool. FailedPrecondition: it is another node's than <paramref name="from"/>.</exception>
    public Task<Pool> RunAsync(string name, string from, CancellationToken callerToken) =>
        operations.RunAsync($"take over pool {name}", token => RunLockedAsync(name, from, token), callerToken);

    private async Task<Pool> RunLockedAsync(string name, string from, CancellationToken cancellationToken)
    {
        var purpose = $"take over pool '{name}'";
        var pool = pools.Find(name) ?? throw new StorageException(
            StorageError.NotFound, $"{purpose}: there is no such pool", "name it in the configuration file of this node and reload");
        if (pool.State != PoolState.Foreign)
        {
            return pool.IsReady
                ? pool
                : throw new StorageException(StorageError.Unavailable, $"{purpose}: it cannot be read: {pool.Problem}");
        }

        if (pool.ForeignNode != from)
        {
            throw new StorageException(
                StorageError.FailedPrecondition, $"{purpose}: it is node '{pool.ForeignNode}''s, not '{from}''s", $"name that one: --from {pool.ForeignNode}");
        }

        await pool.Backend.MarkOwnerAsync(node.NodeId, cancellationToken);
        history.Changed(name, "is taken over", $"from node '{from}', whose disks were moved here: csilocal pool take-over");
        await startup.BringUpAsync([.. pools.All.Where(static other => other.State == PoolState.Foreign).Select(static other => other.Name)], cancellationToken);
        var taken = pools.Find(name)!;
        return taken.IsReady ? taken : throw new StorageException(StorageError.Unavailable, $"{purpose}: it is this node's now, and cannot be used: {taken.Problem}");
    }
}
