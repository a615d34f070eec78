using CsiLocal.Native;
using CsiLocal.Volumes;
using Microsoft.Data.Sqlite;

namespace CsiLocal.State;

/// <summary>Copies and examines a state file without changing it, whether or not a daemon uses it.</summary>
internal static class StateCopy
{
    /// <summary>Writes a copy as of one moment, durably, under its final name only when it is whole.</summary>
    /// <param name="stateDirectory">Where the state lies.</param>
    /// <param name="target">Path of the copy.</param>
    /// <param name="overwrite">False: what is there under that name is kept, and the call refused.</param>
    /// <returns>Bytes of the copy.</returns>
    /// <exception cref="StorageException">
    /// NotFound: no state. AlreadyExists: there is such a file. DataLoss: the state is damaged. Unavailable: it cannot be read, or the copy not written.
    /// </exception>
    public static long Write(string stateDirectory, string target, bool overwrite)
    {
        var path = Path.GetFullPath(target);
        if (!overwrite && Path.Exists(path))
            throw Taken(path);

        // In the same folder: a rename must not become a copy.
        var temporary = DurableFile.TemporaryName(path);
        try
        {
            File.Delete(temporary);
            Copy(FileOf(stateDirectory), temporary);
            Sync(temporary);
            Publish(temporary, path, overwrite);
            return new FileInfo(path).Length;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException(
                StorageError.Unavailable, $"write {path}: {e.Message}", "check the folder: it has to exist, with room for the copy", e);
        }
        finally
        {
            foreach (var suffix in (string[])["", "-journal", "-wal", "-shm"])
                File.Delete(temporary + suffix);
        }
    }

    /// <summary>Examines the whole file: every page, every table's checks, and its schema.</summary>
    /// <exception cref="StorageException">NotFound: there is none. Unavailable: it cannot be read.</exception>
    public static StateExamination Examine(string stateDirectory)
    {
        var file = FileOf(stateDirectory);
        var newest = Migrator.Embedded()[^1].Version;
        try
        {
            using var connection = StateConnection.OpenReader(file);
            if (Migrator.VersionOf(connection) is not { } version)
                return new StateExamination(file, 0, newest, ["it is a database, but not csilocal's"]);

            var problems = connection.Query("PRAGMA integrity_check", static row => row.GetString(0));
            problems.Remove("ok");
            problems.AddRange(connection.Query(
                "PRAGMA foreign_key_check", static row => $"table {row.GetString(0)}: a row refers to what is not in {row.GetString(2)}"));
            if (version > newest)
                problems.Add($"its schema is version {version}, this csilocal knows versions up to {newest}");
            return new StateExamination(file, version, newest, problems);
        }
        catch (SqliteException e) when (StateErrors.IsDamage(e))
        {
            return new StateExamination(file, 0, newest, [e.Message]);
        }
        catch (SqliteException e)
        {
            throw StateErrors.Translate(e, $"examine {file}", file);
        }
    }

    private static string FileOf(string stateDirectory)
    {
        var file = Path.Combine(Path.GetFullPath(stateDirectory), StateFile.Name);
        SqliteProvider.EnsureLoaded();
        return File.Exists(file) && new FileInfo(file).Length > 0
            ? file
            : throw new StorageException(
                StorageError.NotFound, $"there is no state at {file}", "name its folder with --state-dir; a new one is made by 'csilocal serve' and 'csilocal state rebuild'");
    }

    private static void Copy(string file, string target)
    {
        try
        {
            using var source = StateConnection.OpenReader(file);
            StateFile.EnsurePrivate(target);
            using var copy = StateConnection.OpenCopy(target);
            source.CopyTo(copy);

            // One file, that can also be read where nothing can be written; and proof that it is sound before it bears its name.
            copy.Run("PRAGMA journal_mode = DELETE");
            if (copy.QueryFirst("PRAGMA integrity_check(1)", static row => row.GetString(0)) is not "ok" and var problem)
                throw new StorageException(StorageError.DataLoss, $"copy {file}: it is damaged: {problem}", "see 'csilocal state check'");
        }
        catch (SqliteException e) when (StateErrors.IsDamage(e))
        {
            throw new StorageException(StorageError.DataLoss, $"copy {file}: it is damaged: {e.Message}", "see 'csilocal state check'", e);
        }
        catch (SqliteException e)
        {
            throw StateErrors.Translate(e, $"copy {file} to {target}", target);
        }
    }

    private static void Sync(string file)
    {
        using var handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.FlushToDisk(handle);
    }

    private static void Publish(string temporary, string path, bool overwrite)
    {
        try
        {
            File.Move(temporary, path, overwrite);
        }
        catch (IOException) when (!overwrite && Path.Exists(path))
        {
            // Made by somebody else meanwhile.
            throw Taken(path);
        }

        DurableFile.SyncFolder(Path.GetDirectoryName(path)!);
    }

    private static StorageException Taken(string path) => new(
        StorageError.AlreadyExists, $"{path} exists", "name another file, or say --force");
}

/// <summary>What a state file was found to be.</summary>
/// <param name="File">Its path.</param>
/// <param name="Version">Of its schema; 0 where it cannot be told.</param>
/// <param name="NewestVersion">The newest that this program knows.</param>
/// <param name="Problems">Empty where it is sound.</param>
internal sealed record StateExamination(string File, int Version, int NewestVersion, IReadOnlyList<string> Problems);
