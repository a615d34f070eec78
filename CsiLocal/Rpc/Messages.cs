using CsiLocal.Backends;
using CsiLocal.Volumes;
using Google.Protobuf.WellKnownTypes;
using Proto = Csi.V1;

namespace CsiLocal.Rpc;

/// <summary>Records to CSI messages. The same record always gives the same bytes (design §2.4).</summary>
internal sealed class Messages(NodeIdentity node)
{
    public Proto.Volume Volume(VolumeRecord record)
    {
        var volume = new Proto.Volume
        {
            VolumeId = record.Id.Value,
            CapacityBytes = record.SizeBytes,
            VolumeContext =
            {
                ["backend"] = MetadataNames.Of(record.Backend),
                ["name"] = record.Name,
                ["pool"] = record.Pool,
            },
            AccessibleTopology = { Topology() },
        };
        volume.ContentSource = record.Source switch
        {
            null => null,
            ContentSource.FromSnapshot(var id) => new Proto.VolumeContentSource { Snapshot = new() { SnapshotId = id.Value } },
            ContentSource.FromVolume(var id) => new Proto.VolumeContentSource { Volume = new() { VolumeId = id.Value } },
            _ => throw new ArgumentOutOfRangeException(nameof(record), record.Source, null),
        };
        return volume;
    }

    public static Proto.Snapshot Snapshot(SnapshotRecord record) => new()
    {
        SnapshotId = record.Id.Value,
        SourceVolumeId = record.SourceVolume.Value,
        SizeBytes = record.SizeBytes,
        CreationTime = Timestamp.FromDateTimeOffset(record.CreatedAt),
        ReadyToUse = record.State == SnapshotState.Ready,
    };

    public Proto.Topology Topology() => new() { Segments = { [node.TopologyKey] = node.NodeId } };

    public static Proto.VolumeCondition Condition(IReadOnlyList<HealthFinding> findings) => new()
    {
        Abnormal = findings.Count > 0,
        Message = findings.Count == 0 ? "healthy" : string.Join("; ", findings.Select(static finding => finding.Message)),
    };

    public static Proto.NodeGetStorageHealthResponse.Types.StorageBackendHealth StorageHealth(string pool, HealthFinding finding) => new()
    {
        Status = finding.Status == HealthStatus.Degraded
            ? Proto.StorageHealthErrorType.StorageDegraded
            : Proto.StorageHealthErrorType.StorageUnreachable,
        Reason = finding.Reason,
        Message = $"pool '{pool}': {finding.Message}",
    };

    public static Proto.VolumeHealth Health(VolumeId id, IReadOnlyList<HealthFinding> findings)
    {
        var health = new Proto.VolumeHealth { VolumeId = id.Value };
        foreach (var finding in findings)
        {
            health.HealthStatuses.Add(new Proto.VolumeHealth.Types.VolumeHealthEntry
            {
                Status = finding.Status switch
                {
                    HealthStatus.Degraded => Proto.VolumeHealthErrorType.Degraded,
                    HealthStatus.Inaccessible => Proto.VolumeHealthErrorType.Inaccessible,
                    HealthStatus.DataLoss => Proto.VolumeHealthErrorType.DataLoss,
                    _ => throw new ArgumentOutOfRangeException(nameof(findings), finding.Status, null),
                },
                Reason = finding.Reason,
                Message = finding.Message,
            });
        }

        return health;
    }
}
