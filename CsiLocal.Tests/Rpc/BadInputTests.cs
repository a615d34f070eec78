using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using Csi.V1;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;
using Mode = Csi.V1.VolumeCapability.Types.AccessMode.Types.Mode;

namespace CsiLocal.Tests.Rpc;

public sealed class BadInputOnImages(BadInputWorld<ImagePool> world) : BadInputTests(world), IClassFixture<BadInputWorld<ImagePool>>;

public sealed class BadInputOnThickLvm(BadInputWorld<ThickLvmPool> world) : BadInputTests(world), IClassFixture<BadInputWorld<ThickLvmPool>>;

public sealed class BadInputOnThinLvm(BadInputWorld<ThinLvmPool> world) : BadInputTests(world), IClassFixture<BadInputWorld<ThinLvmPool>>;

/// <summary>Requests that are wrong in one field: the right status, a message that names the field, and nothing left behind.</summary>
public abstract class BadInputTests(BadInputWorld world)
{
    private const int Limit = 60_000;
    private const string Huge = "a name that is much too long, ";

    private static readonly Dictionary<string, Case> s_cases = new()
    {
        ["create: no name"] = OfCreate(static r => r.Name = "", "name"),
        ["create: name of 10 kB"] = OfCreate(static r => r.Name = Long(), "name"),
        ["create: name of 129 bytes in 65 characters"] = OfCreate(static r => r.Name = new string('ä', 64) + "x", "name"),
        ["create: NUL in the name"] = OfCreate(static r => r.Name = "a\0b", "name"),
        ["create: escape in the name"] = OfCreate(static r => r.Name = "a\u001b[2J", "name"),
        ["create: negative size"] = OfCreate(static r => r.CapacityRange = new() { RequiredBytes = -1 }, "required_bytes"),
        ["create: negative limit"] = OfCreate(static r => r.CapacityRange = new() { RequiredBytes = 1, LimitBytes = long.MinValue }, "limit_bytes"),
        ["create: limit below required"] = OfCreate(static r => r.CapacityRange = new() { RequiredBytes = 2 * MiB, LimitBytes = MiB }, "limit_bytes"),
        ["create: size that overflows"] = OfCreate(
            static r => r.CapacityRange = new() { RequiredBytes = long.MaxValue }, "required_bytes", StatusCode.OutOfRange),
        ["create: size that overflows when rounded"] = OfCreate(
            static r => r.CapacityRange = new() { RequiredBytes = long.MaxValue - 1 }, "required_bytes", StatusCode.OutOfRange),
        ["create: limit too small for a file system"] = OfCreate(
            static r => r.CapacityRange = new() { LimitBytes = 4096 }, "limit_bytes", StatusCode.OutOfRange),
        ["create: more than there is"] = OfCreate(
            static r => r.CapacityRange = new() { RequiredBytes = 15L << 40 }, "available", StatusCode.ResourceExhausted),
        ["create: no capability"] = OfCreate(static r => r.VolumeCapabilities.Clear(), "volume_capabilities"),
        ["create: empty capability"] = OfCreate(static r => r.VolumeCapabilities.Add(new VolumeCapability()), "access_mode"),
        ["create: no access type"] = OfCreate(static r => r.VolumeCapabilities[0].ClearAccessType(), "block nor mount"),
        ["create: mode of several nodes"] = OfCreate(static r => r.VolumeCapabilities.Add(Mount(Mode.MultiNodeMultiWriter)), "access_mode"),
        ["create: mode that does not exist"] = OfCreate(static r => r.VolumeCapabilities.Add(Mount((Mode)99)), "access_mode"),
        ["create: block and mount"] = OfCreate(static r => r.VolumeCapabilities.Add(Block()), "volume_capabilities"),
        ["create: two file systems"] = OfCreate(
            static r => r.VolumeCapabilities.Add([Mount(filesystem: "ext4"), Mount(filesystem: "xfs")]), "fs_type"),
        ["create: unknown file system"] = OfCreate(static r => r.VolumeCapabilities[0].Mount.FsType = "ntfs", "fs_type"),
        ["create: file system that is a path"] = OfCreate(static r => r.VolumeCapabilities[0].Mount.FsType = "../../bin/sh", "fs_type"),
        ["create: mount flag out of the allowed"] = OfCreate(static r => r.VolumeCapabilities[0].Mount.MountFlags.Add("loop=/dev/sda"), "mount_flags"),
        ["create: mount flags over 4 KiB"] = OfCreate(static r => r.VolumeCapabilities[0].Mount.MountFlags.Add(Long()), "mount_flags"),
        ["create: volume_mount_group"] = OfCreate(static r => r.VolumeCapabilities[0].Mount.VolumeMountGroup = "1", "volume_mount_group"),
        ["create: unknown parameter"] = OfCreate(static r => r.Parameters["colour"] = "red", "parameters[colour]"),
        ["create: parameter with control characters"] = OfCreate(static r => r.Parameters["a\0\n"] = "red", "parameters[a??]"),
        ["create: parameters over 4 KiB"] = OfCreate(static r => r.Parameters["pool"] = Long(), "parameters"),
        ["create: no such pool"] = OfCreate(static r => r.Parameters["pool"] = "../../etc", "parameters[pool]"),
        ["create: preallocate is no boolean"] = OfCreate(static r => r.Parameters["preallocate"] = "yes", "parameters[preallocate]"),
        ["create: fstype parameter against capability"] = OfCreate(
            static r =>
            {
                r.Parameters["csi.storage.k8s.io/fstype"] = "xfs";
                r.VolumeCapabilities[0].Mount.FsType = "ext4";
            }, "parameters[csi.storage.k8s.io/fstype]"),
        ["create: mkfsOptions that name a device"] = OfCreate(static r => r.Parameters["mkfsOptions"] = "-J device=/dev/sda", "mkfsOptions"),
        ["create: mkfsOptions with a shell"] = OfCreate(static r => r.Parameters["mkfsOptions"] = "; rm -rf /", "mkfsOptions"),
        ["create: mutable parameters"] = OfCreate(static r => r.MutableParameters["iops"] = "1", "mutable_parameters[iops]"),
        ["create: secrets over 4 KiB"] = OfCreate(static r => r.Secrets["more"] = Long(), "secrets"),
        ["create: empty source"] = OfCreate(static r => r.VolumeContentSource = new(), "volume_content_source"),
        ["create: source without id"] = OfCreate(static r => r.VolumeContentSource = new() { Volume = new() }, "volume_content_source.volume"),
        ["create: source that is a path"] = OfCreate(
            static r => r.VolumeContentSource = new() { Snapshot = new() { SnapshotId = "../../etc/passwd" } }, "snapshot_id", StatusCode.NotFound),
        ["create: empty topology"] = OfCreate(static r => r.AccessibilityRequirements = new(), "accessibility_requirements"),
        ["create: topology over 4 KiB"] = OfCreate(
            static r => r.AccessibilityRequirements = new() { Preferred = { new Topology { Segments = { ["x"] = Long() } } } }, "accessibility_requirements"),
        ["create: topology of another node"] = OfCreate(
            static r => r.AccessibilityRequirements =
                new() { Requisite = { new Topology { Segments = { ["topology.local.csilocal.dev/node"] = "node-b" } } } },
            "node", StatusCode.ResourceExhausted),

        ["delete: no id"] = new("volume_id", StatusCode.InvalidArgument, static w => Call(w.Driver.Controller.DeleteVolumeAsync(new()))),
        ["delete: id of 10 kB"] = new("volume_id", StatusCode.InvalidArgument, static w => Call(w.Driver.Controller.DeleteVolumeAsync(new() { VolumeId = Long() }))),
        ["delete: in use"] = new("in use", StatusCode.FailedPrecondition, static w => Call(w.Driver.Controller.DeleteVolumeAsync(new() { VolumeId = w.Staged.VolumeId }))),
        ["delete snapshot: no id"] = new("snapshot_id", StatusCode.InvalidArgument, static w => Call(w.Driver.Controller.DeleteSnapshotAsync(new()))),

        ["expand: no range"] = OfExpand(static r => r.CapacityRange = null, "capacity_range"),
        ["expand: empty range"] = OfExpand(static r => r.CapacityRange = new(), "capacity_range"),
        ["expand: negative"] = OfExpand(static r => r.CapacityRange.RequiredBytes = -5, "required_bytes"),
        ["expand: limit below required"] = OfExpand(static r => r.CapacityRange.LimitBytes = 1, "limit_bytes"),
        ["expand: overflow"] = OfExpand(static r => r.CapacityRange.RequiredBytes = long.MaxValue, "required_bytes", StatusCode.OutOfRange),
        ["expand: shrink"] = OfExpand(
            static r => r.CapacityRange = new() { RequiredBytes = MiB, LimitBytes = 2 * MiB }, "limit_bytes", StatusCode.OutOfRange),
        ["expand: beyond the pool"] = OfExpand(static r => r.CapacityRange.RequiredBytes = 15L << 40, "available", StatusCode.ResourceExhausted),
        ["expand: foreign id"] = OfExpand(static r => r.VolumeId = "../../../x", "volume_id", StatusCode.NotFound),
        ["expand: block capability of a mount volume"] = OfExpand(static r => r.VolumeCapability = Block(), "volume_capability"),
        ["expand: secrets over 4 KiB"] = OfExpand(static r => r.Secrets["more"] = Long(), "secrets"),

        ["snapshot: no name"] = OfSnapshot(static r => r.Name = "", "name"),
        ["snapshot: name with NUL"] = OfSnapshot(static r => r.Name = "\0", "name"),
        ["snapshot: name of 10 kB"] = OfSnapshot(static r => r.Name = Long(), "name"),
        ["snapshot: no source"] = OfSnapshot(static r => r.SourceVolumeId = "", "source_volume_id"),
        ["snapshot: foreign source"] = OfSnapshot(static r => r.SourceVolumeId = "/etc", "source_volume_id", StatusCode.NotFound),
        ["snapshot: unknown parameter"] = OfSnapshot(static r => r.Parameters["x"] = "y", "parameters[x]"),
        ["snapshot: secrets over 4 KiB"] = OfSnapshot(static r => r.Secrets["more"] = Long(), "secrets"),

        ["stage: no id"] = OfStage(static r => r.VolumeId = "", "volume_id"),
        ["stage: id of 10 kB"] = OfStage(static r => r.VolumeId = Long(), "volume_id"),
        ["stage: foreign id"] = OfStage(static r => r.VolumeId = "../v", "volume_id", StatusCode.NotFound),
        ["stage: no capability"] = OfStage(static r => r.VolumeCapability = null, "volume_capability"),
        ["stage: mode of several nodes"] = OfStage(
            static r => r.VolumeCapability = Mount(Mode.MultiNodeReaderOnly), "access_mode", StatusCode.FailedPrecondition),
        ["stage: block"] = OfStage(static r => r.VolumeCapability = Block(), "volume_capability", StatusCode.FailedPrecondition),
        ["stage: other file system"] = OfStage(static r => r.VolumeCapability = Mount(filesystem: "xfs"), "fs_type", StatusCode.FailedPrecondition),
        ["stage: forbidden flag"] = OfStage(static r => r.VolumeCapability.Mount.MountFlags.Add("bind"), "mount_flags"),
        ["stage: publish_context over 4 KiB"] = OfStage(static r => r.PublishContext["x"] = Long(), "publish_context"),
        ["stage: volume_context over 4 KiB"] = OfStage(static r => r.VolumeContext["x"] = Long(), "volume_context"),
        ["stage: secrets over 4 KiB"] = OfStage(static r => r.Secrets["more"] = Long(), "secrets"),

        ["publish: no staging path"] = OfPublish(static r => r.StagingTargetPath = "", "staging_target_path", StatusCode.FailedPrecondition),
        ["publish: at the staging path"] = OfPublish(static r => r.TargetPath = r.StagingTargetPath, "target_path"),
        ["unpublish: at the staging path"] = new("target_path", StatusCode.InvalidArgument, static w => Call(
            w.Driver.Node.NodeUnpublishVolumeAsync(new() { VolumeId = w.Staged.VolumeId, TargetPath = w.StagingPath }))),
        ["publish: not staged there"] = OfPublish(static r => r.StagingTargetPath = "relative", "staged", StatusCode.FailedPrecondition),
        ["publish: no capability"] = OfPublish(static r => r.VolumeCapability = null, "volume_capability"),
        ["publish: block"] = OfPublish(static r => r.VolumeCapability = Block(), "volume_capability", StatusCode.FailedPrecondition),
        ["publish: foreign id"] = OfPublish(static r => r.VolumeId = "\0", "volume_id", StatusCode.NotFound),

        ["expand on node: negative"] = OfNodeExpand(static r => r.CapacityRange = new() { RequiredBytes = -1 }, "required_bytes"),
        ["expand on node: elsewhere"] = OfNodeExpand(static r => r.VolumePath = "/mnt/elsewhere", "volume_path", StatusCode.NotFound),
        ["expand on node: relative"] = OfNodeExpand(static r => r.VolumePath = "x", "volume_path"),
    };

