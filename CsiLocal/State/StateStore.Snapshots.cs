using CsiLocal.Volumes;
using Microsoft.Data.Sqlite;

namespace CsiLocal.State;

internal sealed partial class StateStore
{
    private const string SnapshotColumns = """
        id, name, source_volume, pool, backend, size_bytes, access, filesystem, filesystem_uuid, format, project_id,
        shared_bytes, state, created_at
        """;

    public SnapshotRecord? FindSnapshot(SnapshotId id) => Read($"find snapshot {id}", db => db.QueryFirst(
        $"SELECT {SnapshotColumns} FROM snapshots WHERE id = @id", ReadSnapshot, ("@id", id.Value)));

    /// <exception cref="StorageException"><see cref="StorageError.AlreadyExists"/>: there is a row with this id.</exception>
    public void InsertSnapshot(SnapshotRecord snapshot) => Write($"insert snapshot {snapshot.Id}", db =>
    {
        db.Execute(
            $"""
            INSERT INTO snapshots ({SnapshotColumns})
            VALUES (@id, @name, @sourceVolume, @pool, @backend, @sizeBytes, @access, @filesystem, @filesystemUuid, @format,
                @projectId, @sharedBytes, @state, @createdAt)
            """,
            SnapshotValues(snapshot));
        RaiseProjectId(db, snapshot.Pool, snapshot.ProjectId);
    });

    /// <exception cref="StorageException"><see cref="StorageError.NotFound"/>: there is no row with this id.</exception>
    public void UpdateSnapshot(SnapshotRecord snapshot) => Write($"update snapshot {snapshot.Id}", db =>
    {
        var changed = db.Execute(
            """
            UPDATE snapshots SET name = @name, source_volume = @sourceVolume, pool = @pool, backend = @backend,
                size_bytes = @sizeBytes, access = @access, filesystem = @filesystem, filesystem_uuid = @filesystemUuid,
                format = @format, project_id = @projectId, shared_bytes = @sharedBytes, state = @state, created_at = @createdAt
            WHERE id = @id
            """,
            SnapshotValues(snapshot));
        if (changed == 0)
            throw new StorageException(StorageError.NotFound, $"update snapshot {snapshot.Id}: there is no such snapshot in the state");

        RaiseProjectId(db, snapshot.Pool, snapshot.ProjectId);
    });

    /// <summary>Removes the row and its task. Success where there is none.</summary>
    public void RemoveSnapshot(SnapshotId id) => Write($"remove snapshot {id}", db =>
    {
        db.Execute("DELETE FROM snapshots WHERE id = @id", ("@id", id.Value));
        db.Execute("DELETE FROM tasks WHERE target_id = @id", ("@id", id.Value));
    });

    /// <summary>All snapshots in order of creation, whatever their state.</summary>
    public IReadOnlyList<SnapshotRecord> AllSnapshots() => Read("list snapshots", db => db.Query(
        $"SELECT {SnapshotColumns} FROM snapshots ORDER BY sequence", ReadSnapshot));

    public IReadOnlyList<SnapshotRecord> SnapshotsOfPool(string pool) => Read($"list snapshots of pool {pool}", db => db.Query(
        $"SELECT {SnapshotColumns} FROM snapshots WHERE pool = @pool ORDER BY sequence", ReadSnapshot, ("@pool", pool)));

    public int CountSnapshots(string pool) => Read($"count snapshots of pool {pool}", db => (int)db.QueryNumber(
        "SELECT COUNT(*) FROM snapshots WHERE pool = @pool", ("@pool", pool)));

    /// <summary>A page of snapshots in order of creation, as <see cref="ListVolumes"/>.</summary>
    /// <param name="afterSequence">0 for the first page, then <see cref="Page{T}.NextSequence"/>.</param>
    /// <param name="limit">At most so many; 0: all.</param>
    /// <param name="sourceVolume">Only those of this volume; null: of all.</param>
    /// <param name="readyOnly">Only <see cref="SnapshotState.Ready"/> ones.</param>
    public Page<SnapshotRecord> ListSnapshots(long afterSequence, int limit, VolumeId? sourceVolume, bool readyOnly)
    {
        // Two statements, so that each has the index that fits it.
        var ofSource = sourceVolume is null ? string.Empty : "AND source_volume = @sourceVolume";
        return Read("list snapshots", db => PageOf(limit, db.Query(
            $"""
            SELECT {SnapshotColumns}, sequence FROM snapshots
            WHERE sequence > @after AND (NOT @readyOnly OR state = 'Ready') {ofSource}
            ORDER BY sequence LIMIT @limit
            """,
            row => (ReadSnapshot(row), row.GetInt64(14)),
            ("@after", afterSequence), ("@readyOnly", readyOnly), ("@limit", OneMoreThan(limit)), ("@sourceVolume", sourceVolume?.Value))));
    }

    private static (string Name, object? Value)[] SnapshotValues(SnapshotRecord snapshot) =>
    [
        ("@id", snapshot.Id.Value),
        ("@name", snapshot.Name),
        ("@sourceVolume", snapshot.SourceVolume.Value),
        ("@pool", snapshot.Pool),
        ("@backend", snapshot.Backend.ToString()),
        ("@sizeBytes", snapshot.SizeBytes),
        ("@access", snapshot.Access.ToString()),
        ("@filesystem", snapshot.Filesystem?.ToString()),
        ("@filesystemUuid", snapshot.FilesystemUuid?.ToString("D")),
        ("@format", snapshot.Format.ToString()),
        ("@projectId", snapshot.ProjectId),
        ("@sharedBytes", snapshot.SharedBytes),
        ("@state", snapshot.State.ToString()),
        ("@createdAt", Columns.Text(snapshot.CreatedAt)),
    ];

    private static SnapshotRecord ReadSnapshot(SqliteDataReader row) => new()
    {
        Id = SnapshotId.Parse(row.GetString(0)),
        Name = row.GetString(1),
        SourceVolume = VolumeId.Parse(row.GetString(2)),
        Pool = row.GetString(3),
        Backend = Columns.Enum<BackendKind>(row.GetString(4)),
        SizeBytes = row.GetInt64(5),
        Access = Columns.Enum<AccessType>(row.GetString(6)),
        Filesystem = row.IsDBNull(7) ? null : Columns.Enum<FilesystemType>(row.GetString(7)),
        FilesystemUuid = row.IsDBNull(8) ? null : Guid.ParseExact(row.GetString(8), "D"),
        Format = Columns.Enum<FormatState>(row.GetString(9)),
        ProjectId = row.IsDBNull(10) ? null : (uint)row.GetInt64(10),
        SharedBytes = row.GetInt64(11),
        State = Columns.Enum<SnapshotState>(row.GetString(12)),
        CreatedAt = Columns.Time(row.GetString(13)),
    };
}
