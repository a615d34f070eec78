using System.Globalization;
using CsiLocal.State;
using CsiLocal.Volumes;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace CsiLocal.Tests.State;

public sealed class RoundTripTests
{
    private static readonly Gen<string> _texts = Gen.OneOf(
        Gen.Elements("", "pvc-1", "ä€😀", "a\nb\t\"'\\", "'; DROP TABLE volumes; --", "\u0001\u007f", "{}", "[]", "a\0b", "\0", new string('x', 10_000)),
        ArbMap.Default.GeneratorFor<Guid>().Select(g => g.ToString()));

    private static readonly Gen<long> _sizes = Gen.OneOf(Gen.Elements(0L, 1L, long.MaxValue), Gen.Choose(0, int.MaxValue).Select(n => n * 4096L));

    private static readonly Gen<DateTimeOffset> _times =
        Gen.Choose(0, int.MaxValue).Two().Select(n => Samples.Time.AddSeconds(n.Item1).AddTicks(n.Item2));

    private static readonly Gen<ContentSource?> _sources = _texts.SelectMany(name => Gen.Elements<ContentSource?>(
        null, new ContentSource.FromVolume(VolumeId.Mint(name)), new ContentSource.FromSnapshot(SnapshotId.Mint(name))));

    private static readonly Gen<VolumeRecord> _volumes =
        from name in _texts
        from pool in _texts
        from sizes in _sizes.Three()
        from pending in Optional(_sizes)
        from access in Gen.Elements(Enum.GetValues<AccessType>())
        from backend in Gen.Elements(Enum.GetValues<BackendKind>())
        from filesystem in Optional(Gen.Elements(Enum.GetValues<FilesystemType>()))
        from uuid in Optional(ArbMap.Default.GeneratorFor<Guid>())
        from format in Gen.Elements(Enum.GetValues<FormatState>())
        from formattedAt in Optional(_times)
        from options in _texts.ListOf()
        from keys in _texts.ListOf()
        from source in _sources
        from preallocated in Gen.Elements(true, false)
        from project in Optional(Gen.Elements(0u, 1_000_000u, uint.MaxValue - 1))
        from state in Gen.Elements(Enum.GetValues<VolumeState>())
        from createdAt in _times
        select new VolumeRecord
        {
            Id = VolumeId.Mint(name),
            Name = name,
            Pool = pool,
            Backend = backend,
            SizeBytes = sizes.Item1,
            PendingSizeBytes = pending,
            Access = access,
            Filesystem = filesystem,
            FilesystemUuid = uuid,
            Format = format,
            FormattedAt = formattedAt,
            MkfsOptions = [.. options],
            Parameters = keys.Distinct().ToDictionary(key => key, key => key + "!"),
            Source = source,
            Preallocated = preallocated,
            ProjectId = project,
            SharedBytes = sizes.Item2,
            State = state,
            CreatedAt = createdAt,
        };

    private static readonly Gen<SnapshotRecord> _snapshots =
        from volume in _volumes
        from name in _texts
        from state in Gen.Elements(Enum.GetValues<SnapshotState>())
        select new SnapshotRecord
        {
            Id = SnapshotId.Mint(name),
            Name = name,
            SourceVolume = volume.Id,
            Pool = volume.Pool,
            Backend = volume.Backend,
            SizeBytes = volume.SizeBytes,
            Access = volume.Access,
            Filesystem = volume.Filesystem,
            FilesystemUuid = volume.FilesystemUuid,
            Format = volume.Format,
            ProjectId = volume.ProjectId,
            SharedBytes = volume.SharedBytes,
            State = state,
            CreatedAt = volume.CreatedAt,
        };

