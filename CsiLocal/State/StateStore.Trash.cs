using CsiLocal.Volumes;
using Microsoft.Data.Sqlite;

namespace CsiLocal.State;

internal sealed partial class StateStore
{
    // Those of the volume first, at the places where ReadVolume looks.
    private const string TrashColumns = $"{VolumeColumns}, trash_id, deleted_at, deadline, erase, erasing, restore_as";

    public TrashRecord? FindTrash(TrashId id) => Read($"find {id} in the trash", db => db.QueryFirst(
        $"SELECT {TrashColumns} FROM trash WHERE trash_id = @trash", ReadTrash, ("@trash", id.Value)));

    /// <summary>Inserts the row, or replaces what is erased when, and how.</summary>
    public void PutTrash(TrashRecord item) => Write($"record {item.Id} in the trash", db =>
    {
        db.Execute(
            $"""
            INSERT INTO trash ({TrashColumns})
            VALUES (@id, @name, @pool, @backend, @sizeBytes, @access, @filesystem, @filesystemUuid, @format, @formattedAt,
                @mkfsOptions, @parameters, @sourceKind, @sourceId, @preallocated, @projectId, @sharedBytes, @state, @createdAt,
                @pendingSizeBytes, @trash, @deletedAt, @deadline, @erase, @erasing, @restoreAs)
            ON CONFLICT (trash_id) DO UPDATE SET deadline = excluded.deadline, erase = excluded.erase, erasing = excluded.erasing,
                restore_as = excluded.restore_as
            """,
            [
                .. VolumeValues(item.Volume),
                ("@trash", item.Id.Value),
                ("@deletedAt", Columns.Text(item.DeletedAt)),
                ("@deadline", Columns.Text(item.Deadline)),
                ("@erase", item.Erase.ToString()),
                ("@erasing", item.Erasing),
                ("@restoreAs", item.RestoreAs),
            ]);

        // An id that lies in the trash is in use: its files carry it.
        RaiseProjectId(db, item.Volume.Pool, item.Volume.ProjectId);
    });

    /// <summary>Removes the row and its task. Success where there is none.</summary>
    public void RemoveTrash(TrashId id) => Write($"remove {id} from the trash", db =>
    {
        db.Execute("DELETE FROM trash WHERE trash_id = @trash", ("@trash", id.Value));
        db.Execute("DELETE FROM tasks WHERE target_id = @trash", ("@trash", id.Value));
    });

    /// <summary>All of it, what was deleted first before the others.</summary>
    public IReadOnlyList<TrashRecord> AllTrash() => Read("list the trash", db => db.Query(
        $"SELECT {TrashColumns} FROM trash ORDER BY deleted_at, sequence", ReadTrash));

    /// <inheritdoc cref="AllTrash"/>
    public IReadOnlyList<TrashRecord> TrashOfPool(string pool) => Read($"list the trash of pool {pool}", db => db.Query(
        $"SELECT {TrashColumns} FROM trash WHERE pool = @pool ORDER BY deleted_at, sequence", ReadTrash, ("@pool", pool)));

    public int CountTrash(string pool) => Read($"count the trash of pool {pool}", db => (int)db.QueryNumber(
        "SELECT COUNT(*) FROM trash WHERE pool = @pool", ("@pool", pool)));

    private static TrashRecord ReadTrash(SqliteDataReader row) => new()
    {
        Volume = ReadVolume(row),
        Id = TrashId.Parse(row.GetString(20)),
        DeletedAt = Columns.Time(row.GetString(21)),
        Deadline = Columns.Time(row.GetString(22)),
        Erase = Columns.Enum<EraseMode>(row.GetString(23)),
        Erasing = row.GetBoolean(24),
        RestoreAs = row.IsDBNull(25) ? null : row.GetString(25),
    };
}
