using CsiLocal.Volumes;

namespace CsiLocal.State;

/// <summary>A pool as it was last seen.</summary>
/// <param name="Name">As configured.</param>
/// <param name="Backend">How it stores volumes.</param>
/// <param name="Path">The pool's folder.</param>
/// <param name="Identity">The UUID in its marker file; a pool that comes with another one is not the pool that was known.</param>
internal sealed record PoolRow(string Name, BackendKind Backend, string Path, string Identity);
