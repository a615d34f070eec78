namespace CsiLocal.Backends.Lvm;

/// <summary>Tells the log and the journal that something happened to a pool.</summary>
/// <param name="what">Continues the pool's name: "is extended".</param>
/// <param name="why">The facts.</param>
/// <param name="needsAttention">A person may have to look.</param>
internal delegate void PoolEvent(string what, string why, bool needsAttention);
