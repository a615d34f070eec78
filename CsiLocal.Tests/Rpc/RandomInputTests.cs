using Csi.V1;
using FsCheck;
using FsCheck.Fluent;
using Grpc.Core;
using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using Xunit;
using static CsiLocal.Tests.Support.Requests;
using Mode = Csi.V1.VolumeCapability.Types.AccessMode.Types.Mode;

namespace CsiLocal.Tests.Rpc;

public sealed class RandomInputOnImages(BadInputWorld<ImagePool> world) : RandomInputTests(world), IClassFixture<BadInputWorld<ImagePool>>;

public sealed class RandomInputOnThickLvm(BadInputWorld<ThickLvmPool> world) : RandomInputTests(world), IClassFixture<BadInputWorld<ThickLvmPool>>;

public sealed class RandomInputOnThinLvm(BadInputWorld<ThinLvmPool> world) : RandomInputTests(world), IClassFixture<BadInputWorld<ThinLvmPool>>;

/// <summary>Requests whose fields are anything: an expected status, a message that names a field, and a refused call leaves nothing.</summary>
public abstract class RandomInputTests(BadInputWorld world)
{
    private const int Limit = 120_000;

    private static readonly StatusCode[] s_expected =
    [
        StatusCode.InvalidArgument, StatusCode.NotFound, StatusCode.AlreadyExists, StatusCode.OutOfRange, StatusCode.ResourceExhausted,
        StatusCode.FailedPrecondition, StatusCode.Aborted,
    ];

    private static readonly string[] s_fields =
    [
        "name", "capacity_range", "volume_capabilit", "parameters", "secrets", "fs_type", "accessibility_requirements", "volume_content_source",
        "volume_id", "staging_target_path", "target_path", "volume_path", "snapshot_id", "publish_context", "volume_context", "mount_flags",
    ];

    private static readonly Gen<string> s_texts = Gen.OneOf(
        Gen.Elements(
            "", "new", "idle", "staged", "../../etc/passwd", "a\0b", "\u001b[31m", "ä€😀", "'; DROP TABLE volumes; --", "%s%n", "$(reboot)", "-rf",
            new string('x', 128), new string('x', 129), new string('y', 10_000)),
        ArbMap.Default.GeneratorFor<NonNull<string>>().Select(static text => string.Concat(text.Get.Where(static c => !char.IsSurrogate(c)))));

    private static readonly Gen<long> s_sizes = Gen.OneOf(
        Gen.Elements(0L, 1, -1, 4096, 16 * MiB, 17 * MiB, 15L << 40, 16L << 40, (16L << 40) + 1, long.MaxValue, long.MinValue),
        Gen.Choose(int.MinValue, int.MaxValue).Select(static n => n * 1_000_003L));

    private static readonly Gen<(string Key, string Value)[]> s_maps = Gen.Frequency(
        (3, Gen.Constant(Array.Empty<(string, string)>())),
        (2, s_texts.Two().Select(static pair => new[] { (pair.Item1, pair.Item2) })),
        (2, from key in Gen.Elements("pool", "mkfsOptions", "preallocate", "csi.storage.k8s.io/fstype", "csi.storage.k8s.io/pvc/name")
            from value in Gen.OneOf(s_texts, Gen.Elements("images", "true", "ext4", "-b 4096", "-n", "-O ^has_journal"))
            select new[] { (key, value) }));

    private static readonly Gen<VolumeCapability?> s_capabilities = Gen.Frequency(
        (3, Gen.Constant<VolumeCapability?>(Mount())),
        (1, Gen.Elements<VolumeCapability?>(null, new VolumeCapability(), Block())),
        (3, from mode in Gen.Choose(-1, 9)
            from filesystem in Gen.OneOf(Gen.Elements("", "ext4", "xfs", "btrfs"), s_texts)
            from flags in Gen.OneOf(Gen.Elements("noatime", "ro", "bind", "exec,suid", "x=y", "data=journal"), s_texts).ListOf()
            select (VolumeCapability?)Mount((Mode)mode, filesystem, [.. flags])));

