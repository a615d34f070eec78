using CsiLocal.State;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.State;

public sealed class StateStoreTests : IDisposable
{
    private readonly StateFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact(Timeout = 10_000)]
    public Task The_folder_and_its_files_are_for_this_user_only()
    {
        using var store = _folder.Open();
        store.SetBootId("boot");

        Assert.Equal("700", Convert.ToString((int)File.GetUnixFileMode(_folder.Path), 8));
        foreach (var file in Directory.GetFiles(_folder.Path))
            Assert.Equal("600", Convert.ToString((int)File.GetUnixFileMode(file), 8));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Opening_again_keeps_the_state_id_and_the_boot_id()
    {
        string id;
        using (var store = _folder.Open())
        {
            id = store.StateId;
            Assert.True(store.IsFresh);
            Assert.Null(store.LastBootId);
            store.SetBootId("boot-1");
            Assert.Equal("boot-1", store.LastBootId);
        }

        using var again = _folder.Open();

        Assert.Equal(id, again.StateId);
        Assert.Equal("boot-1", again.LastBootId);
        Assert.False(again.IsFresh);
        Assert.Null(again.DamagedFileSetAside);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Closing_leaves_one_file()
    {
        var store = _folder.Open();
        store.InsertVolume(Samples.Volume("pvc-1"));
        _ = store.AllVolumes();
        store.Dispose();

        Assert.Equal([_folder.File], Directory.GetFiles(_folder.Path));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task A_checkpoint_empties_the_log()
    {
        using var store = _folder.Open();
        store.InsertVolume(Samples.Volume("pvc-1"));

        store.Checkpoint();

        Assert.Equal(0, new FileInfo(_folder.File + "-wal").Length);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task A_closed_store_says_so()
    {
        var store = _folder.Open();
        store.Dispose();
        store.Dispose();

        Assert.Throws<ObjectDisposedException>(store.AllVolumes);
        Assert.Throws<ObjectDisposedException>(() => store.SetBootId("b"));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Inserting_an_id_twice_is_refused_and_keeps_the_first()
    {
        using var store = _folder.Open();
        store.InsertVolume(Samples.Volume("pvc-1"));
        store.InsertSnapshot(Samples.Snapshot("snap-1"));

        var volume = Assert.Throws<StorageException>(() => store.InsertVolume(Samples.Volume("pvc-1") with { SizeBytes = 5 }));
        var snapshot = Assert.Throws<StorageException>(() => store.InsertSnapshot(Samples.Snapshot("snap-1")));

        Assert.Equal(StorageError.AlreadyExists, volume.Error);
        Assert.Equal(StorageError.AlreadyExists, snapshot.Error);
        Assert.Contains(VolumeId.Mint("pvc-1").Value, volume.Message, StringComparison.Ordinal);
        Assert.Equal(1L << 30, store.FindVolume(VolumeId.Mint("pvc-1"))!.SizeBytes);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Updating_what_is_not_there_is_refused()
    {
        using var store = _folder.Open();

        Assert.Equal(StorageError.NotFound, Assert.Throws<StorageException>(() => store.UpdateVolume(Samples.Volume("x"))).Error);
        Assert.Equal(StorageError.NotFound, Assert.Throws<StorageException>(() => store.UpdateSnapshot(Samples.Snapshot("x"))).Error);
        Assert.Empty(store.AllVolumes());
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task A_value_outside_its_range_is_refused_by_the_table()
    {
        using var store = _folder.Open();

        Assert.Throws<StorageException>(() => store.InsertVolume(Samples.Volume("x") with { SizeBytes = -1 }));
        Assert.Empty(store.AllVolumes());
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Removing_a_volume_takes_its_publications_and_task_along_and_no_others()
    {
        using var store = _folder.Open();
        store.InsertVolume(Samples.Volume("a"));
        store.InsertVolume(Samples.Volume("b"));
        store.PutPublication(Samples.Publication("a", "/a/stage", PublicationKind.Stage));
        store.PutPublication(Samples.Publication("a", "/a/target"));
        store.PutPublication(Samples.Publication("b", "/b/target"));
        store.PutTask(Samples.Task(VolumeId.Mint("a").Value));
        store.PutTask(Samples.Task(VolumeId.Mint("b").Value));

        store.RemoveVolume(VolumeId.Mint("a"));
        store.RemoveVolume(VolumeId.Mint("a"));

        Assert.Equal(["/b/target"], store.AllPublications().Select(p => p.Path));
        Assert.Equal([VolumeId.Mint("b").Value], store.AllTasks().Select(t => t.TargetId));
        Assert.Equal(["b"], store.AllVolumes().Select(v => v.Name));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Removing_a_snapshot_takes_its_task_along()
    {
        using var store = _folder.Open();
        store.InsertSnapshot(Samples.Snapshot("s"));
        store.PutTask(Samples.Task(SnapshotId.Mint("s").Value));

        store.RemoveSnapshot(SnapshotId.Mint("s"));

        Assert.Empty(store.AllSnapshots());
        Assert.Empty(store.AllTasks());
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task A_publication_is_replaced_by_volume_kind_and_path()
    {
        using var store = _folder.Open();
        store.InsertVolume(Samples.Volume("a"));
        var intent = Samples.Publication("a", "/p", PublicationKind.Stage) with { Done = false };

        store.PutPublication(intent);
        store.PutPublication(intent with { Done = true });
        store.PutPublication(Samples.Publication("a", "/p") with { Done = false });

        Assert.Equal([PublicationKind.Stage, PublicationKind.Publish], store.PublicationsOf(intent.Volume).Select(p => p.Kind));
        Assert.Equal(PublicationKind.Stage, store.FindPublicationAt("/p")!.Kind);
        Assert.Null(store.FindPublicationAt("/q"));
        Assert.Equal([intent.Volume], store.PublishedVolumes());

        store.RemovePublication(intent.Volume, PublicationKind.Stage, "/p");

        Assert.Equal(PublicationKind.Publish, Assert.Single(store.AllPublications()).Kind);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task A_publication_needs_its_volume()
    {
        using var store = _folder.Open();

        var error = Assert.Throws<StorageException>(() => store.PutPublication(Samples.Publication("a", "/p")));

        Assert.Equal(StorageError.NotFound, error.Error);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Pools_are_counted_and_listed_apart()
    {
        using var store = _folder.Open();
        store.InsertVolume(Samples.Volume("a", "one"));
        store.InsertVolume(Samples.Volume("b", "two"));
        store.InsertVolume(Samples.Volume("c", "one"));
        store.InsertSnapshot(Samples.Snapshot("s", pool: "two"));
        store.PutPool(new PoolRow("one", BackendKind.Image, "/one", "i1"));
        store.PutPool(new PoolRow("one", BackendKind.Image, "/one", "i2", "node-a"));

        Assert.Equal(2, store.CountVolumes("one"));
        Assert.Equal(["a", "c"], store.VolumesOfPool("one").Select(v => v.Name));
        Assert.Equal(0, store.CountSnapshots("one"));
        Assert.Equal(["s"], store.SnapshotsOfPool("two").Select(s => s.Name));
        Assert.Equal("i2", store.PoolIdentity("one"));

        store.RemovePool("one");

        Assert.Null(store.PoolIdentity("one"));
        Assert.Equal(2, store.CountVolumes("one"));
        return Task.CompletedTask;
    }
}
