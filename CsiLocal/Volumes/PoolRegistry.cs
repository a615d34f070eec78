using System.Collections.Immutable;
using CsiLocal.Backends;
using CsiLocal.Configuration;
using CsiLocal.Diagnostics;
using CsiLocal.State;
using CsiLocal.Tools;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Volumes;

/// <summary>The pools of this node: as configured, as found, and which one a request means.</summary>
internal sealed class PoolRegistry(Func<PoolOptions, IStorageBackend> backendFactory, StateStore store, ILogger<PoolRegistry> log)
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

    /// <summary>Whether an id that no row has is known to be nowhere: not while a pool that this state file never saw is away.</summary>
    /// <exception cref="StorageException">Unavailable.</exception>
    public void RequireAllKnown(string purpose)
    {
        if (All.FirstOrDefault(pool => !pool.IsReady && store.PoolIdentity(pool.Name) is null) is { } away)
            throw new StorageException(StorageError.Unavailable, $"{purpose}: it may be in pool '{away.Name}', which cannot be used: {away.Problem}");
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
    /// <returns>The pool as found; <c>FirstSeen</c> where this state file never knew it.</returns>
    public async Task<(Pool Pool, bool FirstSeen)?> InspectAsync(string name, CancellationToken cancellationToken)
    {
        // Gone from the configuration in the meantime.
        if (!pools.TryGetValue(name, out var pool))
            return null;

        var firstSeen = false;
        Pool found;
        try
        {
            var known = store.PoolIdentity(name);
            var facts = await pool.Backend.InspectAsync(known, cancellationToken);
            if (known is not null && known != facts.Identity)
            {
                throw new StorageException(
                    StorageError.Unavailable,
                    $"pool '{name}': {pool.Options.Location} carries the identity {facts.Identity}, not {known} as before",
                    "bring back the file system or the disks that belong there, or give the new one a new pool name");
            }

            firstSeen = known is null;
            found = pool with { State = PoolState.Ready, Facts = facts, Problem = null };
            Log.PoolReady(log, name, pool.Options.Location, facts.FilesystemName);
        }
        catch (Exception e) when (e is StorageException or ToolException or IOException)
        {
            found = pool with { State = PoolState.Unavailable, Problem = e is StorageException known ? known.Describe() : e.Message };
            if (pool.Problem != found.Problem)
                Log.PoolUnavailable(log, name, found.Problem);
        }

        Replace(pool, found);
        return (found, firstSeen);
    }

    /// <summary>Records that the pool's objects are in the rows, so that it is no longer first seen.</summary>
    public void MarkKnown(Pool pool) =>
        store.PutPool(pool.Name, pool.Options.Backend, pool.Options.Location, pool.Facts!.Identity);

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