    private readonly Gen<string> paths = Gen.OneOf(
        Gen.Elements("free", "folder", "file", "link", "dangling", "staging", "link/x", "file/x", "folder/x", "missing/x", "../x", ".", "a//b", "state", "csi.sock")
            .Select(world.Driver.PathOf),
        Gen.Elements("/", "/etc/x", "/proc/1/root/x", "/tmp", "/var/lib/kubelet", "relative"),
        s_texts, s_texts.Select(static text => "/tmp/csilocal-tests-none/" + text));

    private Gen<string> Ids => Gen.Frequency(
        (3, Gen.Elements(world.Idle.VolumeId, world.Staged.VolumeId, CsiLocal.Volumes.VolumeId.Mint("never").Value)), (1, s_texts));

    [Fact(Timeout = Limit)]
    public Task CreateVolume_of_anything() => CheckAsync(
        from name in s_texts
        from sizes in s_sizes.Two()
        from capability in s_capabilities
        from parameters in s_maps
        from secrets in s_maps
        from source in Gen.Frequency((4, Gen.Constant("")), (1, Ids))
        select Request(name, sizes, capability, parameters, secrets, source),
        async request =>
        {
            using var call = world.Driver.Controller.CreateVolumeAsync(request);
            try
            {
                // Some of it makes sense after all.
                var made = (await call).Volume;
                if (made.VolumeId != world.Idle.VolumeId && made.VolumeId != world.Staged.VolumeId)
                    await world.Driver.Controller.DeleteVolumeAsync(new() { VolumeId = made.VolumeId });

                return null;
            }
            catch (RpcException e)
            {
                return e.Status;
            }
        });

    [Fact(Timeout = Limit)]
    public Task ControllerExpandVolume_of_anything() => CheckAsync(
        from id in Ids.Where(id => id != world.Idle.VolumeId && id != world.Staged.VolumeId)
        from sizes in s_sizes.Two()
        from capability in s_capabilities
        select new ControllerExpandVolumeRequest
        {
            VolumeId = id,
            CapacityRange = new() { RequiredBytes = sizes.Item1, LimitBytes = sizes.Item2 },
            VolumeCapability = capability,
        },
        request => BadInputWorld.StatusOfAsync(world.Driver.Controller.ControllerExpandVolumeAsync(request)));

    [Fact(Timeout = Limit)]
    public Task CreateSnapshot_of_anything() => CheckAsync(
        from name in s_texts
        from id in Ids.Where(id => id != world.Idle.VolumeId && id != world.Staged.VolumeId)
        from parameters in s_maps
        select Fill(new CreateSnapshotRequest { Name = name, SourceVolumeId = id }, parameters, static request => request.Parameters),
        request => BadInputWorld.StatusOfAsync(world.Driver.Controller.CreateSnapshotAsync(request)));

    [Fact(Timeout = Limit)]
    public Task Delete_of_what_is_not_there() => CheckAsync(
        s_texts,
        async text =>
        {
            await BadInputWorld.StatusOfAsync(world.Driver.Controller.DeleteSnapshotAsync(new() { SnapshotId = text }));
            return await BadInputWorld.StatusOfAsync(world.Driver.Controller.DeleteVolumeAsync(new() { VolumeId = text }));
        });

    [Fact(Timeout = Limit)]
    public Task NodeStageVolume_of_anything() => CheckAsync(
        from id in Ids
        from path in paths
        from capability in s_capabilities
        from context in s_maps
        select Fill(new NodeStageVolumeRequest { VolumeId = id, StagingTargetPath = path, VolumeCapability = capability }, context, static r => r.PublishContext),
        async request =>
        {
            var status = await BadInputWorld.StatusOfAsync(world.Driver.Node.NodeStageVolumeAsync(request));
            if (status is null && request.VolumeId == world.Idle.VolumeId)
            {
                await world.Driver.Node.NodeUnstageVolumeAsync(new() { VolumeId = request.VolumeId, StagingTargetPath = request.StagingTargetPath });
                RemoveFree(request.StagingTargetPath);
            }

            return status;
        });

