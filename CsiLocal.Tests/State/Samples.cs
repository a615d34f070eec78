using CsiLocal.Volumes;

namespace CsiLocal.Tests.State;

/// <summary>Records with ordinary values, to be varied with <c>with</c>.</summary>
internal static class Samples
{
    public static readonly DateTimeOffset Time = new(2026, 2, 3, 4, 5, 6, 789, TimeSpan.Zero);

    public static VolumeRecord Volume(string name, string pool = "scratch") => new()
    {
        Id = VolumeId.Mint(name),
        Name = name,
        Pool = pool,
        Backend = BackendKind.Image,
        SizeBytes = 1L << 30,
        Access = AccessType.Mount,
        Filesystem = FilesystemType.Ext4,
        FilesystemUuid = new Guid("0f0e0d0c-1111-4222-8333-944455566677"),
        Parameters = new Dictionary<string, string> { ["pool"] = pool },
        State = VolumeState.Ready,
        CreatedAt = Time,
    };

    public static SnapshotRecord Snapshot(string name, string source = "pvc-1", string pool = "scratch") => new()
    {
        Id = SnapshotId.Mint(name),
        Name = name,
        SourceVolume = VolumeId.Mint(source),
        Pool = pool,
        Backend = BackendKind.Image,
        SizeBytes = 1L << 30,
        Access = AccessType.Mount,
        Filesystem = FilesystemType.Xfs,
        Format = FormatState.Formatted,
        State = SnapshotState.Ready,
        CreatedAt = Time,
    };

    public static PublicationRecord Publication(string volume, string path, PublicationKind kind = PublicationKind.Publish) => new()
    {
        Volume = VolumeId.Mint(volume),
        Kind = kind,
        Path = path,
        ReadOnly = false,
        Access = AccessType.Mount,
        Mode = AccessMode.SingleNodeWriter,
        MountFlags = ["noatime"],
        Done = true,
    };

    public static TaskRecord Task(string targetId, string source = "pvc-0") => new()
    {
        TargetId = targetId,
        Kind = TaskKind.Clone,
        SourceId = VolumeId.Mint(source).Value,
        DoneBytes = 5,
        TotalBytes = 10,
        StartedAt = Time,
    };
}
