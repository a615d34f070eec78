using System.Diagnostics;
using CsiLocal.State;
using CsiLocal.Volumes;
using Microsoft.Data.Sqlite;
using Xunit;

namespace CsiLocal.Tests.State;

public sealed class FaultTests : IDisposable
{
    private readonly StateFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Proves commit before answer and recovery of the log; a power cut is another matter, for the VM tier.</summary>
    [Fact(Timeout = 60_000)]
    public async Task What_was_acknowledged_before_a_kill_is_there_after_it_and_nothing_by_halves()
    {
        var acknowledged = new HashSet<string>();
        for (var round = 1; round <= 3; round++)
        {
            using var child = ChildProcess.Start("commit", _folder.Path + round);
            for (var i = 0; i < 50 * round; i++)
                acknowledged.Add((await child.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!);
            child.Kill();
            while (await child.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
                acknowledged.Add(line);
            await child.WaitForExitAsync(TestContext.Current.CancellationToken);

            using var store = StateStore.Open(_folder.Path + round, TimeProvider.System);
            var there = store.AllVolumes().Select(v => v.Name).ToHashSet();
            Assert.Null(store.DamagedFileSetAside);
            Assert.Subset(there, acknowledged);
            Assert.Equal(there.Count, store.AllTasks().Count);
            acknowledged.Clear();
        }
    }

    [Fact(Timeout = 60_000)]
    public Task A_full_disk_is_reported_with_the_remedy_and_changes_nothing()
    {
        Assert.SkipUnless(Environment.UserName == "root", "mounts a small tmpfs, which needs root");
        Directory.CreateDirectory(_folder.Path);
        Run("mount", "-t", "tmpfs", "-o", "size=512k", "csilocal-test", _folder.Path);
        try
        {
            using var store = _folder.Open();
            var stored = new List<string>();
            StorageException? error = null;
            for (var i = 0; error is null; i++)
            {
                var volume = Samples.Volume($"pvc-{i}") with { MkfsOptions = [new string('x', 20_000)] };
                error = Record.Exception(() => store.InTransaction(() =>
                {
                    store.PutTask(Samples.Task(volume.Id.Value));
                    store.InsertVolume(volume);
                })) as StorageException;
                if (error is null)
                    stored.Add(volume.Name);
            }

            Assert.Equal(StorageError.Unavailable, error.Error);
            Assert.NotNull(error.Remedy);
            Assert.Equal(stored, store.AllVolumes().Select(v => v.Name));
            Assert.Equal(stored.Count, store.AllTasks().Count);
        }
        finally
        {
            Run("umount", _folder.Path);
        }

        return Task.CompletedTask;
    }

    [Fact(Timeout = 60_000)]
    public Task A_disk_with_space_again_is_used_again()
    {
        Assert.SkipUnless(Environment.UserName == "root", "mounts a small tmpfs, which needs root");
        Directory.CreateDirectory(_folder.Path);
        Run("mount", "-t", "tmpfs", "-o", "size=1m", "csilocal-test", _folder.Path);
        try
        {
            using var store = _folder.Open();
            var ballast = Path.Combine(_folder.Path, "ballast");
            using (var file = File.Create(ballast))
                Record.Exception(() => file.Write(new byte[2 << 20]));
            var big = Samples.Volume("big") with { MkfsOptions = [new string('x', 200_000)] };
            Assert.Throws<StorageException>(() => store.InsertVolume(big));

            File.Delete(ballast);
            store.InsertVolume(big);

            Assert.Equal(["big"], store.AllVolumes().Select(v => v.Name));
        }
        finally
        {
            Run("umount", _folder.Path);
        }

        return Task.CompletedTask;
    }

    [Fact(Timeout = 60_000)]
    public Task A_read_only_disk_is_reported_with_the_remedy_and_touched_by_nothing()
    {
        Assert.SkipUnless(Environment.UserName == "root", "mounts a tmpfs read-only, which needs root");
        Directory.CreateDirectory(_folder.Path);
        Run("mount", "-t", "tmpfs", "-o", "size=4m", "csilocal-test", _folder.Path);
        try
        {
            using (var store = _folder.Open())
                store.InsertVolume(Samples.Volume("a"));
            var before = File.ReadAllBytes(_folder.File);
            Run("mount", "-o", "remount,ro", _folder.Path);

            var error = Assert.Throws<StorageException>(_folder.Open);

            Assert.Equal(StorageError.Unavailable, error.Error);
            Assert.Contains("read-write", error.Remedy, StringComparison.Ordinal);
            Assert.Equal(before, File.ReadAllBytes(_folder.File));
            Assert.Throws<StorageException>(() => StateDirectoryLock.Acquire(_folder.Path));
        }
        finally
        {
            Run("umount", _folder.Path);
        }

        return Task.CompletedTask;
    }

    [Fact(Timeout = 30_000)]
    public Task A_program_that_holds_the_file_is_reported()
    {
        using var store = _folder.Open();
        using var other = new SqliteConnection($"Data Source={_folder.File};Pooling=False");
        other.Open();
        using var begin = new SqliteCommand("BEGIN IMMEDIATE", other);
        begin.ExecuteNonQuery();

        var error = Assert.Throws<StorageException>(() => store.InsertVolume(Samples.Volume("a")));

        Assert.Equal(StorageError.Unavailable, error.Error);
        Assert.Contains("close that program", error.Remedy, StringComparison.Ordinal);
        Assert.Empty(store.AllVolumes());
        return Task.CompletedTask;
    }

    [Theory(Timeout = 10_000)]
    [InlineData(13, 13, "Unavailable", "free some space")]
    [InlineData(8, 8, "Unavailable", "read-write")]
    [InlineData(14, 14, "Unavailable", "read-write")]
    [InlineData(10, 1034, "Unavailable", "kernel log")]
    [InlineData(5, 5, "Unavailable", "close that program")]
    [InlineData(11, 11, "Unavailable", "restart csilocal")]
    [InlineData(26, 26, "Unavailable", "restart csilocal")]
    [InlineData(19, 2067, "AlreadyExists", null)]
    [InlineData(19, 787, "NotFound", null)]
    [InlineData(19, 275, "Internal", null)]
    [InlineData(1, 1, "Internal", null)]
    public Task Each_result_code_has_a_meaning_and_a_remedy(int code, int extended, string expected, string? remedy)
    {
        var error = StateErrors.Translate(new SqliteException("what SQLite says", code, extended), "insert volume v1", "/state/state.db");

        Assert.Equal(expected, error.Error.ToString());
        Assert.StartsWith("insert volume v1: ", error.Message, StringComparison.Ordinal);
        Assert.Contains("what SQLite says", error.Message, StringComparison.Ordinal);
        if (remedy is null)
            Assert.Null(error.Remedy);
        else
            Assert.Contains(remedy, error.Remedy, StringComparison.Ordinal);
        return Task.CompletedTask;
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
