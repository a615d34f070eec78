using CsiLocal.Backends;

namespace CsiLocal.Volumes;

/// <summary>Whether a pool is this node's to serve, by the node that the pool's own marker names. Pure.</summary>
/// <remarks>
/// Disks that were moved from another machine still name that one: they are shown and not served until a person takes them over. The
/// state file is no proof, since it may be older than the move; but it knows by which name it served a pool last, so a node may be renamed.
/// </remarks>
/// <param name="NodeId">This node.</param>
/// <param name="Known">The pool as this state last served it; null: never.</param>
internal sealed record PoolClaim(string NodeId, State.PoolRow? Known)
{
    public bool Allows(PoolOwner owner) =>
        owner.Node is null || owner.Node == NodeId || (Known is not null && Known.Identity == owner.Identity && Known.Node == owner.Node);

    /// <summary>Why the pool is not served, for people.</summary>
    public static StorageException Refuse(string pool, string node) => new(
        StorageError.Unavailable, $"pool '{pool}': it is node '{node}''s and was not taken over",
        $"if its disks are to stay on this machine: csilocal pool take-over {pool} --from {node}");
}
