namespace CsiLocal.Backends;

/// <summary>What a pool says of itself before anything in it is touched.</summary>
/// <param name="Identity">As in <see cref="PoolFacts"/>; null where it cannot be told yet: a thin pool that is still to be made.</param>
/// <param name="Node">The node that serves it, by its own marker; null: none has claimed it, or an older csilocal that wrote no node.</param>
internal sealed record PoolOwner(string? Identity, string? Node);
