using CsiLocal.Volumes;
using Grpc.Core;
using Proto = Csi.V1;

namespace CsiLocal.Rpc;

/// <summary>CSI Controller: snapshots.</summary>
internal sealed partial class ControllerService
{
    public override async Task<Proto.CreateSnapshotResponse> CreateSnapshot(Proto.CreateSnapshotRequest request, ServerCallContext context)
    {
        if (request.AccessibilityRequirements is not null)
            throw FieldRules.Invalid("accessibility_requirements: the driver does not have SNAPSHOT_ACCESSIBILITY_CONSTRAINTS", "leave it out");

        var record = await snapshots.CreateAsync(ControllerRequests.Parse(request), context.CancellationToken);
        return new Proto.CreateSnapshotResponse { Snapshot = Messages.Snapshot(record) };
    }

    public override async Task<Proto.DeleteSnapshotResponse> DeleteSnapshot(Proto.DeleteSnapshotRequest request, ServerCallContext context)
    {
        if (FieldRules.SnapshotIdOrForeign("snapshot_id", request.SnapshotId) is { } id)
            await snapshots.DeleteAsync(id, context.CancellationToken);

        return new Proto.DeleteSnapshotResponse();
    }

    public override Task<Proto.GetSnapshotResponse> GetSnapshot(Proto.GetSnapshotRequest request, ServerCallContext context)
    {
        var id = FieldRules.SnapshotId("snapshot_id", request.SnapshotId);
        return store.FindSnapshot(id) is { State: SnapshotState.Ready } record
            ? Task.FromResult(new Proto.GetSnapshotResponse { Snapshot = Messages.Snapshot(record) })
            : throw new StorageException(StorageError.NotFound, $"snapshot {id} does not exist");
    }

    public override Task<Proto.ListSnapshotsResponse> ListSnapshots(Proto.ListSnapshotsRequest request, ServerCallContext context)
    {
        var limit = ControllerRequests.MaxEntries(request.MaxEntries);
        var after = ControllerRequests.Token(FieldRules.Optional("starting_token", request.StartingToken));
        var response = new Proto.ListSnapshotsResponse();
        if (FieldRules.Optional("snapshot_id", request.SnapshotId).Length > 0)
        {
            if (FieldRules.SnapshotIdOrForeign("snapshot_id", request.SnapshotId) is { } id
                && store.FindSnapshot(id) is { State: SnapshotState.Ready } record
                && (request.SourceVolumeId.Length == 0 || request.SourceVolumeId == record.SourceVolume.Value))
            {
                response.Entries.Add(new Proto.ListSnapshotsResponse.Types.Entry { Snapshot = Messages.Snapshot(record) });
            }

            return Task.FromResult(response);
        }

        VolumeId? source = null;
        if (FieldRules.Optional("source_volume_id", request.SourceVolumeId).Length > 0)
        {
            source = FieldRules.VolumeIdOrForeign("source_volume_id", request.SourceVolumeId);
            if (source is null)
                return Task.FromResult(response);
        }

        var page = store.ListSnapshots(after, limit, source, readyOnly: true);
        response.Entries.Add(page.Items.Select(record => new Proto.ListSnapshotsResponse.Types.Entry { Snapshot = Messages.Snapshot(record) }));
        response.NextToken = page.NextSequence?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "";
        return Task.FromResult(response);
    }
}
