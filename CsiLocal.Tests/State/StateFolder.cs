using CsiLocal.State;
using Microsoft.Data.Sqlite;

namespace CsiLocal.Tests.State;

/// <summary>A state directory of a test's own, and a look into its file past the store.</summary>
internal sealed class StateFolder : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("csilocal-tests-").FullName;

    /// <summary>Not there yet: the store makes it.</summary>
    public string Path => System.IO.Path.Combine(_root, "state");

    public string File => System.IO.Path.Combine(Path, StateFile.Name);

    public ManualClock Clock { get; } = new();

    public StateStore Open() => StateStore.Open(Path, Clock);

    public StateStore Open(IReadOnlyList<Migration> migrations) => StateStore.Open(Path, Clock, migrations);

    /// <summary>What another program sees, a moment's snapshot: the first column of the first row.</summary>
    public long Number(string sql)
    {
        SqliteProvider.EnsureLoaded();
        using var connection = new SqliteConnection($"Data Source={File};Mode=ReadOnly;Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return (long)command.ExecuteScalar()!;
    }

    /// <summary>Changes the file behind the store's back.</summary>
    public void Tamper(string sql)
    {
        SqliteProvider.EnsureLoaded();
        using var connection = new SqliteConnection($"Data Source={File};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}

/// <summary>Time stands still until it is told to move.</summary>
internal sealed class ManualClock : TimeProvider
{
    private long _ticks = new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero).Ticks;

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref _ticks), TimeSpan.Zero);

    public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);
}
