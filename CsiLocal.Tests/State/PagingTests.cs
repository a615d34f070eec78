using CsiLocal.State;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.State;

public sealed class PagingTests : IDisposable
{
    private readonly StateFolder _folder = new();
    private readonly StateStore _store;

    public PagingTests() => _store = _folder.Open();

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    [Theory(Timeout = 10_000)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(10)]
    [InlineData(11)]
    [InlineData(0)]
    [InlineData(int.MaxValue)]
    public Task Pages_cover_everything_once_in_order_of_creation(int limit)
    {
        for (var i = 0; i < 10; i++)
            _store.InsertVolume(Samples.Volume($"pvc-{i}"));

        var names = new List<string>();
        for (long? after = 0; after is { } sequence;)
        {
            var page = _store.ListVolumes(sequence, limit, readyOnly: false);
            Assert.True(limit == 0 || page.Items.Count <= limit);
            names.AddRange(page.Items.Select(v => v.Name));
            after = page.NextSequence;
        }

        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"pvc-{i}"), names);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task A_volume_that_stays_is_neither_missed_nor_repeated_whatever_comes_and_goes()
    {
        for (var i = 0; i < 30; i++)
            _store.InsertVolume(Samples.Volume($"stays-{i}"));
        for (var i = 0; i < 30; i++)
            _store.InsertVolume(Samples.Volume($"goes-{i}"));

        var seen = new List<string>();
        var round = 0;
        for (long? after = 0; after is { } sequence; round++)
        {
            var page = _store.ListVolumes(sequence, 7, readyOnly: false);
            seen.AddRange(page.Items.Select(v => v.Name));
            after = page.NextSequence;
            _store.RemoveVolume(VolumeId.Mint($"goes-{round}"));
            if (round < 5)
                _store.InsertVolume(Samples.Volume($"comes-{round}"));
        }

        Assert.Equal(seen.Count, seen.Distinct().Count());
        Assert.Equal(30, seen.Count(name => name.StartsWith("stays", StringComparison.Ordinal)));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task The_position_of_a_removed_volume_is_still_a_position()
    {
        for (var i = 0; i < 4; i++)
            _store.InsertVolume(Samples.Volume($"pvc-{i}"));
        var next = _store.ListVolumes(0, 2, readyOnly: false).NextSequence!.Value;

        _store.RemoveVolume(VolumeId.Mint("pvc-1"));
        _store.RemoveVolume(VolumeId.Mint("pvc-3"));
        _store.InsertVolume(Samples.Volume("pvc-4"));

        Assert.Equal(["pvc-2", "pvc-4"], _store.ListVolumes(next, 0, readyOnly: false).Items.Select(v => v.Name));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Only_ready_ones_are_listed_where_that_is_asked_for()
    {
        _store.InsertVolume(Samples.Volume("creating") with { State = VolumeState.Creating });
        _store.InsertVolume(Samples.Volume("ready"));
        _store.InsertVolume(Samples.Volume("deleting") with { State = VolumeState.Deleting });
        _store.InsertSnapshot(Samples.Snapshot("s-creating") with { State = SnapshotState.Creating });
        _store.InsertSnapshot(Samples.Snapshot("s-ready"));

        var page = _store.ListVolumes(0, 1, readyOnly: true);

        Assert.Equal(["ready"], page.Items.Select(v => v.Name));
        Assert.Null(page.NextSequence);
        Assert.Equal(["s-ready"], _store.ListSnapshots(0, 0, null, readyOnly: true).Items.Select(s => s.Name));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Snapshots_are_paged_by_source_or_all_together()
    {
        for (var i = 0; i < 6; i++)
            _store.InsertSnapshot(Samples.Snapshot($"snap-{i}", source: i % 2 == 0 ? "even" : "odd"));

        var first = _store.ListSnapshots(0, 2, VolumeId.Mint("odd"), readyOnly: false);
        var second = _store.ListSnapshots(first.NextSequence!.Value, 2, VolumeId.Mint("odd"), readyOnly: false);

        Assert.Equal(["snap-1", "snap-3"], first.Items.Select(s => s.Name));
        Assert.Equal(["snap-5"], second.Items.Select(s => s.Name));
        Assert.Null(second.NextSequence);
        Assert.Equal(6, _store.ListSnapshots(0, 0, null, readyOnly: false).Items.Count);
        Assert.Empty(_store.ListSnapshots(0, 0, VolumeId.Mint("none"), readyOnly: false).Items);
        return Task.CompletedTask;
    }
}
