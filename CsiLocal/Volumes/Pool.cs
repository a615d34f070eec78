using CsiLocal.Backends;
using CsiLocal.Configuration;

namespace CsiLocal.Volumes;

internal enum PoolState
{
    /// <summary>Not looked at yet.</summary>
    Unknown,
    Ready,

    /// <summary>Cannot be used; <see cref="Pool.Problem"/> says why. Looked at again from time to time.</summary>
    Unavailable,
}

/// <summary>One pool as configured and as found. Immutable: the registry replaces it.</summary>
internal sealed record Pool
{
    public required PoolOptions Options { get; init; }

    public required IStorageBackend Backend { get; init; }

    public PoolState State { get; init; }

    public string? Problem { get; init; }

    public PoolFacts? Facts { get; init; }

    public string Name => Options.Name;

    public bool IsReady => State == PoolState.Ready;
}
