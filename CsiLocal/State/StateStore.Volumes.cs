using CsiLocal.Volumes;
using Microsoft.Data.Sqlite;

namespace CsiLocal.State;

internal sealed partial class StateStore
{
    private const string VolumeColumns = """
        id, name, pool, backend, size_bytes, access, filesystem, filesystem_uuid, format, formatted_at, mkfs_options,
        parameters, source_kind, source_id, preallocated, project_id, shared_bytes, state, created_at,
        pending_size_bytes
        """;

    public VolumeRecord? FindVolume(VolumeId id) => Read($"find volume {id}", db => db.QueryFirst(
        $"SELECT {VolumeColumns} FROM volumes WHERE id = @id", ReadVolume, ("@id", id.Value)));

    /// <exception cref="StorageException"><see cref="StorageError.AlreadyExists"/>: there is a row with this id.</exception>
    public void InsertVolume(VolumeRecord volume) => Write($"insert volume {volume.Id}", db =>
    {
        db.Execute(
            $"""
            INSERT INTO volumes ({VolumeColumns})
            VALUES (@id, @name, @pool, @backend, @sizeBytes, @access, @filesystem, @filesystemUuid, @format, @formattedAt,
                @mkfsOptions, @parameters, @sourceKind, @sourceId, @preallocated, @projectId, @sharedBytes, @state, @createdAt,
                @pendingSizeBytes)
            """,
            VolumeValues(volume));
        RaiseProjectId(db, volume.Pool, volume.ProjectId);
    });

    /// <exception cref="StorageException"><see cref="StorageError.NotFound"/>: there is no row with this id.</exception>
    public void UpdateVolume(VolumeRecord volume) => Write($"update volume {volume.Id}", db =>
    {
        var changed = db.Execute(
            """
            UPDATE volumes SET name = @name, pool = @pool, backend = @backend, size_bytes = @sizeBytes, access = @access,
                filesystem = @filesystem, filesystem_uuid = @filesystemUuid, format = @format, formatted_at = @formattedAt,
                mkfs_options = @mkfsOptions, parameters = @parameters, source_kind = @sourceKind, source_id = @sourceId,
                preallocated = @preallocated, project_id = @projectId, shared_bytes = @sharedBytes, state = @state,
                created_at = @createdAt, pending_size_bytes = @pendingSizeBytes
            WHERE id = @id
            """,
            VolumeValues(volume));
        if (changed == 0)
            throw new StorageException(StorageError.NotFound, $"update volume {volume.Id}: there is no such volume in the state");

        RaiseProjectId(db, volume.Pool, volume.ProjectId);
    });

    /// <summary>Removes the row, its publications and its task. Success where there is none.</summary>
    public void RemoveVolume(VolumeId id) => Write($"remove volume {id}", db =>
    {
        // Publications go with it: ON DELETE CASCADE.
        db.Execute("DELETE FROM volumes WHERE id = @id", ("@id", id.Value));
        db.Execute("DELETE FROM tasks WHERE target_id = @id", ("@id", id.Value));
    });

    /// <summary>All volumes in order of creation, whatever their state.</summary>
    public IReadOnlyList<VolumeRecord> AllVolumes() => Read("list volumes", db => db.Query(
        $"SELECT {VolumeColumns} FROM volumes ORDER BY sequence", ReadVolume));

    public IReadOnlyList<VolumeRecord> VolumesOfPool(string pool) => Read($"list volumes of pool {pool}", db => db.Query(
        $"SELECT {VolumeColumns} FROM volumes WHERE pool = @pool ORDER BY sequence", ReadVolume, ("@pool", pool)));

    public int CountVolumes(string pool) => Read($"count volumes of pool {pool}", db => (int)db.QueryNumber(
        "SELECT COUNT(*) FROM volumes WHERE pool = @pool", ("@pool", pool)));

    /// <summary>A page of volumes in order of creation. What is inserted or removed meanwhile moves no other volume to another page.</summary>
    /// <param name="afterSequence">0 for the first page, then <see cref="Page{T}.NextSequence"/>.</param>
    /// <param name="limit">At most so many; 0: all.</param>
    /// <param name="readyOnly">Only <see cref="VolumeState.Ready"/> ones.</param>
    public Page<VolumeRecord> ListVolumes(long afterSequence, int limit, bool readyOnly) => Read("list volumes", db =>
    {
        var rows = db.Query(
            $"""
            SELECT {VolumeColumns}, sequence FROM volumes
            WHERE sequence > @after AND (NOT @readyOnly OR state = 'Ready')
            ORDER BY sequence LIMIT @limit
            """,
            row => (ReadVolume(row), row.GetInt64(20)),
            ("@after", afterSequence), ("@readyOnly", readyOnly), ("@limit", OneMoreThan(limit)));
        return PageOf(limit, rows);
    });

