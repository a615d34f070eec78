using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.State;

public sealed class TrashTableTests : IDisposable
{
    private readonly StateFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_in_the_trash_comes_back_as_it_was_written_oldest_first()
    {
        var first = Item("a", 1) with { RestoreAs = "b" };
        var second = Item("a", 0) with { Id = TrashId.Of(Samples.Volume("c")), Erasing = true, Erase = EraseMode.Random };
        using (var store = _folder.Open())
        {
            store.PutTrash(first);
            store.PutTrash(second);
        }

        using var again = _folder.Open();
        Assert.Equal([second.Id, first.Id], again.AllTrash().Select(static item => item.Id));
        var found = again.FindTrash(first.Id)!;
        Assert.Equal(first with { Volume = found.Volume }, found);
        Assert.Equal(
            first.Volume with { Parameters = found.Volume.Parameters, MkfsOptions = found.Volume.MkfsOptions }, found.Volume);
        Assert.Equal(first.Volume.Parameters, found.Volume.Parameters);
        var other = again.FindTrash(second.Id)!;
        Assert.Equal(second with { Volume = other.Volume }, other);
        Assert.Equal((2, 0), (again.CountTrash("scratch"), again.CountTrash("other")));
    }

    [Fact]
    public void A_second_write_changes_when_and_how_it_is_erased()
    {
        using var store = _folder.Open();
        var item = Item("a", 0);
        store.PutTrash(item);

        store.PutTrash(item with { Erasing = true, Deadline = item.Deadline.AddHours(1), Erase = EraseMode.None, RestoreAs = "x" });

        var found = Assert.Single(store.TrashOfPool("scratch"));
        Assert.Equal((true, item.Deadline.AddHours(1), EraseMode.None, "x"), (found.Erasing, found.Deadline, found.Erase, found.RestoreAs));
    }

    [Fact]
    public void Its_task_goes_with_it_and_its_quota_id_is_given_to_nobody_else()
    {
        using var store = _folder.Open();
        var item = Item("a", 0) with { Volume = Samples.Volume("a") with { ProjectId = 2_000_000 } };
        store.PutTrash(item);
        store.PutTask(Samples.Task(item.Id.Value) with { Kind = TaskKind.Erase, SourceId = item.Id.Value });

        store.RemoveTrash(item.Id);
        store.RemoveTrash(item.Id);

        Assert.Empty(store.AllTrash());
        Assert.Empty(store.AllTasks());
        Assert.Equal(2_000_001u, store.AllocateProjectId("scratch"));
    }

    private static TrashRecord Item(string name, int minutes) => new()
    {
        Id = TrashId.Of(Samples.Volume(name)),
        Volume = Samples.Volume(name),
        DeletedAt = Samples.Time.AddMinutes(minutes),
        Deadline = Samples.Time.AddDays(1),
        Erase = EraseMode.Discard,
    };
}
