using CsiLocal.Volumes;
using Microsoft.Data.Sqlite;

namespace CsiLocal.State;

internal sealed partial class StateStore
{
    private const string TaskColumns = "target_id, kind, source_id, done_bytes, total_bytes, frozen_path, error, started_at";

    /// <param name="targetId">Id of the volume or snapshot being filled.</param>
    public TaskRecord? FindTask(string targetId) => Read($"find the task of {targetId}", db => db.QueryFirst(
        $"SELECT {TaskColumns} FROM tasks WHERE target_id = @target", ReadTask, ("@target", targetId)));

    /// <summary>Inserts the task, or replaces that of the same target.</summary>
    public void PutTask(TaskRecord task) => Write($"record the task of {task.TargetId}", db => db.Execute(
        $"""
        INSERT INTO tasks ({TaskColumns})
        VALUES (@target, @kind, @source, @doneBytes, @totalBytes, @frozenPath, @error, @startedAt)
        ON CONFLICT (target_id) DO UPDATE SET kind = excluded.kind, source_id = excluded.source_id,
            done_bytes = excluded.done_bytes, total_bytes = excluded.total_bytes, frozen_path = excluded.frozen_path,
            error = excluded.error, started_at = excluded.started_at
        """,
        ("@target", task.TargetId),
        ("@kind", task.Kind.ToString()),
        ("@source", task.SourceId),
        ("@doneBytes", task.DoneBytes),
        ("@totalBytes", task.TotalBytes),
        ("@frozenPath", task.FrozenPath),
        ("@error", task.Error),
        ("@startedAt", Columns.Text(task.StartedAt))));

    /// <summary>Success where there is none.</summary>
    public void RemoveTask(string targetId) => Write($"remove the task of {targetId}", db => db.Execute(
        "DELETE FROM tasks WHERE target_id = @target", ("@target", targetId)));

    public IReadOnlyList<TaskRecord> AllTasks() => Read("list tasks", db => db.Query(
        $"SELECT {TaskColumns} FROM tasks ORDER BY started_at, target_id", ReadTask));

    private static TaskRecord ReadTask(SqliteDataReader row) => new()
    {
        TargetId = row.GetString(0),
        Kind = Columns.Enum<TaskKind>(row.GetString(1)),
        SourceId = row.GetString(2),
        DoneBytes = row.GetInt64(3),
        TotalBytes = row.GetInt64(4),
        FrozenPath = row.IsDBNull(5) ? null : row.GetString(5),
        Error = row.IsDBNull(6) ? null : row.GetString(6),
        StartedAt = Columns.Time(row.GetString(7)),
    };
}