    /// <summary>One row more than is handed out tells whether there is a next page; to SQLite -1 is no limit.</summary>
    private static long OneMoreThan(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        return limit == 0 ? -1 : limit + 1L;
    }

    private static Page<T> PageOf<T>(int limit, List<(T Item, long Sequence)> rows)
    {
        var hasMore = limit > 0 && rows.Count > limit;
        var shown = hasMore ? rows[..limit] : rows;
        return new Page<T>(shown.ConvertAll(row => row.Item), hasMore ? shown[^1].Sequence : null);
    }

    private static (string Name, object? Value)[] VolumeValues(VolumeRecord volume)
    {
        var (sourceKind, sourceId) = volume.Source switch
        {
            null => (null, null),
            ContentSource.FromVolume source => ("Volume", source.Id.Value),
            ContentSource.FromSnapshot source => ("Snapshot", source.Id.Value),
            _ => throw new InvalidOperationException($"unknown content source {volume.Source}"),
        };
        return
        [
            ("@id", volume.Id.Value),
            ("@name", volume.Name),
            ("@pool", volume.Pool),
            ("@backend", volume.Backend.ToString()),
            ("@sizeBytes", volume.SizeBytes),
            ("@access", volume.Access.ToString()),
            ("@filesystem", volume.Filesystem?.ToString()),
            ("@filesystemUuid", volume.FilesystemUuid?.ToString("D")),
            ("@format", volume.Format.ToString()),
            ("@formattedAt", Columns.Text(volume.FormattedAt)),
            ("@mkfsOptions", Columns.Json(volume.MkfsOptions)),
            ("@parameters", Columns.Json(volume.Parameters)),
            ("@sourceKind", sourceKind),
            ("@sourceId", sourceId),
            ("@preallocated", volume.Preallocated),
            ("@projectId", volume.ProjectId),
            ("@sharedBytes", volume.SharedBytes),
            ("@state", volume.State.ToString()),
            ("@createdAt", Columns.Text(volume.CreatedAt)),
            ("@pendingSizeBytes", volume.PendingSizeBytes),
        ];
    }

    private static VolumeRecord ReadVolume(SqliteDataReader row) => new()
    {
        Id = VolumeId.Parse(row.GetString(0)),
        Name = row.GetString(1),
        Pool = row.GetString(2),
        Backend = Columns.Enum<BackendKind>(row.GetString(3)),
        SizeBytes = row.GetInt64(4),
        Access = Columns.Enum<AccessType>(row.GetString(5)),
        Filesystem = row.IsDBNull(6) ? null : Columns.Enum<FilesystemType>(row.GetString(6)),
        FilesystemUuid = row.IsDBNull(7) ? null : Guid.ParseExact(row.GetString(7), "D"),
        Format = Columns.Enum<FormatState>(row.GetString(8)),
        FormattedAt = row.IsDBNull(9) ? null : Columns.Time(row.GetString(9)),
        MkfsOptions = Columns.List(row.GetString(10)),
        Parameters = Columns.Map(row.GetString(11)),
        Source = row.IsDBNull(12) ? null : ReadSource(row.GetString(12), row.GetString(13)),
        Preallocated = row.GetBoolean(14),
        ProjectId = row.IsDBNull(15) ? null : (uint)row.GetInt64(15),
        SharedBytes = row.GetInt64(16),
        State = Columns.Enum<VolumeState>(row.GetString(17)),
        CreatedAt = Columns.Time(row.GetString(18)),
        PendingSizeBytes = row.IsDBNull(19) ? null : row.GetInt64(19),
    };

    private static ContentSource ReadSource(string kind, string id) => kind switch
    {
        "Volume" => new ContentSource.FromVolume(VolumeId.Parse(id)),
        "Snapshot" => new ContentSource.FromSnapshot(SnapshotId.Parse(id)),
        _ => throw new InvalidOperationException($"unknown content source {kind}"),
    };
}