    // %/ stands for the test's own folder.
    private static readonly string[] s_badPaths =
    [
        "", "relative", "./x", "/", "/etc", "/etc/x", "/proc/self/cwd", "/sys/x", "/dev/shm/x", "/usr/local/x", "/var/lib", "/tmp", "/var/lib/kubelet",
        "%/a/../b", "%/./b", "%//b", "%/b/", "%/a\0b", "%/a\nb", "%/missing/b", "%/link/b", "%/link", "%/dangling", "%/file/b", "%/file",
        "/tmp/" + Huge + "LONG", "/tmp/" + "COMPONENT",
    ];

    public static TheoryData<string> Names => [.. s_cases.Keys];

    public static TheoryData<string> BadPaths => [.. s_badPaths.Select(Uri.EscapeDataString)];

    [Theory(Timeout = Limit)]
    [MemberData(nameof(Names))]
    public async Task A_field_that_is_wrong_is_named_and_nothing_is_left_behind(string name)
    {
        var expected = s_cases[name];
        var before = await world.StateAsync();

        var status = await expected.CallAsync(world);

        RequireRefused(status, expected.Code, expected.Field);
        Assert.Equal(before, await world.StateAsync());
    }

    [Theory(Timeout = Limit)]
    [MemberData(nameof(BadPaths))]
    public async Task A_path_that_may_not_be_one_is_refused_by_every_call(string escaped)
    {
        var path = PathOf(Uri.UnescapeDataString(escaped));
        var before = await world.StateAsync();

        RequireRefused(await OfStage(r => r.StagingTargetPath = path, "").CallAsync(world), StatusCode.InvalidArgument, "staging_target_path");
        RequireRefused(await OfPublish(r => r.TargetPath = path, "").CallAsync(world), StatusCode.InvalidArgument, "target_path");

        // Nothing of ours is there: fine, unless the path is of a kind that could never have been one.
        foreach (var undone in new[]
        {
            await BadInputWorld.StatusOfAsync(world.Driver.Node.NodeUnstageVolumeAsync(new() { VolumeId = world.Idle.VolumeId, StagingTargetPath = path })),
            await BadInputWorld.StatusOfAsync(world.Driver.Node.NodeUnpublishVolumeAsync(new() { VolumeId = world.Idle.VolumeId, TargetPath = path })),
        })
        {
            if (undone is not null)
                RequireRefused(undone, StatusCode.InvalidArgument, "path");
        }

        Assert.Equal(before, await world.StateAsync());
        Assert.Equal("kept", await File.ReadAllTextAsync(world.Driver.PathOf("file"), TestContext.Current.CancellationToken));
    }