    [Fact(Timeout = Limit)]
    public Task NodePublishVolume_of_anything() => CheckAsync(
        from id in Ids
        from staging in Gen.Frequency((3, Gen.Constant(world.StagingPath)), (1, paths))
        from path in paths
        from capability in s_capabilities
        from readOnly in Gen.Elements(true, false)
        select new NodePublishVolumeRequest
        {
            VolumeId = id,
            StagingTargetPath = staging,
            TargetPath = path,
            VolumeCapability = capability,
            Readonly = readOnly,
        },
        async request =>
        {
            var status = await BadInputWorld.StatusOfAsync(world.Driver.Node.NodePublishVolumeAsync(request));
            if (status is null)
            {
                await world.Driver.Node.NodeUnpublishVolumeAsync(new() { VolumeId = request.VolumeId, TargetPath = request.TargetPath });
                if (request.TargetPath == world.Driver.PathOf("folder"))
                    Directory.CreateDirectory(request.TargetPath);
            }

            return status;
        });

    [Fact(Timeout = Limit)]
    public Task Unstage_unpublish_and_growth_of_anything() => CheckAsync(
        from id in Ids
        from path in paths
        from sizes in s_sizes.Two()
        select (Id: id, Path: path, Sizes: sizes),
        async request =>
        {
            if (request.Path != world.StagingPath)
                await RefusedOrNothingAsync(world.Driver.Node.NodeUnstageVolumeAsync(new() { VolumeId = request.Id, StagingTargetPath = request.Path }));

            await RefusedOrNothingAsync(world.Driver.Node.NodeUnpublishVolumeAsync(new() { VolumeId = request.Id, TargetPath = request.Path }));
            return await BadInputWorld.StatusOfAsync(world.Driver.Node.NodeExpandVolumeAsync(new()
            {
                VolumeId = request.Id,
                VolumePath = request.Path,
                CapacityRange = new() { RequiredBytes = request.Sizes.Item1, LimitBytes = request.Sizes.Item2 },
            }));
        });

    private async Task CheckAsync<T>(Gen<T> requests, Func<T, Task<Status?>> call)
    {
        var before = await world.StateAsync();
        var property = Prop.ForAll(requests.ToArbitrary(), async request =>
        {
            Require(await call(request));
            Assert.Equal(before, await world.StateAsync());
        });
        await Task.Run(() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(150), property), TestContext.Current.CancellationToken);
    }

    private static async Task RefusedOrNothingAsync<T>(AsyncUnaryCall<T> call) => Require(await BadInputWorld.StatusOfAsync(call));

    private static void Require(Status? status)
    {
        if (status is not { } refused)
            return;

        Assert.True(s_expected.Contains(refused.StatusCode), refused.ToString());
        if (refused.StatusCode == StatusCode.InvalidArgument)
            Assert.True(s_fields.Any(field => refused.Detail.Contains(field, StringComparison.Ordinal)), refused.ToString());
    }

    private void RemoveFree(string path)
    {
        // CSI leaves the staging folder to the CO: it is the one who made it.
        if (path != world.Driver.PathOf("folder"))
            Directory.Delete(path);
    }

    private static CreateVolumeRequest Request(
        string name, (long, long) sizes, VolumeCapability? capability, (string, string)[] parameters, (string, string)[] secrets, string source)
    {
        var request = new CreateVolumeRequest { Name = name, CapacityRange = new() { RequiredBytes = sizes.Item1, LimitBytes = sizes.Item2 } };
        if (capability is not null)
            request.VolumeCapabilities.Add(capability);

        if (source.Length > 0)
            request.VolumeContentSource = new() { Volume = new() { VolumeId = source } };

        Fill(request, parameters, static request => request.Parameters);
        return Fill(request, secrets, static request => request.Secrets);
    }

    private static T Fill<T>(T request, (string Key, string Value)[] entries, Func<T, IDictionary<string, string>> map)
    {
        foreach (var (key, value) in entries)
            map(request)[key] = value;

        return request;
    }
}
