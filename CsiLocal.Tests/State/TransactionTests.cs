using CsiLocal.State;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.State;

public sealed class TransactionTests : IDisposable
{
    private readonly StateFolder _folder = new();
    private readonly StateStore _store;

    public TransactionTests()
    {
        _store = _folder.Open();
        _store.InsertVolume(Samples.Volume("a"));
    }

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    [Fact(Timeout = 10_000)]
    public Task All_of_it_is_committed_together()
    {
        _store.PutTask(Samples.Task(VolumeId.Mint("a").Value));

        _store.InTransaction(() =>
        {
            _store.UpdateVolume(Samples.Volume("a") with { SizeBytes = 7 });
            _store.RemoveTask(VolumeId.Mint("a").Value);
            Assert.Equal(7, _store.FindVolume(VolumeId.Mint("a"))!.SizeBytes);
            Assert.Equal(1L << 30, _folder.Number("SELECT size_bytes FROM volumes"));
        });

        Assert.Equal(7, _folder.Number("SELECT size_bytes FROM volumes"));
        Assert.Empty(_store.AllTasks());
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task An_exception_undoes_all_of_it_and_passes_through()
    {
        Assert.Throws<TimeoutException>(() => _store.InTransaction(() =>
        {
            _store.InsertVolume(Samples.Volume("b"));
            _store.InTransaction(() => _store.RemoveVolume(VolumeId.Mint("a")));
            throw new TimeoutException();
        }));

        Assert.Equal(["a"], _store.AllVolumes().Select(v => v.Name));
        _store.InsertVolume(Samples.Volume("c"));
        Assert.Equal(2, _folder.Number("SELECT COUNT(*) FROM volumes"));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task A_transaction_inside_another_joins_it()
    {
        _store.InTransaction(() =>
        {
            _store.InTransaction(() => _store.InsertVolume(Samples.Volume("b")));
            Assert.Equal(1, _folder.Number("SELECT COUNT(*) FROM volumes"));
        });

        Assert.Equal(2, _folder.Number("SELECT COUNT(*) FROM volumes"));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task A_failed_write_that_is_swallowed_still_undoes_the_whole()
    {
        var error = Assert.Throws<StorageException>(() => _store.InTransaction(() =>
        {
            _store.InsertVolume(Samples.Volume("b"));
            Assert.Throws<StorageException>(() => _store.InsertVolume(Samples.Volume("a")));
            Assert.Throws<StorageException>(() => _store.InsertVolume(Samples.Volume("c")));
        }));

        Assert.Equal(StorageError.Internal, error.Error);
        Assert.Equal(["a"], _store.AllVolumes().Select(v => v.Name));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 20_000)]
    public async Task Readers_do_not_wait_for_a_writer()
    {
        using var held = new SemaphoreSlim(0);
        using var release = new ManualResetEventSlim();
        var writer = Task.Run(() => _store.InTransaction(() =>
        {
            _store.InsertVolume(Samples.Volume("b"));
            held.Release();
            release.Wait(TestContext.Current.CancellationToken);
        }), TestContext.Current.CancellationToken);
        await held.WaitAsync(TestContext.Current.CancellationToken);

        var seen = await Task.Run(() => _store.ListVolumes(0, 0, readyOnly: false).Items.Count, TestContext.Current.CancellationToken);
        var found = await Task.Run(() => _store.FindVolume(VolumeId.Mint("b")), TestContext.Current.CancellationToken);
        release.Set();
        await writer;

        Assert.Equal(1, seen);
        Assert.Null(found);
        Assert.NotNull(_store.FindVolume(VolumeId.Mint("b")));
    }

    [Fact(Timeout = 60_000)]
    public async Task Eight_threads_at_once_lose_nothing()
    {
        const int threads = 8;
        const int each = 40;
        await Task.WhenAll(Enumerable.Range(0, threads).Select(t => Task.Run(() =>
        {
            for (var i = 0; i < each; i++)
            {
                var volume = Samples.Volume($"pvc-{t}-{i}");
                _store.InsertVolume(volume);
                Assert.NotNull(_store.FindVolume(volume.Id));
                _store.InTransaction(() =>
                {
                    _store.UpdateVolume(volume with { SizeBytes = i });
                    _store.PutPublication(Samples.Publication(volume.Name, $"/{t}/{i}"));
                });
                _store.RecordEvent(volume.Id.Value, "made", "test");
                _ = _store.ListVolumes(0, 10, readyOnly: true);
                if (i % 2 == 0)
                    _store.RemoveVolume(volume.Id);
            }
        }, TestContext.Current.CancellationToken)));

        Assert.Equal(1 + (threads * each / 2), _store.AllVolumes().Count);
        Assert.Equal(threads * each / 2, _store.PublishedVolumes().Count);
        _store.Flush();
        Assert.Equal(threads * each, _folder.Number("SELECT COUNT(*) FROM events"));
    }

    [Fact(Timeout = 60_000)]
    public async Task Quota_ids_are_unique_under_parallel_callers_and_start_above_the_administrators()
    {
        var ids = await Task.WhenAll(Enumerable.Range(0, 8).Select(t => Task.Run(
            () => Enumerable.Range(0, 50).Select(_ => _store.AllocateProjectId(t % 2 == 0 ? "one" : "two")).ToList(),
            TestContext.Current.CancellationToken)));

        var all = ids.SelectMany(list => list).ToList();
        Assert.Equal(400, all.Distinct().Count());
        Assert.Equal(StateStore.FirstProjectId, all.Min());
    }

    [Fact(Timeout = 10_000)]
    public Task A_quota_id_does_not_come_back_after_its_volume_is_gone_or_the_store_reopened()
    {
        using var folder = new StateFolder();
        uint first;
        using (var store = folder.Open())
        {
            first = store.AllocateProjectId("p");
            store.InsertVolume(Samples.Volume("a", "p") with { ProjectId = first });
            store.RemoveVolume(VolumeId.Mint("a"));
            store.RemovePool("p");
        }

        using var again = folder.Open();

        Assert.Equal(first + 1, again.AllocateProjectId("p"));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task An_adopted_record_keeps_its_quota_id_to_itself()
    {
        _store.InsertVolume(Samples.Volume("adopted", "p") with { ProjectId = 1_000_500 });
        _store.InsertSnapshot(Samples.Snapshot("adopted", pool: "q") with { ProjectId = 1_000_700 });

        Assert.Equal(1_000_701u, _store.AllocateProjectId("p"));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task A_quota_id_allotted_in_a_transaction_that_fails_is_given_out_again()
    {
        uint lost = 0;
        Assert.Throws<TimeoutException>(() => _store.InTransaction(() =>
        {
            lost = _store.AllocateProjectId("p");
            throw new TimeoutException();
        }));

        Assert.Equal(lost, _store.AllocateProjectId("p"));
        return Task.CompletedTask;
    }
}
