using CsiLocal.Volumes;

namespace CsiLocal.State;

internal sealed partial class StateStore
{
    /// <summary>The first quota id given out. Administrators number their own projects from 1, in <c>/etc/projid</c>.</summary>
    public const uint FirstProjectId = 1_000_000;

    /// <summary>The identity that the pool had when it was last seen; null: never seen.</summary>
    public string? PoolIdentity(string name) => Read($"find pool {name}", db => db.QueryFirst(
        "SELECT identity FROM pools WHERE name = @name", row => row.GetString(0), ("@name", name)));

    /// <summary>Inserts the pool, or replaces that of the same name.</summary>
    public void PutPool(string name, BackendKind backend, string location, string identity) => Write($"record pool {name}", db => db.Execute(
        """
        INSERT INTO pools (name, backend, location, identity) VALUES (@name, @backend, @location, @identity)
        ON CONFLICT (name) DO UPDATE SET backend = excluded.backend, location = excluded.location, identity = excluded.identity
        """,
        ("@name", name), ("@backend", backend.ToString()), ("@location", location), ("@identity", identity)));

    /// <summary>Success where there is none. The pool's volumes are not touched.</summary>
    public void RemovePool(string name) => Write($"remove pool {name}", db => db.Execute(
        "DELETE FROM pools WHERE name = @name", ("@name", name)));

    public IReadOnlyList<PoolRow> AllPools() => Read("list pools", db => db.Query(
        "SELECT name, backend, location, identity FROM pools ORDER BY name",
        row => new PoolRow(row.GetString(0), Columns.Enum<BackendKind>(row.GetString(1)), row.GetString(2), row.GetString(3))));

    /// <summary>A quota id that no volume or snapshot of any pool has or ever had.</summary>
    /// <remarks>
    /// An ever-growing counter, never the highest in use plus one: an id comes back only when it is certain that no
    /// directory carries it, which a row's absence does not prove. The counter runs over all pools, since two of them may lie
    /// on one file system, where quota ids are shared.
    /// </remarks>
    /// <exception cref="StorageException"><see cref="StorageError.ResourceExhausted"/>: all four billion were given out.</exception>
    public uint AllocateProjectId(string pool) => Write($"allot a quota id in pool {pool}", db =>
    {
        var next = Math.Max(FirstProjectId, db.QueryNumber("SELECT COALESCE(MAX(highest), 0) + 1 FROM project_ids"));
        if (next >= uint.MaxValue)
            throw new StorageException(StorageError.ResourceExhausted, $"allot a quota id in pool {pool}: all have been given out");

        RaiseProjectId(db, pool, (uint)next);
        return (uint)next;
    });

    /// <summary>A record adopted from a pool's metadata brings an id that this state did not give out.</summary>
    private static void RaiseProjectId(StateConnection db, string pool, uint? id)
    {
        if (id is not { } value)
            return;

        db.Execute(
            """
            INSERT INTO project_ids (pool, highest) VALUES (@pool, @id)
            ON CONFLICT (pool) DO UPDATE SET highest = MAX(highest, excluded.highest)
            """,
            ("@pool", pool), ("@id", value));
    }
}
