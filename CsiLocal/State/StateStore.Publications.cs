using CsiLocal.Volumes;
using Microsoft.Data.Sqlite;

namespace CsiLocal.State;

internal sealed partial class StateStore
{
    private const string PublicationColumns = "volume, kind, path, read_only, access, mode, mount_flags, done, assumed";

    /// <summary>The stagings and publications of a volume, done or intended, in order of their first recording.</summary>
    public IReadOnlyList<PublicationRecord> PublicationsOf(VolumeId volume) => Read($"list publications of {volume}", db => db.Query(
        $"SELECT {PublicationColumns} FROM publications WHERE volume = @volume ORDER BY rowid", ReadPublication, ("@volume", volume.Value)));

    public IReadOnlyList<PublicationRecord> AllPublications() => Read("list publications", db => db.Query(
        $"SELECT {PublicationColumns} FROM publications ORDER BY rowid", ReadPublication));

    /// <summary>Whatever is recorded at a path, of any volume and kind; one that is done goes before an intent.</summary>
    public PublicationRecord? FindPublicationAt(string path) => Read($"find the publication at {path}", db => db.QueryFirst(
        $"SELECT {PublicationColumns} FROM publications WHERE path = @path ORDER BY done DESC, rowid LIMIT 1",
        ReadPublication, ("@path", path)));

    /// <summary>Inserts it, or replaces the one of the same volume, kind and path.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.NotFound"/>: there is no such volume.</exception>
    public void PutPublication(PublicationRecord publication) => Write(
        $"record volume {publication.Volume} at {publication.Path}",
        db => db.Execute(
            $"""
            INSERT INTO publications ({PublicationColumns})
            VALUES (@volume, @kind, @path, @readOnly, @access, @mode, @mountFlags, @done, @assumed)
            ON CONFLICT (volume, kind, path) DO UPDATE SET read_only = excluded.read_only, access = excluded.access,
                mode = excluded.mode, mount_flags = excluded.mount_flags, done = excluded.done, assumed = excluded.assumed
            """,
            ("@volume", publication.Volume.Value),
            ("@kind", publication.Kind.ToString()),
            ("@path", publication.Path),
            ("@readOnly", publication.ReadOnly),
            ("@access", publication.Access.ToString()),
            ("@mode", publication.Mode.ToString()),
            ("@mountFlags", Columns.Json(publication.MountFlags)),
            ("@done", publication.Done),
            ("@assumed", publication.IsAssumed)));

    /// <summary>Success where there is none.</summary>
    public void RemovePublication(VolumeId volume, PublicationKind kind, string path) => Write(
        $"forget volume {volume} at {path}",
        db => db.Execute(
            "DELETE FROM publications WHERE volume = @volume AND kind = @kind AND path = @path",
            ("@volume", volume.Value), ("@kind", kind.ToString()), ("@path", path)));

    /// <summary>The volumes with at least one staging or publication, done or intended.</summary>
    public IReadOnlySet<VolumeId> PublishedVolumes() => Read("list published volumes", db => db.Query(
        "SELECT DISTINCT volume FROM publications", row => VolumeId.Parse(row.GetString(0))).ToHashSet());

    private static PublicationRecord ReadPublication(SqliteDataReader row) => new()
    {
        Volume = VolumeId.Parse(row.GetString(0)),
        Kind = Columns.Enum<PublicationKind>(row.GetString(1)),
        Path = row.GetString(2),
        ReadOnly = row.GetBoolean(3),
        Access = Columns.Enum<AccessType>(row.GetString(4)),
        Mode = Columns.Enum<AccessMode>(row.GetString(5)),
        MountFlags = Columns.List(row.GetString(6)),
        Done = row.GetBoolean(7),
        IsAssumed = row.GetBoolean(8),
    };
}
