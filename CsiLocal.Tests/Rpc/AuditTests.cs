using CsiLocal.Rpc;
using CsiLocal.State;
using CsiLocal.Tests.Support;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Rpc;

/// <summary>Who changed what: each call that may change something is one record of the journal and one line of the log's own category.</summary>
public sealed class AuditTests : DriverTest<ImagePool>
{
    private readonly CapturedLog log = new();

    private protected override void Prepare(TestDriver driver) => driver.Loggers = log;

    [Fact(Timeout = Limit)]
    public async Task Each_changing_call_is_one_line_that_says_who_did_what_to_which_volume_and_what_became_of_it()
    {
        var volume = await CreateAsync("data");
        await FailsAsync(StatusCode.AlreadyExists, Controller.CreateVolumeAsync(Create("data", Mount(), 64 * MiB)));
        await UnmountAsync(volume, await MountAsync(volume));
        await Controller.ControllerExpandVolumeAsync(new() { VolumeId = volume.VolumeId, CapacityRange = new() { RequiredBytes = 40 * MiB } });
        var snapshot = (await Controller.CreateSnapshotAsync(new() { Name = "monday", SourceVolumeId = volume.VolumeId })).Snapshot;
        await Controller.DeleteSnapshotAsync(new() { SnapshotId = snapshot.SnapshotId });
        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });

        var lines = log.FieldsOf(CallInterceptor.AuditCategory);

        string[] expected =
        [
            $"CreateVolume {volume.VolumeId} data OK", $"CreateVolume {volume.VolumeId} data AlreadyExists", $"NodeStageVolume {volume.VolumeId} data OK",
            $"NodePublishVolume {volume.VolumeId} data OK", $"NodeUnpublishVolume {volume.VolumeId} data OK", $"NodeUnstageVolume {volume.VolumeId} data OK",
            $"ControllerExpandVolume {volume.VolumeId} data OK", $"CreateSnapshot {snapshot.SnapshotId} monday OK",
            $"DeleteSnapshot {snapshot.SnapshotId} monday OK", $"DeleteVolume {volume.VolumeId} data OK",
        ];
        Assert.Equal(expected, lines.Select(static line => $"{line["Rpc"]} {line["Target"]} {line["Name"]} {line["Status"]}"));
        Assert.Equal(Enumerable.Range(1, expected.Length).Select(static number => (object?)(long)number), lines.Select(static line => line["Request"]));
        Assert.All(lines, static line => Assert.True(line["Milliseconds"] is > 0.0));
        Assert.All(lines, static line => Assert.Matches($"^unix:pid={Environment.ProcessId},uid=[0-9]+,gid=[0-9]+,program=[^,]+$", (string?)line["Peer"]));
    }

    [Fact(Timeout = Limit)]
    public async Task The_journal_has_the_same_record_for_good()
    {
        var volume = await CreateAsync("data");
        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });
        var line = log.FieldsOf(CallInterceptor.AuditCategory)[^1];
        await Driver.StopAsync();

        var record = Driver.HistoryOf(volume.VolumeId).OfType<HistoryEntry.Operation>().Last();

        Assert.Equal(
            (line["Request"], line["Rpc"], line["Target"], line["Name"], line["Status"], line["Peer"]),
            (record.Id, record.Rpc, record.Target, record.Name, record.Status, record.Peer));
        Assert.NotNull(record.FinishedAt);
    }

    [Fact(Timeout = Limit)]
    public async Task A_change_of_something_else_and_one_that_is_refused_are_on_record_and_a_look_is_not()
    {
        await Controller.ListVolumesAsync(new());
        await Driver.Admin.ListPoolsAsync(new());
        Assert.Empty(log.FieldsOf(CallInterceptor.AuditCategory));

        await Driver.Admin.ReloadAsync(new());
        await FailsAsync(StatusCode.NotFound, Node.NodeUnstageVolumeAsync(new() { VolumeId = "of\nanother driver", StagingTargetPath = "/x" }));

        Assert.Equal(
            ["Reload - - OK", "NodeUnstageVolume of?another driver - NotFound"],
            log.FieldsOf(CallInterceptor.AuditCategory).Select(static line => $"{line["Rpc"]} {line["Target"]} {line["Name"]} {line["Status"]}"));
    }

    [Fact(Timeout = Limit)]
    public async Task Whatever_the_log_level_the_audit_is_logged()
    {
        await using var daemon = new RealDaemon(Pool.Options) { LogLevel = "error", LogFormat = "json" };
        await Driver.StopAsync();
        await daemon.StartAsync();
        var volume = (await daemon.Controller.CreateVolumeAsync(Create("data", Mount()))).Volume;
        daemon.Signal("TERM");
        Assert.Equal(0, await daemon.ExitAsync());

        var line = Assert.Single(daemon.Log, static line => line.Length > 0);
        Assert.Contains("\"Category\":\"CsiLocal.Audit\"", line, StringComparison.Ordinal);
        Assert.Contains($"\"Target\":\"{volume.VolumeId}\",\"Name\":\"data\",\"Status\":\"OK\"", line, StringComparison.Ordinal);
    }
}
