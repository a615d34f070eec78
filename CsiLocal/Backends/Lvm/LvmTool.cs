using CsiLocal.Tools;

namespace CsiLocal.Backends.Lvm;

/// <summary>Which volume group a command means, and the devices it may look at: nothing else is ever seen.</summary>
/// <param name="Devices">The paths of its physical volumes; empty: every device that LVM's own configuration admits.</param>
internal sealed record VolumeGroupRef(string Name, string Uuid, IReadOnlyList<string> Devices);

/// <summary>A volume group as a scan of all devices found it.</summary>
internal sealed record FoundVolumeGroup(string Name, string Uuid, IReadOnlyList<string> Devices, int MissingDevices);

/// <summary>The lvm commands: arguments in, reports and classified errors out. Knows nothing of volumes and pools.</summary>
/// <remarks>
/// Every command has explicit columns, bytes, JSON, its devices, a timeout, and leaves nothing in /etc/lvm/archive (lvm.conf(5)
/// backup/archive=0 by --config). A failure is a <see cref="Volumes.StorageException"/> by the table in <c>LvmErrors</c>; a command
/// that hung is a <see cref="ToolException"/>.
/// </remarks>
/// <param name="commands">Runs them.</param>
/// <param name="prefix">What stands before each command: empty, or nsenter into the host's namespaces.</param>
internal sealed class LvmTool(ICommandRunner commands, IReadOnlyList<string> prefix)
{
    /// <summary>Every volume group on every device: to find one by name, and its namesakes.</summary>
    public Task<IReadOnlyList<FoundVolumeGroup>> ScanAsync(CancellationToken cancellationToken) => throw Later();

    /// <summary>The whole of one volume group, in one process; null where it is not there.</summary>
    public Task<VolumeGroupReport?> ReportAsync(VolumeGroupRef group, CancellationToken cancellationToken) => throw Later();

    /// <summary>lvcreate of a linear, striped or RAID volume.</summary>
    public Task CreateThickAsync(VolumeGroupRef group, ThickVolume volume, CancellationToken cancellationToken) => throw Later();

    /// <summary>lvcreate --snapshot: copy-on-write, <paramref name="reserveBytes"/> for what changes.</summary>
    public Task CreateCowSnapshotAsync(
        VolumeGroupRef group, string origin, string name, long reserveBytes, IReadOnlyList<string> tags, CancellationToken cancellationToken) =>
        throw Later();

    /// <summary>lvcreate --type thin-pool, discards=passdown, zeroing on.</summary>
    public Task CreateThinPoolAsync(VolumeGroupRef group, NewThinPool pool, CancellationToken cancellationToken) => throw Later();

    /// <summary>lvcreate --virtualsize.</summary>
    public Task CreateThinAsync(
        VolumeGroupRef group, string pool, string name, long sizeBytes, IReadOnlyList<string> tags, CancellationToken cancellationToken) =>
        throw Later();

    /// <summary>lvcreate --snapshot of a thin volume or thin snapshot, active and not skipped at activation.</summary>
    public Task CreateThinSnapshotAsync(
        VolumeGroupRef group, string origin, string name, IReadOnlyList<string> tags, CancellationToken cancellationToken) => throw Later();

    /// <summary>lvextend to a total of <paramref name="sizeBytes"/>; success where it has that already.</summary>
    public Task ExtendAsync(VolumeGroupRef group, string name, long sizeBytes, CancellationToken cancellationToken) => throw Later();

    /// <summary>lvextend --poolmetadatasize to a total of <paramref name="metadataBytes"/>.</summary>
    public Task ExtendPoolMetadataAsync(VolumeGroupRef group, string pool, long metadataBytes, CancellationToken cancellationToken) => throw Later();

    /// <summary>lvremove; success where it is gone. Refuses what is in use, and never takes anything but the named volume.</summary>
    /// <param name="discard">Send TRIM for the freed blocks (devices/issue_discards).</param>
    public Task RemoveAsync(VolumeGroupRef group, string name, bool discard, CancellationToken cancellationToken) => throw Later();

    /// <summary>lvchange --addtag, --deltag, of several volumes one after the other in as few processes as can be.</summary>
    public Task ChangeTagsAsync(VolumeGroupRef group, string name, IReadOnlyList<string> added, IReadOnlyList<string> removed, CancellationToken cancellationToken) =>
        throw Later();

    /// <summary>lvchange --activate y --ignoreactivationskip of one volume, or vgchange of all where <paramref name="name"/> is null.</summary>
    public Task ActivateAsync(VolumeGroupRef group, string? name, CancellationToken cancellationToken) => throw Later();

    /// <summary>lvchange --refresh: loads a RAID volume's or thin pool's table anew after a device came back.</summary>
    public Task RefreshAsync(VolumeGroupRef group, string name, CancellationToken cancellationToken) => throw Later();

    /// <summary>pvcreate and vgcreate in one, of devices that were proved blank; with metadata areas for thousands of volumes.</summary>
    public Task CreateVolumeGroupAsync(string name, IReadOnlyList<string> devices, CancellationToken cancellationToken) => throw Later();

    /// <summary>vgextend by devices that were proved blank.</summary>
    public Task ExtendVolumeGroupAsync(VolumeGroupRef group, IReadOnlyList<string> devices, CancellationToken cancellationToken) => throw Later();

    private NotImplementedException Later() => new($"{commands} {prefix}");
}

/// <summary>A thick volume to be made.</summary>
internal sealed record ThickVolume
{
    public required string Name { get; init; }

    public required long SizeBytes { get; init; }

    public required IReadOnlyList<string> Tags { get; init; }

    public required Configuration.LvmPoolOptions Options { get; init; }

    /// <summary>Data stripes, already decided.</summary>
    public int Stripes { get; init; } = 1;
}

/// <summary>A thin pool to be made.</summary>
internal sealed record NewThinPool
{
    public required string Name { get; init; }

    public required long DataBytes { get; init; }

    /// <summary>null: LVM's choice for the data and chunk size.</summary>
    public long? MetadataBytes { get; init; }

    public long? ChunkBytes { get; init; }

    public int Stripes { get; init; } = 1;

    public long? StripeSizeBytes { get; init; }
}