    [Fact(Timeout = 60_000)]
    public Task A_volume_comes_back_as_it_was_inserted()
    {
        using var folder = new StateFolder();
        using var store = folder.Open();

        Prop.ForAll(_volumes.ToArbitrary(), volume =>
        {
            store.InsertVolume(volume);
            AssertSame(volume, store.FindVolume(volume.Id));
            store.RemoveVolume(volume.Id);
            return store.FindVolume(volume.Id) is null;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(200));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 60_000)]
    public Task A_volume_comes_back_as_it_was_updated()
    {
        using var folder = new StateFolder();
        using var store = folder.Open();
        store.InsertVolume(Samples.Volume("pvc-1"));

        Prop.ForAll(_volumes.ToArbitrary(), other =>
        {
            var updated = other with { Id = VolumeId.Mint("pvc-1") };
            store.UpdateVolume(updated);
            AssertSame(updated, store.FindVolume(updated.Id));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(100));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 60_000)]
    public Task A_snapshot_comes_back_as_it_was_inserted_and_updated()
    {
        using var folder = new StateFolder();
        using var store = folder.Open();

        Prop.ForAll(_snapshots.Two().ToArbitrary(), two =>
        {
            store.InsertSnapshot(two.Item1);
            Assert.Equal(two.Item1, store.FindSnapshot(two.Item1.Id));
            var updated = two.Item2 with { Id = two.Item1.Id };
            store.UpdateSnapshot(updated);
            Assert.Equal(updated, store.FindSnapshot(updated.Id));
            store.RemoveSnapshot(updated.Id);
            return store.FindSnapshot(updated.Id) is null;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(100));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Publications_tasks_and_pools_come_back_as_they_were_put()
    {
        using var folder = new StateFolder();
        var publication = Samples.Publication("pvc-1", "/var/lib/kubelet/pods/x y/ä") with
        {
            MountFlags = ["noatime", "a=\"b\""],
            ReadOnly = true,
            Done = false,
            Mode = AccessMode.SingleNodeMultiWriter,
        };
        var task = Samples.Task(VolumeId.Mint("pvc-1").Value) with { FrozenPath = "/mnt/a", Error = "no\nluck" };
        using (var store = folder.Open())
        {
            store.InsertVolume(Samples.Volume("pvc-1"));
            store.PutPublication(publication);
            store.PutTask(task);
            store.PutPool(new PoolRow("scratch", BackendKind.Directory, "/srv/pool", "identity", "node-a"));
        }

        using var reopened = folder.Open();

        var found = Assert.Single(reopened.PublicationsOf(publication.Volume));
        Assert.Equal(publication.MountFlags, found.MountFlags);
        Assert.Equal(publication, found with { MountFlags = publication.MountFlags });
        Assert.Equal(task, reopened.FindTask(task.TargetId));
        Assert.Equal([task], reopened.AllTasks());
        Assert.Equal([new PoolRow("scratch", BackendKind.Directory, "/srv/pool", "identity", "node-a")], reopened.AllPools());
        Assert.Equal("identity", reopened.PoolIdentity("scratch"));
        return Task.CompletedTask;
    }

    [Theory(Timeout = 10_000)]
    [InlineData("2026-02-03T04:05:06.7890123+02:00")]
    [InlineData("0001-01-01T00:00:00.0000000+00:00")]
    [InlineData("9999-12-31T23:59:59.9999999+00:00")]
    public Task A_time_keeps_its_last_digit_and_becomes_utc(string text)
    {
        var time = DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);

        var read = Columns.Time(Columns.Text(time));

        Assert.Equal(time, read);
        Assert.Equal(TimeSpan.Zero, read.Offset);
        Assert.Equal(28, Columns.Text(time).Length);
        return Task.CompletedTask;
    }

    private static Gen<T?> Optional<T>(Gen<T> values)
        where T : struct => Gen.OneOf(Gen.Constant((T?)null), values.Select(value => (T?)value));

    private static void AssertSame(VolumeRecord expected, VolumeRecord? actual)
    {
        Assert.NotNull(actual);
        Assert.Equal(expected.MkfsOptions, actual.MkfsOptions);
        Assert.Equal(expected.Parameters, actual.Parameters);
        Assert.Equal(expected, actual with { MkfsOptions = expected.MkfsOptions, Parameters = expected.Parameters });
    }
}
