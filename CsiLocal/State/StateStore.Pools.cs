using CsiLocal.Volumes;
using Microsoft.Data.Sqlite;

namespace CsiLocal.State;

internal sealed partial class StateStore
{
    /// <summary>The first quota id given out. Administrators number their own projects from 1, in <c>/etc/projid</c>.</summary>
    public const uint FirstProjectId = 1_000_000;

    private const string PoolColumns = "name, backend, location, identity, node";

    /// <summary>The identity that the pool had when it was last seen; null: never seen.</summary>
    public string? PoolIdentity(string name) => FindPool(name)?.Identity;

    /// <summary>The pool as it was last seen; null: never seen.</summary>
    public PoolRow? FindPool(string name) => Read($"find pool {name}", db => db.QueryFirst(
        $"SELECT {PoolColumns} FROM pools WHERE name = @name", ReadPool, ("@name", name)));

    /// <summary>Inserts the pool, or replaces that of the same name.</summary>
    public void PutPool(PoolRow pool) => Write($"record pool {pool.Name}", db => db.Execute(
        $"""
        INSERT INTO pools ({PoolColumns}) VALUES (@name, @backend, @location, @identity, @node)
        ON CONFLICT (name) DO UPDATE SET backend = excluded.backend, location = excluded.location, identity = excluded.identity,
            node = excluded.node
        """,
        ("@name", pool.Name), ("@backend", pool.Backend.ToString()), ("@location", pool.Location), ("@identity", pool.Identity),
        ("@node", pool.Node)));

    /// <summary>Success where there is none. The pool's volumes are not touched.</summary>
    public void RemovePool(string name) => Write($"remove pool {name}", db => db.Execute(
        "DELETE FROM pools WHERE name = @name", ("@name", name)));

    public IReadOnlyList<PoolRow> AllPools() => Read("list pools", db => db.Query(
        $"SELECT {PoolColumns} FROM pools ORDER BY name", ReadPool));

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

    private static PoolRow ReadPool(SqliteDataReader row) => new(
        row.GetString(0), Columns.Enum<BackendKind>(row.GetString(1)), row.GetString(2), row.GetString(3), row.IsDBNull(4) ? null : row.GetString(4));

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
