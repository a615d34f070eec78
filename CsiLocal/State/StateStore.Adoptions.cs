using CsiLocal.Volumes;
using Microsoft.Data.Sqlite;

namespace CsiLocal.State;

internal sealed partial class StateStore
{
    // Those of the volume first, at the places where ReadVolume looks.
    private const string AdoptionColumns = $"{VolumeColumns}, source, identity";

    public AdoptionRecord? FindAdoption(VolumeId id) => Read($"find adoption {id}", db => db.QueryFirst(
        $"SELECT {AdoptionColumns} FROM adoptions WHERE id = @id", ReadAdoption, ("@id", id.Value)));

    /// <summary>The adoption of that object, under whatever name.</summary>
    public AdoptionRecord? FindAdoptionOf(string source) => Read($"find adoption of {source}", db => db.QueryFirst(
        $"SELECT {AdoptionColumns} FROM adoptions WHERE source = @source", ReadAdoption, ("@source", source)));

    /// <exception cref="StorageException"><see cref="StorageError.AlreadyExists"/>: there is one with this id, or of this source.</exception>
    public void InsertAdoption(AdoptionRecord adoption) => Write($"record adoption {adoption.Volume.Id}", db =>
    {
        db.Execute(
            $"""
            INSERT INTO adoptions ({AdoptionColumns})
            VALUES (@id, @name, @pool, @backend, @sizeBytes, @access, @filesystem, @filesystemUuid, @format, @formattedAt,
                @mkfsOptions, @parameters, @sourceKind, @sourceId, @preallocated, @projectId, @sharedBytes, @state, @createdAt,
                @pendingSizeBytes, @source, @identity)
            """,
            [.. VolumeValues(adoption.Volume), ("@source", adoption.Source), ("@identity", adoption.Identity)]);
        RaiseProjectId(db, adoption.Volume.Pool, adoption.Volume.ProjectId);
    });

    /// <summary>Success where there is none.</summary>
    public void RemoveAdoption(VolumeId id) => Write($"remove adoption {id}", db => db.Execute(
        "DELETE FROM adoptions WHERE id = @id", ("@id", id.Value)));

    public IReadOnlyList<AdoptionRecord> AdoptionsOfPool(string pool) => Read($"list adoptions of pool {pool}", db => db.Query(
        $"SELECT {AdoptionColumns} FROM adoptions WHERE pool = @pool ORDER BY id", ReadAdoption, ("@pool", pool)));

    private static AdoptionRecord ReadAdoption(SqliteDataReader row) => new()
    {
        Volume = ReadVolume(row),
        Source = row.GetString(20),
        Identity = row.GetString(21),
    };
}
