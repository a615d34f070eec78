using System.Buffers;
using System.Text.Json;
using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends;

/// <summary>The folder of one pool: <c>pool.json</c> (what it is, and which one), <c>volumes/</c>, <c>snapshots/</c> and <c>trash/</c>.</summary>
/// <param name="poolName">For messages.</param>
/// <param name="kind">What the marker must say.</param>
/// <param name="path">Absolute path of the pool.</param>
internal sealed class PoolFolder(string poolName, BackendKind kind, string path)
{
    private const int MarkerSchema = 1;
    private const UnixFileMode OwnerOnlyFolder = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public const UnixFileMode OwnerOnlyFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public string Path { get; } = path;

    public string VolumesPath { get; } = System.IO.Path.Combine(path, "volumes");

    public string SnapshotsPath { get; } = System.IO.Path.Combine(path, "snapshots");

    public string TrashPath { get; } = System.IO.Path.Combine(path, "trash");

    private string MarkerPath => System.IO.Path.Combine(Path, "pool.json");

    /// <summary>Proves that the pool is there, on a file system it can live on, and writable; makes what a new pool needs.</summary>
    /// <remarks>
    /// The folder of a pool whose disk is not mounted is empty, and then looks like a new pool: it answers with a new identity.
    /// The caller compares the identity with the one it knows and refuses the pool.
    /// </remarks>
    /// <exception cref="StorageException"><see cref="StorageError.Unavailable"/>.</exception>
    /// <param name="knownIdentity">What it was before; null: never seen.</param>
    public PoolFacts Inspect(string? knownIdentity = null)
    {
        try
        {
            EnsureRoot();
            var filesystem = FilesystemStatus.Of(Path);
            var name = filesystem.PoolFilesystemName
                ?? throw Refuse(
                    $"{Path} lies on a file system of type 0x{filesystem.Magic:x}",
                    "put the pool on ext4, xfs or btrfs (in a container: on a host folder, not on the overlay)");
            if (filesystem.ReadOnly)
                throw Refuse(
                    $"the file system of {Path} is mounted read-only",
                    "mount it read-write (after a disk error: see dmesg and repair it first)");

            var identity = ReadMarker() ?? MakeMarker();
            EnsureFolder(VolumesPath);
            EnsureFolder(SnapshotsPath);
            EnsureFolder(TrashPath);
            ProveWritable();
            if (identity == knownIdentity)
            {
                foreach (var folder in (string[])[VolumesPath, SnapshotsPath, TrashPath])
                    DurableFile.RemoveUnfinished(folder, MetadataFile.Extension);
            }

            return new PoolFacts(identity, name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var cause = IoFailure.Translate($"pool {poolName}", e);
            throw new StorageException(StorageError.Unavailable, cause.Message, cause.Remedy, e);
        }
    }

    private StorageException Refuse(string fact, string remedy) => new(StorageError.Unavailable, $"pool {poolName}: {fact}", remedy);

    private void EnsureRoot()
    {
        if (!System.IO.Path.IsPathFullyQualified(Path) || Path.Contains('\0'))
            throw Refuse($"path '{Path}' is not absolute", "give the absolute path of a folder");

        var status = FileStatus.Find(Path);
        if (status is null)
        {
            // Only the leaf: a missing parent more likely means a missing mount or a typing error than a wish.
            var parent = System.IO.Path.GetDirectoryName(Path);
            if (!Directory.Exists(parent))
                throw Refuse($"neither {Path} nor its parent folder exists", "mount the pool's disk or make the parent folder");
            Directory.CreateDirectory(Path, OwnerOnlyFolder);
            DurableFile.SyncFolder(parent!);
            status = FileStatus.Find(Path);
        }

        if (status is not { } found)
            throw Refuse($"{Path} vanished while it was looked at", "see who removes it");
        if (found.IsSymlink)
            throw Refuse($"{Path} is a symbolic link", "give the path it points to");
        if (!found.IsDirectory)
            throw Refuse($"{Path} is not a folder", "give the path of a folder");
        if (found.Permissions.HasFlag(UnixFileMode.OtherWrite) && !found.Permissions.HasFlag(UnixFileMode.StickyBit))
            throw Refuse($"{Path} is writable by everybody, who could then swap its content", $"chmod o-w {Path}");
    }

    private void EnsureFolder(string folder)
    {
        var status = FileStatus.Find(folder);
        if (status is null)
        {
            Directory.CreateDirectory(folder, OwnerOnlyFolder);
            DurableFile.SyncFolder(Path);
        }
        else if (!status.Value.IsDirectory)
        {
            throw Refuse($"{folder} is not a folder (a symbolic link is not one either)", "move it away");
        }
        else if (status.Value.Permissions != OwnerOnlyFolder)
        {
            // Whoever may enter could read tenants' images: closed again, whatever the reason it was opened for.
            File.SetUnixFileMode(folder, OwnerOnlyFolder);
        }
    }

    private void ProveWritable()
    {
        using var handle = NativeFile.OpenUnnamed(Path);
        RandomAccess.Write(handle, "probe"u8, 0);
    }

    public string? ReadMarker()
    {
        if (FileStatus.Find(MarkerPath) is not { } status)
            return null;
        if (!status.IsRegular)
            throw Refuse($"{MarkerPath} is not a regular file", "move it away");

        string? schemaText, backend, identity;
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(MarkerPath));
            schemaText = JsonFields.Text(document.RootElement, "schema");
            backend = JsonFields.Text(document.RootElement, "backend");
            identity = JsonFields.Text(document.RootElement, "identity");
        }
        catch (JsonException e)
        {
            throw new StorageException(
                StorageError.Unavailable,
                $"pool {poolName}: {MarkerPath} cannot be read: {e.Message}",
                "restore it from a backup; it names the pool",
                e);
        }

        if (!int.TryParse(schemaText, out var schema) || schema < 1 || !Guid.TryParse(identity, out var uuid))
            throw Refuse($"{MarkerPath} lacks its schema or identity", "restore it from a backup; it names the pool");
        if (schema > MarkerSchema)
            throw Refuse($"{MarkerPath} has schema {schema}, this driver knows {MarkerSchema}", "use the newer driver that wrote it");
        if (backend != MetadataNames.Of(kind))
            throw Refuse(
                $"{Path} is a pool of backend '{backend}', the configuration says '{MetadataNames.Of(kind)}'",
                "correct the backend or the path in the configuration");
        return uuid.ToString("D");
    }

    private string MakeMarker()
    {
        // Objects without a marker: somebody removed it, or copied half a pool. A new identity would hide that.
        foreach (var folder in (string[])[VolumesPath, SnapshotsPath, TrashPath])
        {
            if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            {
                throw Refuse(
                    $"{MarkerPath} is missing, but {folder} is not empty",
                    "a mount is probably missing, or someone removed the marker: mount the pool's disk or restore pool.json from a backup");
            }
        }

        var identity = Guid.NewGuid().ToString("D");
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteNumber("schema", MarkerSchema);
            writer.WriteString("backend", MetadataNames.Of(kind));
            writer.WriteString("identity", identity);
            writer.WriteEndObject();
        }

        DurableFile.Replace(MarkerPath, buffer.WrittenSpan, OwnerOnlyFile);
        return identity;
    }
}
