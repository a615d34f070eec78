using System.Globalization;
using CsiLocal.Volumes;
using Microsoft.Data.Sqlite;

namespace CsiLocal.State;

/// <summary>The file <c>state.db</c> itself: made private, judged before it is used, set aside where it is damaged.</summary>
internal static class StateFile
{
    public const string Name = "state.db";

    /// <summary>Left by a run that met damage: the next start then reads every page, not only those of the state.</summary>
    private const string SuspectSuffix = ".suspect";

    private const UnixFileMode PrivateFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode PrivateFolder = PrivateFile | UnixFileMode.UserExecute;

    /// <summary>SQLite's own files beside the database.</summary>
    private static readonly string[] _companions = ["-wal", "-shm"];

    /// <summary>The tables whose loss would be a loss of state. The journal may be large and is history: it is not read at each start.</summary>
    private static readonly string[] _stateTables =
        ["migrations", "meta", "pools", "volumes", "snapshots", "publications", "tasks", "project_ids"];

    /// <summary>Makes the folder, private to this user. One that exists is left as it is: it may be a folder with other uses.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.Unavailable"/>: it cannot be made.</exception>
    public static void EnsureFolder(string stateDirectory)
    {
        try
        {
            if (!Directory.Exists(stateDirectory))
                Directory.CreateDirectory(stateDirectory, PrivateFolder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException(
                StorageError.Unavailable, $"open state directory {stateDirectory}: it cannot be made: {e.Message}",
                "make the folder yourself, or give another one with --state-dir", e);
        }
    }

    /// <summary>Makes an empty file that only this user can read; SQLite gives its own files the same mode.</summary>
    public static void EnsurePrivate(string file)
    {
        try
        {
            if (File.Exists(file))
            {
                if (File.GetUnixFileMode(file) != PrivateFile)
                    File.SetUnixFileMode(file, PrivateFile);
                return;
            }

            using var created = new FileStream(
                file, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = PrivateFile });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException(
                StorageError.Unavailable, $"open {file}: it cannot be made: {e.Message}",
                $"check that {Path.GetDirectoryName(file)} is mounted read-write, has free space and belongs to the user that runs csilocal", e);
        }
    }

    /// <summary>Reads the file without changing it: why it cannot be used as it is, or null where it can (or is not there).</summary>
    /// <exception cref="StorageException"><see cref="StorageError.Unavailable"/>: a newer schema, or the file cannot be read at all.</exception>
    public static string? FindDamage(string file, IReadOnlyList<Migration> migrations)
    {
        if (!File.Exists(file) || new FileInfo(file).Length == 0)
            return null;

        try
        {
            using var connection = StateConnection.OpenReader(file);
            if (Migrator.VersionOf(connection) is not { } version)
                return "it is a database, but not csilocal's";

            Migrator.RefuseNewer(version, file, migrations);
            return version == 0 ? null : CheckPages(connection, File.Exists(file + SuspectSuffix));
        }
        catch (SqliteException e) when (StateErrors.IsDamage(e))
        {
            return e.Message;
        }
        catch (SqliteException e)
        {
            throw StateErrors.Translate(e, $"open {file}", file);
        }
    }

    /// <summary>Renames the file, with SQLite's own files beside it, and returns the new name. Nothing is deleted but the mark of suspicion.</summary>
    /// <param name="why">Part of the new name: "damaged".</param>
    public static string SetAside(string file, TimeProvider clock, string why = "damaged")
    {
        var stamp = clock.GetUtcNow().ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        var target = $"{file}.{why}-{stamp}";
        for (var i = 2; File.Exists(target); i++)
            target = $"{file}.{why}-{stamp}.{i}";

        // The companions first: a crash in between must not leave an old log beside a fresh database.
        foreach (var suffix in _companions)
        {
            if (File.Exists(file + suffix))
                File.Move(file + suffix, target + suffix);
        }

        File.Move(file, target);
        File.Delete(file + SuspectSuffix);
        return target;
    }

    /// <summary>Remembers over a restart that damage was met. Best effort: the disk may be failing.</summary>
    public static void MarkSuspect(string file)
    {
        try
        {
            File.WriteAllText(file + SuspectSuffix, string.Empty);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The error that led here is reported by the caller; the next start checks the state's tables in any case.
        }
    }

    private static string? CheckPages(StateConnection connection, bool all)
    {
        // quick_check also evaluates the CHECKs of each row, so a row that passes can be read back.
        foreach (var pragma in all ? ["PRAGMA quick_check(1)"] : _stateTables.Select(table => $"PRAGMA quick_check('{table}')"))
        {
            var verdict = connection.QueryFirst(pragma, row => row.GetString(0));
            if (verdict != "ok")
                return verdict ?? "it cannot be checked";
        }

        return null;
    }
}
