using System.Text.Json;
using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends;

/// <summary><c>&lt;id&gt;.json</c> beside a volume's or snapshot's data: the truth that outlives <c>state.db</c> (design §2.2).</summary>
/// <remarks>A file is replaced as a whole, and durable when a method returns. Damaged ones are never overwritten by inference.</remarks>
internal static class MetadataFile
{
    private const int MaxBytes = 1 << 20;
    public const string Extension = ".json";

    public static string PathOf(string folder, string id) => Path.Combine(folder, id + Extension);

    public static void Write(string folder, VolumeRecord volume) =>
        DurableFile.Replace(PathOf(folder, volume.Id.Value), MetadataJson.Write(volume), PoolFolder.OwnerOnlyFile);

    public static void Write(string folder, SnapshotRecord snapshot) =>
        DurableFile.Replace(PathOf(folder, snapshot.Id.Value), MetadataJson.Write(snapshot), PoolFolder.OwnerOnlyFile);

    public static void Write(string folder, TrashRecord item) =>
        DurableFile.Replace(PathOf(folder, item.Id.Value), MetadataJson.Write(item), PoolFolder.OwnerOnlyFile);

    /// <summary>The record, or null where there is none.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.DataLoss"/>: it cannot be read, or describes something else.</exception>
    public static VolumeRecord? ReadVolume(string folder, VolumeId id) => Read(folder, id.Value, text =>
    {
        var record = MetadataJson.ReadVolume(text);
        return record.Id == id ? record : throw new JsonException($"describes {record.Id}");
    });

    /// <inheritdoc cref="ReadVolume"/>
    public static SnapshotRecord? ReadSnapshot(string folder, SnapshotId id) => Read(folder, id.Value, text =>
    {
        var record = MetadataJson.ReadSnapshot(text);
        return record.Id == id ? record : throw new JsonException($"describes {record.Id}");
    });

    /// <inheritdoc cref="ReadVolume"/>
    public static TrashRecord? ReadTrash(string folder, TrashId id) => Read(folder, id.Value, text =>
    {
        var record = MetadataJson.ReadTrash(text);
        return record.Id == id ? record : throw new JsonException($"describes {record.Id}");
    });

    /// <summary>Removes the file, durably. Success where there is none.</summary>
    public static void Remove(string folder, string id)
    {
        File.Delete(DurableFile.TemporaryName(PathOf(folder, id)));
        File.Delete(PathOf(folder, id));
        DurableFile.SyncFolder(folder);
    }

    /// <summary>Every volume and snapshot of the pool, what lies in its trash, and every entry that is neither. Temporary files are passed over.</summary>
    /// <param name="pool">Whose folders are read.</param>
    /// <param name="dataExtension">What follows the id in the name of the data: ".img", or "" for folders.</param>
    public static IReadOnlyList<FoundObject> List(PoolFolder pool, string dataExtension) =>
    [
        .. ListFolder(
            pool.VolumesPath,
            dataExtension,
            MetadataJson.ReadVolume,
            record => record.Id.Value,
            id => VolumeId.TryParse(id, out _))
            .Select(o => new FoundObject { Volume = o.Record, EntryName = o.Entry, HasData = o.HasData, Problem = o.Problem }),
        .. ListFolder(
            pool.SnapshotsPath,
            dataExtension,
            MetadataJson.ReadSnapshot,
            record => record.Id.Value,
            id => SnapshotId.TryParse(id, out _))
            .Select(o => new FoundObject { Snapshot = o.Record, EntryName = o.Entry, HasData = o.HasData, Problem = o.Problem }),
        .. ListFolder(
            pool.TrashPath,
            dataExtension,
            MetadataJson.ReadTrash,
            record => record.Id.Value,
            id => TrashId.TryParse(id, out _))
            .Select(o => new FoundObject { Trash = o.Record, EntryName = o.Entry, HasData = o.HasData, Problem = o.Problem }),
    ];

    private static IEnumerable<Listed<T>> ListFolder<T>(
        string folder, string dataExtension, Func<ReadOnlyMemory<byte>, T> parse, Func<T, string> idOf, Func<string, bool> isId)
        where T : class
    {
        if (!Directory.Exists(folder))
            yield break;

        var names = Directory.EnumerateFileSystemEntries(folder).Select(path => Path.GetFileName(path)!).ToHashSet(StringComparer.Ordinal);
        foreach (var name in names.Order(StringComparer.Ordinal))
        {
            if (name.EndsWith(Extension, StringComparison.Ordinal) && isId(name[..^Extension.Length]))
            {
                var id = name[..^Extension.Length];
                var (record, problem) = TryRead(Path.Combine(folder, name), parse, found => idOf(found) == id);
                yield return new(record, record is null ? name : id + dataExtension, names.Contains(id + dataExtension), problem);
            }
            else if (name.EndsWith(dataExtension, StringComparison.Ordinal) && isId(name[..^dataExtension.Length]))
            {
                if (!names.Contains(name[..^dataExtension.Length] + Extension))
                    yield return new(null, name, true, "data without a metadata file: kept, and left for a person to judge");
            }
            else if (!IsTemporary(name))
            {
                yield return new(null, name, true, "not an entry of this driver");
            }
        }
    }

    private sealed record Listed<T>(T? Record, string Entry, bool HasData, string? Problem)
        where T : class;

    private static bool IsTemporary(string name) => name[0] == '.' && name.EndsWith(".tmp", StringComparison.Ordinal);

    private static (T? Record, string? Problem) TryRead<T>(string path, Func<ReadOnlyMemory<byte>, T> parse, Func<T, bool> isNamed)
        where T : class
    {
        try
        {
            var record = parse(ReadText(path));
            return isNamed(record) ? (record, null) : (null, "metadata file describes another id than its name");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return (null, $"metadata file cannot be read: {e.Message}");
        }
    }

    private static T? Read<T>(string folder, string id, Func<ReadOnlyMemory<byte>, T> parse)
        where T : class
    {
        var path = PathOf(folder, id);
        try
        {
            return FileStatus.Find(path) is null ? null : parse(ReadText(path));
        }
        catch (JsonException e)
        {
            throw new StorageException(
                StorageError.DataLoss,
                $"read metadata of {id}: {path}: {e.Message}",
                "nothing was touched: restore the file from a backup or correct it by hand",
                e);
        }
    }

    private static byte[] ReadText(string path)
    {
        var status = FileStatus.Find(path) ?? throw new JsonException("the file vanished");
        if (!status.IsRegular || status.SizeBytes > MaxBytes)
            throw new JsonException("not a regular file of a sensible size");
        return File.ReadAllBytes(path);
    }
}
