using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace CsiLocal.State;

/// <summary>One SQLite connection and its prepared statements. Not for two threads at once.</summary>
internal sealed class StateConnection : IDisposable
{
    /// <summary>For another process that holds the file for a moment (a backup, a curious <c>sqlite3</c>).</summary>
    private const int BusySeconds = 5;

    private readonly SqliteConnection _connection;
    private readonly Dictionary<string, SqliteCommand> _prepared = new(StringComparer.Ordinal);

    private StateConnection(SqliteConnection connection) => _connection = connection;

    /// <summary>False while a transaction is open.</summary>
    public bool IsAutoCommit => raw.sqlite3_get_autocommit(_connection.Handle) != 0;

    /// <exception cref="SqliteException">The file cannot be opened, or is no database.</exception>
    public static StateConnection OpenWriter(string file)
    {
        var connection = Open(file, SqliteOpenMode.ReadWrite);
        try
        {
            // FULL, not NORMAL: in WAL mode NORMAL may lose the last commits in a power cut, and an intent must not be lost (design §2.3).
            connection.Run("""
                PRAGMA journal_mode = WAL;
                PRAGMA synchronous = FULL;
                PRAGMA foreign_keys = ON;
                PRAGMA journal_size_limit = 16777216;
                """);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <exception cref="SqliteException">The file cannot be opened, or is no database.</exception>
    public static StateConnection OpenReader(string file) => Open(file, SqliteOpenMode.ReadOnly);

    /// <summary>An empty file that is to become a copy.</summary>
    public static StateConnection OpenCopy(string file) => Open(file, SqliteOpenMode.ReadWrite);

    /// <summary>Runs a statement; returns the number of rows it changed.</summary>
    public int Execute(string sql, params ReadOnlySpan<(string Name, object? Value)> parameters) =>
        Prepare(sql, parameters).ExecuteNonQuery();

    public List<T> Query<T>(string sql, Func<SqliteDataReader, T> read, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using var reader = Prepare(sql, parameters).ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
            rows.Add(ReadRow(reader, read));
        return rows;
    }

    public T? QueryFirst<T>(string sql, Func<SqliteDataReader, T> read, params ReadOnlySpan<(string Name, object? Value)> parameters)
        where T : class
    {
        using var reader = Prepare(sql, parameters).ExecuteReader();
        return reader.Read() ? ReadRow(reader, read) : null;
    }

    /// <summary>The first column of the one row that the statement yields; 0 where it yields none.</summary>
    public long QueryNumber(string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using var reader = Prepare(sql, parameters).ExecuteReader();
        return reader.Read() ? reader.GetInt64(0) : 0;
    }

    /// <summary>Runs a script of several statements, without parameters, once.</summary>
    public void Run(string script)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = script;
        command.ExecuteNonQuery();
    }

    /// <summary>Copies the whole database as it is at one moment, beside writers and without stopping them (sqlite.org/backup.html).</summary>
    public void CopyTo(StateConnection target) => _connection.BackupDatabase(target._connection);

    public void Dispose()
    {
        foreach (var command in _prepared.Values)
            command.Dispose();
        _connection.Dispose();
    }

    private static T ReadRow<T>(SqliteDataReader row, Func<SqliteDataReader, T> read)
    {
        try
        {
            return read(row);
        }
        catch (Exception e) when (StateErrors.IsUnreadable(e))
        {
            throw StateErrors.Unreadable(e);
        }
    }

    private static StateConnection Open(string file, SqliteOpenMode mode)
    {
        var settings = new SqliteConnectionStringBuilder
        {
            DataSource = file,
            Mode = mode,
            // The driver's pool would keep the file open after Dispose; connections are few and long-lived here.
            Pooling = false,
            DefaultTimeout = BusySeconds,
        };
        var connection = new SqliteConnection(settings.ConnectionString);
        try
        {
            connection.Open();
            return new StateConnection(connection);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private SqliteCommand Prepare(string sql, ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        if (!_prepared.TryGetValue(sql, out var command))
        {
            command = _connection.CreateCommand();
            command.CommandText = sql;
            _prepared.Add(sql, command);
        }

        command.Parameters.Clear();
        foreach (var (name, value) in parameters)
            command.Parameters.AddWithValue(name, value ?? DBNull.Value);
        return command;
    }
}