    [Fact(Timeout = Limit)]
    public async Task What_others_mounted_or_stored_at_a_path_is_left_alone()
    {
        var folder = world.Driver.PathOf("folder");
        HostCommand.Run("mount", "-t", "tmpfs", "foreign", folder);
        try
        {
            var before = await world.StateAsync();

            RequireRefused(await OfStage(r => r.StagingTargetPath = folder, "").CallAsync(world), StatusCode.FailedPrecondition, "mounted");
            RequireRefused(await OfPublish(r => r.TargetPath = folder, "").CallAsync(world), StatusCode.FailedPrecondition, "mounted");
            RequireRefused(await OfStage(r => r.StagingTargetPath = world.StagingPath, "").CallAsync(world), StatusCode.FailedPrecondition, world.Staged.VolumeId);

            Assert.Equal(before, await world.StateAsync());
        }
        finally
        {
            HostCommand.Unmount(folder);
        }
    }

    internal static void RequireRefused(Status? status, StatusCode code, string mentioned)
    {
        Assert.NotNull(status);
        Assert.True(code == status.Value.StatusCode, $"expected {code}, got {status}");
        Assert.Contains(mentioned, status.Value.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain(BadInputWorld.Secret, status.Value.Detail, StringComparison.Ordinal);
        Assert.True(status.Value.Detail.Length < 2000, "a status travels in a header");
    }

    private string PathOf(string path) => path
        .Replace("%", world.Driver.PathOf("").TrimEnd('/'), StringComparison.Ordinal)
        .Replace(Huge + "LONG", string.Join('/', Enumerable.Repeat("component", 500)), StringComparison.Ordinal)
        .Replace("COMPONENT", new string('c', 256), StringComparison.Ordinal);

    private static string Long() => string.Concat(Enumerable.Repeat(Huge, 340));

    private static Case OfCreate(Action<CreateVolumeRequest> spoil, string field, StatusCode code = StatusCode.InvalidArgument) =>
        new(field, code, world =>
        {
            var request = Create("new", Mount(), 16 * MiB);
            request.Secrets["key"] = BadInputWorld.Secret;
            spoil(request);
            return Call(world.Driver.Controller.CreateVolumeAsync(request));
        });

    private static Case OfExpand(Action<ControllerExpandVolumeRequest> spoil, string field, StatusCode code = StatusCode.InvalidArgument) =>
        new(field, code, world =>
        {
            var request = new ControllerExpandVolumeRequest
            {
                VolumeId = world.Idle.VolumeId,
                CapacityRange = new() { RequiredBytes = 20 * MiB },
                Secrets = { ["key"] = BadInputWorld.Secret },
            };
            spoil(request);
            return Call(world.Driver.Controller.ControllerExpandVolumeAsync(request));
        });

    private static Case OfSnapshot(Action<CreateSnapshotRequest> spoil, string field, StatusCode code = StatusCode.InvalidArgument) =>
        new(field, code, world =>
        {
            var request = new CreateSnapshotRequest
            {
                Name = "new",
                SourceVolumeId = world.Idle.VolumeId,
                Secrets = { ["key"] = BadInputWorld.Secret },
            };
            spoil(request);
            return Call(world.Driver.Controller.CreateSnapshotAsync(request));
        });

    private static Case OfStage(Action<NodeStageVolumeRequest> spoil, string field, StatusCode code = StatusCode.InvalidArgument) =>
        new(field, code, world =>
        {
            var request = Stage(world.Idle, world.FreePath, Mount());
            request.Secrets["key"] = BadInputWorld.Secret;
            spoil(request);
            return Call(world.Driver.Node.NodeStageVolumeAsync(request));
        });

    private static Case OfPublish(Action<NodePublishVolumeRequest> spoil, string field, StatusCode code = StatusCode.InvalidArgument) =>
        new(field, code, world =>
        {
            var request = Publish(world.Staged, world.StagingPath, world.FreePath, Mount());
            request.Secrets["key"] = BadInputWorld.Secret;
            spoil(request);
            return Call(world.Driver.Node.NodePublishVolumeAsync(request));
        });

    private static Case OfNodeExpand(Action<NodeExpandVolumeRequest> spoil, string field, StatusCode code = StatusCode.InvalidArgument) =>
        new(field, code, world =>
        {
            var request = new NodeExpandVolumeRequest { VolumeId = world.Staged.VolumeId, VolumePath = world.StagingPath };
            spoil(request);
            return Call(world.Driver.Node.NodeExpandVolumeAsync(request));
        });

    private static Task<Status?> Call<T>(AsyncUnaryCall<T> call) => BadInputWorld.StatusOfAsync(call);

    private sealed record Case(string Field, StatusCode Code, Func<BadInputWorld, Task<Status?>> CallAsync);
}
