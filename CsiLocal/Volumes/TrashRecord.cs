namespace CsiLocal.Volumes;

/// <summary>What is done to a deleted volume's blocks before they are free again.</summary>
internal enum EraseMode
{
    /// <summary>The disks are told that nobody needs them (TRIM, UNMAP).</summary>
    Discard,

    /// <summary>Overwritten with zeros.</summary>
    Zero,

    /// <summary>Overwritten with random bytes.</summary>
    Random,

    /// <summary>Nothing: not even the disks are told.</summary>
    None,
}

/// <summary>A deleted volume within its grace time. SQLite has it as a row, and the pool beside the data.</summary>
internal sealed record TrashRecord
{
    public required TrashId Id { get; init; }

    /// <summary>As it was: what an undelete brings back.</summary>
    public required VolumeRecord Volume { get; init; }

    public required DateTimeOffset DeletedAt { get; init; }

    /// <summary>From then on it is erased.</summary>
    public required DateTimeOffset Deadline { get; init; }

    public required EraseMode Erase { get; init; }

    /// <summary>Its erasure was begun: it cannot come back.</summary>
    public bool Erasing { get; init; }

    /// <summary>The name under which an undelete is bringing it back; null otherwise. In the row alone: the pool then tells how far it is.</summary>
    public string? RestoreAs { get; init; }
}
