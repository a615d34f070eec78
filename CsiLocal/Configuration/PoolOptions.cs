using CsiLocal.Volumes;

namespace CsiLocal.Configuration;

/// <summary>How a directory pool limits its volumes.</summary>
internal enum QuotaMode
{
    /// <summary>The hard limit that the file system offers; a pool whose file system offers none is refused.</summary>
    Auto,

    /// <summary>No limit: asked for explicitly.</summary>
    None,
}

/// <summary>One entry of <c>pools:</c> in the configuration file.</summary>
internal sealed record PoolOptions
{
    public static readonly TimeSpan DefaultFreezeLimit = TimeSpan.FromSeconds(10);

    /// <summary>Lower-case letters, digits and dashes, at most 63.</summary>
    public required string Name { get; init; }

    public required BackendKind Backend { get; init; }

    /// <summary>image, directory: absolute path of the pool's folder; empty for the others.</summary>
    public string Path { get; init; } = "";

    /// <summary>lvm, lvm-thin: what the pool is made of; null for the others.</summary>
    public LvmPoolOptions? Lvm { get; init; }

    /// <summary>Where the pool is, for people and for the state: the folder, <c>vg</c>, or <c>vg/thinpool</c>.</summary>
    public string Location => Lvm is null ? Path : Lvm.ThinPool is { } thin ? $"{Lvm.VolumeGroup}/{thin}" : Lvm.VolumeGroup;

    /// <summary>Bytes of the file system, volume group or thin pool that volumes may not use.</summary>
    public long ReserveBytes { get; init; }

    /// <summary>Promised bytes over real ones; 1 promises no more than there is.</summary>
    public double Overprovision { get; init; } = 1.0;

    /// <summary>image: allot all blocks at creation unless the StorageClass says otherwise.</summary>
    public bool Preallocate { get; init; }

    /// <summary>image: how long a mounted volume may be frozen for a snapshot that has to copy.</summary>
    public TimeSpan FreezeLimit { get; init; } = DefaultFreezeLimit;

    /// <summary>directory: hard limits or none.</summary>
    public QuotaMode Quota { get; init; } = QuotaMode.Auto;

    /// <summary>The pool's own, and where it says nothing those of the file.</summary>
    public TrashOptions Trash { get; init; } = TrashOptions.Default;
}
