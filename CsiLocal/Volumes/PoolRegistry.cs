using System.Collections.Immutable;
using CsiLocal.Backends;
using CsiLocal.Configuration;
using CsiLocal.Diagnostics;
using CsiLocal.State;
using CsiLocal.Tools;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Volumes;

/// <summary>The pools of this node: as configured, as found, and which one a request means.</summary>
internal sealed class PoolRegistry(
    Func<PoolOptions, IStorageBackend> backendFactory, StateStore store, NodeIdentity node, ILogger<PoolRegistry> log)
{
    private readonly Lock gate = new();
    private ImmutableSortedDictionary<string, Pool> pools = ImmutableSortedDictionary<string, Pool>.Empty;
    private string? defaultPool;

    /// <summary>By name.</summary>
    public IReadOnlyList<Pool> All => [.. Volatile.Read(ref pools).Values];

    public string? DefaultPool => defaultPool ?? (pools.Count == 1 ? pools.Keys.First() : null);

    /// <summary>True once every configured pool was looked at, whatever was found.</summary>
    public bool AllSeen => Volatile.Read(ref pools).Values.All(static pool => pool.State != PoolState.Unknown);

    /// <summary>The pool that a new volume goes to.</summary>
    /// <exception cref="StorageException">InvalidArgument: no such pool, or none named and no default. Unavailable: it cannot be used now.</exception>
    public Pool ForNewVolume(string? name)
    {
        var chosen = name ?? DefaultPool ?? throw new StorageException(
            StorageError.InvalidArgument, "parameters: no pool is named and there is no default",
            $"set the parameter '{ParameterNames.Pool}' to one of: {Names()}, or defaultPool in the configuration");
        if (!pools.TryGetValue(chosen, out var pool))
        {
            throw new StorageException(
                StorageError.InvalidArgument, $"parameters[{ParameterNames.Pool}]: there is no pool '{chosen}' on this node",
                $"use one of: {Names()}");
        }

        return Usable(pool);
    }

    /// <summary>The pool that holds an existing volume or snapshot.</summary>
    /// <exception cref="StorageException">Unavailable: the pool is not configured, or cannot be used now.</exception>
    public Pool Holding(string name) => pools.TryGetValue(name, out var pool)
        ? Usable(pool)
        : throw new StorageException(
            StorageError.Unavailable, $"pool '{name}' is not in the configuration", "add it again and reload");

    /// <summary>For undoing: a pool that cannot be used now must still let go of what is mounted from it.</summary>
    /// <exception cref="StorageException">Unavailable: the pool is not configured.</exception>
    public Pool ForUndo(string name) => pools.GetValueOrDefault(name) ?? Holding(name);

    /// <summary>Whether an id that no row has is known to be nowhere: not while a pool that this state file never saw is away, nor in one of another node.</summary>
    /// <param name="isIn">Looks into a pool that is there, but not served.</param>
    /// <exception cref="StorageException">Unavailable.</exception>
    public void RequireAllKnown(string purpose, Func<IStorageBackend, bool> isIn)
    {
        foreach (var pool in All)
        {
            var mayHold = pool.State == PoolState.Foreign ? isIn(pool.Backend) : !pool.IsReady && store.PoolIdentity(pool.Name) is null;
            if (mayHold)
                throw new StorageException(StorageError.Unavailable, $"{purpose}: it may be in pool '{pool.Name}', which cannot be used: {pool.Problem}");
        }
    }

    public Pool? Find(string name) => pools.GetValueOrDefault(name);

    /// <summary>Takes over a configuration whose removed pools hold nothing (<see cref="ConfigurationDiff"/>).</summary>
    /// <returns>The names of the pools that are new or changed, for the caller to inspect.</returns>
    public IReadOnlyList<string> Configure(FileConfiguration configuration)
    {
        lock (gate)
        {
            var next = pools.RemoveRange(pools.Keys.Except(configuration.Pools.Select(static wanted => wanted.Name)));
            var inspect = configuration.Pools.Where(wanted => next.GetValueOrDefault(wanted.Name)?.Options != wanted).ToArray();
            foreach (var wanted in inspect)
                next = next.SetItem(wanted.Name, new Pool { Options = wanted, Backend = backendFactory(wanted) });

            pools = next;
            defaultPool = configuration.DefaultPool;
            return [.. inspect.Select(static wanted => wanted.Name)];
        }
    }

    /// <summary>Looks at a pool and remembers what was found; a failure is a finding, not an exception.</summary>
    /// <returns>The pool as found; null where it is not configured any more.</returns>
    public async Task<Pool?> InspectAsync(string name, CancellationToken cancellationToken)
    {
        // Gone from the configuration in the meantime.
        if (!pools.TryGetValue(name, out var pool))
            return null;

        Pool found;
        try
        {
            var (claim, owner) = await ReadOwnerAsync(pool, cancellationToken);
            if (owner is not null && !claim.Allows(owner))
            {
                found = pool with { State = PoolState.Foreign, ForeignNode = owner.Node, Problem = PoolClaim.Refuse(name, owner.Node!).Describe() };
                if (pool.Problem != found.Problem)
                    Log.PoolUnavailable(log, name, found.Problem);
            }
            else
            {
                var facts = await pool.Backend.InspectAsync(claim.Known?.Identity, cancellationToken);
                RequireSame(pool, claim, facts.Identity);
                found = pool with { State = PoolState.Ready, Facts = facts, Problem = null, ForeignNode = null, MarkedNode = await MarkAsync(pool, owner, cancellationToken) };
                Log.PoolReady(log, name, pool.Options.Location, facts.FilesystemName);
            }
        }
        catch (Exception e) when (e is StorageException or ToolException or IOException)
        {
            found = pool with { State = PoolState.Unavailable, Problem = StorageException.Describe(e) };
            if (pool.Problem != found.Problem)
                Log.PoolUnavailable(log, name, found.Problem);
        }

        Replace(pool, found);
        return found;
    }

    /// <summary>Proves that the pool is there and this node's, and changes nothing; its objects can be listed afterwards.</summary>
    /// <exception cref="StorageException">Unavailable: it is not.</exception>
    public async Task LookAsync(Pool pool, CancellationToken cancellationToken)
    {
        var (claim, owner) = await ReadOwnerAsync(pool, cancellationToken);
        if (owner is null)
            throw new StorageException(StorageError.Unavailable, $"pool '{pool.Name}': there is none at {pool.Options.Location}");
        if (!claim.Allows(owner))
            throw PoolClaim.Refuse(pool.Name, owner.Node!);
    }

    private async Task<(PoolClaim Claim, PoolOwner? Owner)> ReadOwnerAsync(Pool pool, CancellationToken cancellationToken)
    {
        var claim = new PoolClaim(node.NodeId, store.FindPool(pool.Name));
        var owner = await pool.Backend.ReadOwnerAsync(claim.Known?.Identity, cancellationToken);
        RequireSame(pool, claim, owner?.Identity);
        return (claim, owner);
    }

    /// <summary>Records that the pool's objects are in the rows, so that its identity is known from now on.</summary>
    public void MarkKnown(Pool pool)
    {
        var row = new PoolRow(pool.Name, pool.Options.Backend, pool.Options.Location, pool.Facts!.Identity, pool.MarkedNode);
        if (store.FindPool(pool.Name) != row)
            store.PutPool(row);
    }

    /// <summary>Writes this node into the pool's marker, where that names none or this node's former name.</summary>
    /// <returns>The node that it names now.</returns>
    private async Task<string?> MarkAsync(Pool pool, PoolOwner? owner, CancellationToken cancellationToken)
    {
        if (owner?.Node == node.NodeId)
            return node.NodeId;

        try
        {
            await pool.Backend.MarkOwnerAsync(node.NodeId, cancellationToken);
            Log.Changed(log, $"pool {pool.Name}", "is marked", $"as that of node {node.NodeId}{(owner?.Node is { } former ? $", formerly {former}" : "")}");
            return node.NodeId;
        }
        catch (Exception e) when (e is StorageException or ToolException)
        {
            // LVM changes no tag while a disk is missing: it can be used all the same, and the next start tries again.
            Log.NeedsAttention(log, $"pool {pool.Name}", "could not be marked as this node's", StorageException.Describe(e));
            return owner?.Node;
        }
    }

    private static void RequireSame(Pool pool, PoolClaim claim, string? identity)
    {
        if (claim.Known is { } known && identity is not null && known.Identity != identity)
        {
            throw new StorageException(
                StorageError.Unavailable,
                $"pool '{pool.Name}': {pool.Options.Location} carries the identity {identity}, not {known.Identity} as before",
                "bring back the file system or the disks that belong there, or give the new one a new pool name");
        }
    }

    private Pool Usable(Pool pool)
    {
        if (!pool.IsReady)
        {
            throw new StorageException(
                StorageError.Unavailable, $"pool '{pool.Name}' cannot be used: {pool.Problem ?? "not looked at yet"}");
        }

        // Each time: on the bare mount point of an unmounted disk a volume would be made on the wrong disk, or taken for deleted.
        if (pool.Backend.ReadIdentity() == pool.Facts!.Identity)
            return pool;

        var gone = pool with { State = PoolState.Unavailable, Problem = $"{pool.Options.Location} no longer carries the pool: its file system was unmounted, or its devices are gone" };
        Replace(pool, gone);
        throw new StorageException(StorageError.Unavailable, $"pool '{pool.Name}' cannot be used: {gone.Problem}", "bring it back");
    }

    private void Replace(Pool pool, Pool found)
    {
        lock (gate)
        {
            if (pools.TryGetValue(pool.Name, out var current) && ReferenceEquals(current, pool))
                pools = pools.SetItem(pool.Name, found);
        }
    }

    private string Names() => pools.Count == 0 ? "(none are configured)" : string.Join(", ", pools.Keys);
}
