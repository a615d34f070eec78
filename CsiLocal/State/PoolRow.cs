using CsiLocal.Volumes;

namespace CsiLocal.State;

/// <summary>A pool as it was last seen.</summary>
/// <param name="Name">As configured.</param>
/// <param name="Backend">How it stores volumes.</param>
/// <param name="Location">The pool's folder, volume group, or volume group and thin pool.</param>
/// <param name="Identity">The UUID in its marker file, or that of its volume group (and thin pool); a pool that comes with another one is not the pool that was known.</param>
/// <param name="Node">The node that the pool's own marker named then; null: none.</param>
internal sealed record PoolRow(string Name, BackendKind Backend, string Location, string Identity, string? Node = null);
