using CsiLocal.Volumes;

namespace CsiLocal.Tests.Backends;

/// <summary>Records to begin tests with.</summary>
internal static class Records
{
    public const long MiB = 1 << 20;

    public static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public static VolumeRecord Volume(string name, long sizeBytes = 64 * MiB, BackendKind backend = BackendKind.Image) => new()
    {
        Id = VolumeId.Mint(name),
        Name = name,
        Pool = "pool",
        Backend = backend,
        SizeBytes = sizeBytes,
        Access = AccessType.Mount,
        Filesystem = backend == BackendKind.Image ? FilesystemType.Ext4 : null,
        FilesystemUuid = backend == BackendKind.Image ? Guid.Parse("3c0ffee0-0000-4000-8000-000000000001") : null,
        State = VolumeState.Creating,
        CreatedAt = Noon,
    };

    public static SnapshotRecord Snapshot(string name, VolumeRecord source) => new()
    {
        Id = SnapshotId.Mint(name),
        Name = name,
        SourceVolume = source.Id,
        Pool = source.Pool,
        Backend = source.Backend,
        SizeBytes = source.SizeBytes,
        Access = source.Access,
        Filesystem = source.Filesystem,
        FilesystemUuid = source.FilesystemUuid,
        Format = source.Format,
        State = SnapshotState.Creating,
        CreatedAt = Noon,
    };
}
