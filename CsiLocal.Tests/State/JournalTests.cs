using CsiLocal.Diagnostics;
using CsiLocal.State;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.State;

public sealed class JournalTests : IDisposable
{
    private static readonly string _target = VolumeId.Mint("pvc-1").Value;

    private readonly StateFolder _folder = new();
    private StateStore _store;

    public JournalTests() => _store = _folder.Open();

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    [Fact(Timeout = 10_000)]
    public Task Entries_wait_in_memory_for_the_next_commit()
    {
        var id = _store.BeginOperation(new CallEntry("CreateVolume", _target, "uid 0"));
        _store.EndOperation(id, "OK", null);
        Assert.Equal(0, _folder.Number("SELECT COUNT(*) FROM operations"));

        _store.SetBootId("any commit");

        Assert.Equal(1, _folder.Number("SELECT COUNT(*) FROM operations WHERE status = 'OK'"));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Flush_commits_them_and_touches_no_disk_where_nothing_waits()
    {
        _store.RecordEvent(_target, "Creating -> Ready", "CreateVolume");
        _store.Flush();
        Assert.Equal(1, _folder.Number("SELECT COUNT(*) FROM events"));
        var log = new FileInfo(_folder.File + "-wal").Length;

        _store.Flush();

        Assert.Equal(log, new FileInfo(_folder.File + "-wal").Length);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task A_rollback_keeps_them_waiting_in_order()
    {
        var id = _store.BeginOperation(new CallEntry("DeleteVolume", _target, null));
        Assert.Throws<TimeoutException>(() => _store.InTransaction(() => throw new TimeoutException()));
        Assert.Throws<StorageException>(() => _store.UpdateVolume(Samples.Volume("none")));
        _store.EndOperation(id, "NOT_FOUND", "no such volume");

        var operation = Assert.IsType<HistoryEntry.Operation>(Assert.Single(_store.HistoryOf(_target)));

        Assert.Equal("NOT_FOUND", operation.Status);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task The_history_tells_calls_with_their_commands_and_changes_in_order()
    {
        var create = _store.BeginOperation(new CallEntry("CreateVolume", _target, "uid 0"));
        var command = new CommandEntry
        {
            OperationId = create,
            Program = "mkfs.ext4",
            Arguments = ["-F", "a b", "ä"],
            ExitCode = 1,
            Duration = TimeSpan.FromMicroseconds(1234),
            Summary = "exit code 1: no",
            StartedAt = _folder.Clock.GetUtcNow(),
        };
        var hung = command with { ExitCode = null, Failure = ToolFailure.TimedOut, Summary = null };
        _store.RecordCommand(command);
        _store.RecordCommand(hung);
        _folder.Clock.Advance(TimeSpan.FromSeconds(1));
        _store.RecordEvent(_target, "Creating -> Ready", "CreateVolume");
        _store.EndOperation(create, "OK", null);
        _folder.Clock.Advance(TimeSpan.FromSeconds(1));
        _store.BeginOperation(new CallEntry("DeleteVolume", _target, null));
        _store.BeginOperation(new CallEntry("DeleteVolume", "another", null));

        var history = _store.HistoryOf(_target);

        Assert.Equal(3, history.Count);
        var first = Assert.IsType<HistoryEntry.Operation>(history[0]);
        Assert.Equal(("CreateVolume", "uid 0", "OK"), (first.Rpc, first.Peer, first.Status));
        Assert.Equal(TimeSpan.FromSeconds(1), first.FinishedAt - first.At);
        Assert.Equal(command.Arguments, first.Commands[0].Arguments);
        Assert.Equal(command, first.Commands[0] with { Arguments = command.Arguments });
        Assert.Equal(hung, first.Commands[1] with { Arguments = command.Arguments });
        Assert.Equal("Creating -> Ready", Assert.IsType<HistoryEntry.Event>(history[1]).What);
        Assert.Null(Assert.IsType<HistoryEntry.Operation>(history[2]).Status);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Changes_and_commands_are_filed_under_the_call_that_is_served()
    {
        var create = _store.BeginOperation(new CallEntry("CreateVolume", _target, null) { Name = "pvc-1" });
        OperationScope.Current = create;
        _store.RecordEvent(_target, "is ready", "why");
        OperationScope.Current = null;
        _store.RecordEvent(_target, "is found", "why");

        var changes = _store.HistoryOf(_target).OfType<HistoryEntry.Event>().ToArray();

        Assert.Equal([create, null], changes.Select(static change => change.OperationId));
        Assert.Equal("pvc-1", _store.LastNameOf(_target));
        Assert.True(_store.HasHistory(_target));
        Assert.False(_store.HasHistory(VolumeId.Mint("pvc-2").Value));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Of_a_source_the_calls_that_read_from_it_are_told_without_their_commands()
    {
        var snapshot = SnapshotId.Mint("monday").Value;
        var cut = _store.BeginOperation(new CallEntry("CreateSnapshot", snapshot, null) { Name = "monday", Source = _target });
        _store.RecordCommand(Command("cp") with { OperationId = cut });

        var ofSource = Assert.IsType<HistoryEntry.Operation>(Assert.Single(_store.HistoryOf(_target)));
        var ofSnapshot = Assert.IsType<HistoryEntry.Operation>(Assert.Single(_store.HistoryOf(snapshot)));

        Assert.Equal((snapshot, "monday"), (ofSource.Target, ofSource.Name));
        Assert.Empty(ofSource.Commands);
        Assert.Single(ofSnapshot.Commands);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task A_command_of_no_call_is_found_by_what_it_was_run_for()
    {
        _store.RecordCommand(Command("umount") with { Target = _target });
        _store.RecordCommand(Command("umount"));

        var command = Assert.IsType<HistoryEntry.Command>(Assert.Single(_store.HistoryOf(_target)));

        Assert.Equal("umount", command.Entry.Program);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Earlier_than_asked_for_is_left_out()
    {
        var first = _store.BeginOperation(new CallEntry("CreateVolume", _target, null));
        _store.RecordCommand(Command("mkfs") with { OperationId = first });
        _store.RecordEvent(_target, "is ready", "why");
        _folder.Clock.Advance(TimeSpan.FromHours(1));
        var since = _folder.Clock.GetUtcNow();
        _store.BeginOperation(new CallEntry("DeleteVolume", _target, null));

        var operation = Assert.IsType<HistoryEntry.Operation>(Assert.Single(_store.HistoryOf(_target, since)));

        Assert.Equal("DeleteVolume", operation.Rpc);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Closing_writes_what_waits_and_ids_go_on_after_opening()
    {
        var first = _store.BeginOperation(new CallEntry("CreateVolume", _target, null));
        _store.Dispose();
        _store = _folder.Open();

        Assert.Equal(first + 1, _store.BeginOperation(new CallEntry("CreateVolume", _target, null)));
        Assert.Equal(2, _store.HistoryOf(_target).Count);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 20_000)]
    public Task Pruning_removes_what_is_older_than_its_time_and_nothing_else()
    {
        _store.InsertVolume(Samples.Volume("pvc-1"));
        Journal(1200);
        _folder.Clock.Advance(TimeSpan.FromDays(31));
        Journal(3);

        var pruned = _store.PruneJournal(TimeSpan.FromDays(30));

        Assert.Equal(3 * 1200, pruned);
        foreach (var table in new[] { "operations", "commands", "events" })
            Assert.Equal(3, _folder.Number($"SELECT COUNT(*) FROM {table}"));
        Assert.Equal(6, _store.HistoryOf(_target).Count);
        Assert.Single(_store.AllVolumes());
        Assert.Equal(0, _store.PruneJournal(TimeSpan.FromDays(30)));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task The_buffer_is_bounded_and_says_what_it_dropped()
    {
        var buffer = new JournalBuffer(0);
        for (var i = 0; i < JournalBuffer.Capacity + 10; i++)
            buffer.Add(new JournalWrite.Event("t", $"{i}", "", null, Samples.Time));

        Assert.Equal(JournalBuffer.Capacity, buffer.Count);
        Assert.Equal(10, buffer.Dropped);
        var taken = buffer.Take(2);
        Assert.Equal("10", Assert.IsType<JournalWrite.Event>(taken[0]).What);
        buffer.PutBack(taken);
        Assert.Equal("10", Assert.IsType<JournalWrite.Event>(buffer.Take(1)[0]).What);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Long_messages_are_cut()
    {
        var id = _store.BeginOperation(new CallEntry("CreateVolume", _target, null));
        _store.EndOperation(id, "INTERNAL", new string('x', 100_000));

        var operation = Assert.IsType<HistoryEntry.Operation>(Assert.Single(_store.HistoryOf(_target)));

        Assert.Equal(StateStore.MaxJournalText, operation.Message!.Length);
        return Task.CompletedTask;
    }

    private CommandEntry Command(string program) => new()
    {
        Program = program,
        Arguments = [],
        ExitCode = 0,
        Duration = default,
        StartedAt = _folder.Clock.GetUtcNow(),
    };

    private void Journal(int times)
    {
        for (var i = 0; i < times; i++)
        {
            var id = _store.BeginOperation(new CallEntry("CreateVolume", _target, null));
            _store.RecordCommand(Command("true") with { OperationId = id });
            _store.RecordEvent(_target, "what", "why");
        }

        _store.Flush();
    }
}
