using System.Text.Json;
using CsiLocal.Volumes;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace CsiLocal.State;

/// <summary>SQLite's result codes in the driver's own vocabulary: the only place that knows them.</summary>
/// <seealso href="https://sqlite.org/rescode.html"/>
internal static class StateErrors
{
    /// <summary>The file is not, or no longer, a sound database, or a row of it is not a record.</summary>
    public static bool IsDamage(Exception exception) => exception switch
    {
        SqliteException sqlite => sqlite.SqliteErrorCode is raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB,
        StorageException { InnerException: SqliteException inner } => IsDamage(inner),
        _ => false,
    };

    /// <summary>What the conversions in <see cref="Columns"/>, the ids and the reader throw for a value that no writer of ours wrote.</summary>
    public static bool IsUnreadable(Exception exception) => exception is
        FormatException or ArgumentException or JsonException or InvalidCastException or InvalidOperationException or OverflowException;

    /// <summary>A row that passed the checks of its table and is still no record: damage, as if SQLite had found it.</summary>
    public static SqliteException Unreadable(Exception exception) =>
        new($"a row does not read as a record: {exception.Message}", raw.SQLITE_CORRUPT);

    /// <param name="exception">What SQLite said.</param>
    /// <param name="operation">What was attempted, and on which id.</param>
    /// <param name="file">Path of the database.</param>
    public static StorageException Translate(SqliteException exception, string operation, string file)
    {
        var (error, fact, remedy) = Explain(exception, file);
        return new StorageException(error, $"{operation}: {fact} (SQLite {exception.SqliteExtendedErrorCode}: {exception.Message})", remedy, exception);
    }

    private static (StorageError Error, string Fact, string? Remedy) Explain(SqliteException exception, string file)
    {
        switch (exception.SqliteExtendedErrorCode)
        {
            case raw.SQLITE_CONSTRAINT_UNIQUE or raw.SQLITE_CONSTRAINT_PRIMARYKEY:
                return (StorageError.AlreadyExists, "there is such a row already", null);
            case raw.SQLITE_CONSTRAINT_FOREIGNKEY:
                return (StorageError.NotFound, "there is no such volume", null);
        }

        return exception.SqliteErrorCode switch
        {
            raw.SQLITE_FULL => (StorageError.Unavailable, $"no space left for {file}; nothing was changed",
                $"free some space on the file system of {Path.GetDirectoryName(file)} and try again"),
            raw.SQLITE_READONLY or raw.SQLITE_PERM or raw.SQLITE_CANTOPEN or raw.SQLITE_AUTH =>
                (StorageError.Unavailable, $"{file} cannot be written; nothing was changed",
                $"check that {Path.GetDirectoryName(file)} is mounted read-write and belongs to the user that runs csilocal"),
            raw.SQLITE_BUSY or raw.SQLITE_LOCKED => (StorageError.Unavailable, $"another program holds {file}; nothing was changed",
                "close that program (a sqlite3 shell, a backup) and try again"),
            raw.SQLITE_IOERR or raw.SQLITE_NOLFS => (StorageError.Unavailable, $"{file} cannot be read or written",
                $"look at the kernel log for errors of the disk under {Path.GetDirectoryName(file)}, check its free space, and try again"),
            raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => (StorageError.Unavailable, $"{file} is damaged",
                "restart csilocal: it sets the file aside and rebuilds the state from the pools"),
            _ => (StorageError.Internal, $"{file} refused the statement", null),
        };
    }
}
