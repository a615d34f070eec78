using CsiLocal.Backends;
using CsiLocal.Configuration;

namespace CsiLocal.Volumes;

internal enum PoolState
{
    /// <summary>Not looked at yet.</summary>
    Unknown,
    Ready,

    /// <summary>Another node's, by its own marker: shown, and not served before it is taken over.</summary>
    Foreign,

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

    /// <summary>Whose it is, where it is <see cref="PoolState.Foreign"/>.</summary>
    public string? ForeignNode { get; init; }

    /// <summary>The node that its marker names since it is ready: this one, or one that could not be replaced yet.</summary>
    public string? MarkedNode { get; init; }

    public PoolFacts? Facts { get; init; }

    public string Name => Options.Name;

    public bool IsReady => State == PoolState.Ready;

    /// <summary>Whether somebody has the volume's device open, or a loop device stands before its image. Starts no process.</summary>
    /// <remarks>The list alone goes by names, and may have a namesake in another pool.</remarks>
    public bool HasDeviceInUse(VolumeRecord volume) =>
        Backend.ListAttached().Contains(volume.Id)
        && (Backend.FindAttachment(volume, readOnly: false) ?? Backend.FindAttachment(volume, readOnly: true)) is not null;
}
