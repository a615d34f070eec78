using CsiLocal.State;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.State;

public sealed class StateFileTests : IDisposable
{
    private readonly StateFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact(Timeout = 10_000)]
    public Task The_migrations_are_numbered_in_order()
    {
        var migrations = Migrator.Embedded();

        Assert.NotEmpty(migrations);
        Assert.Equal(migrations.Select(m => m.Version).Distinct().Order(), migrations.Select(m => m.Version));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Migrations_are_applied_once_each_and_recorded()
    {
        _folder.Open().Dispose();
        List<Migration> more = [.. Migrator.Embedded(), Next("CREATE TABLE added (a INTEGER) STRICT; INSERT INTO added VALUES (1), (2);")];

        _folder.Open(more).Dispose();
        _folder.Open(more).Dispose();

        Assert.Equal(2, _folder.Number("SELECT COUNT(*) FROM added"));
        Assert.Equal(more.Count, _folder.Number("SELECT COUNT(*) FROM migrations"));
        Assert.Equal(more[^1].Version, _folder.Number("SELECT MAX(version) FROM migrations"));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task A_migration_that_fails_leaves_no_trace()
    {
        using (var store = _folder.Open())
            store.InsertVolume(Samples.Volume("pvc-1"));
        List<Migration> bad = [.. Migrator.Embedded(), Next("CREATE TABLE half (a INTEGER) STRICT; DELETE FROM volumes; SELECT nonsense;")];

        Assert.Throws<StorageException>(() => _folder.Open(bad));

        Assert.Equal(0, _folder.Number("SELECT COUNT(*) FROM sqlite_schema WHERE name = 'half'"));
        using var again = _folder.Open();
        Assert.Single(again.AllVolumes());
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task A_newer_schema_is_refused_by_name_and_nothing_is_touched()
    {
        _folder.Open().Dispose();
        _folder.Tamper("INSERT INTO migrations VALUES (99, '0099_future', '2030-01-01T00:00:00.0000000Z')");
        var before = File.ReadAllBytes(_folder.File);

        var error = Assert.Throws<StorageException>(_folder.Open);

        Assert.Equal(StorageError.Unavailable, error.Error);
        Assert.Contains("version 99", error.Message, StringComparison.Ordinal);
        Assert.Contains($"up to {Migrator.Embedded()[^1].Version}", error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Remedy);
        Assert.Equal(before, File.ReadAllBytes(_folder.File));
        Assert.DoesNotContain(Directory.GetFiles(_folder.Path), f => f.Contains("damaged", StringComparison.Ordinal));
        return Task.CompletedTask;
    }

    [Theory(Timeout = 20_000)]
    [InlineData("random")]
    [InlineData("text")]
    [InlineData("truncated")]
    [InlineData("page lost")]
    [InlineData("row lost to a wild write")]
    [InlineData("foreign")]
    [InlineData("value no record has")]
    public Task A_damaged_file_is_set_aside_unchanged_and_a_fresh_one_made(string damage)
    {
        Fill(300);
        Damage(damage);
        var before = File.ReadAllBytes(_folder.File);

        using var store = _folder.Open();

        Assert.True(store.IsFresh);
        Assert.NotNull(store.DamagedFileSetAside);
        Assert.Matches(@"/state\.db\.damaged-20260301T120000Z$", store.DamagedFileSetAside);
        Assert.Equal(before, File.ReadAllBytes(store.DamagedFileSetAside));
        Assert.Empty(store.AllVolumes());
        store.InsertVolume(Samples.Volume("new"));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 20_000)]
    public Task Two_damaged_files_of_one_moment_are_both_kept()
    {
        Directory.CreateDirectory(_folder.Path);
        File.WriteAllText(_folder.File, "the first");
        File.WriteAllText(_folder.File + "-wal", "its log");
        var first = OpenAndClose();
        File.WriteAllText(_folder.File, "the second");
        var second = OpenAndClose();

        Assert.Equal("the first", File.ReadAllText(first!));
        Assert.Equal("its log", File.ReadAllText(first + "-wal"));
        Assert.Equal("the second", File.ReadAllText(second!));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task An_empty_file_is_a_fresh_start()
    {
        Directory.CreateDirectory(_folder.Path);
        File.WriteAllBytes(_folder.File, []);

        using var store = _folder.Open();

        Assert.True(store.IsFresh);
        Assert.Null(store.DamagedFileSetAside);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 20_000)]
    public Task Damage_in_the_journal_met_at_work_is_found_at_the_next_start()
    {
        Fill(1);
        OverwritePage(_folder.Number("SELECT rootpage FROM sqlite_schema WHERE name = 'commands'"));
        using (var store = _folder.Open())
        {
            Assert.Null(store.DamagedFileSetAside);
            store.RecordCommand(new() { Program = "true", Arguments = [], Duration = default, StartedAt = Samples.Time });
            var error = Assert.Throws<StorageException>(store.Flush);
            Assert.Equal(StorageError.Unavailable, error.Error);
            Assert.Contains("restart csilocal", error.Remedy, StringComparison.Ordinal);
        }

        Assert.NotNull(OpenAndClose());
        Assert.Null(OpenAndClose());
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task A_row_spoilt_while_the_store_is_open_is_reported_as_damage()
    {
        using var store = _folder.Open();
        store.InsertVolume(Samples.Volume("a"));
        _folder.Tamper("UPDATE volumes SET id = 'v' || upper(substr(id, 2))");

        var error = Assert.Throws<StorageException>(store.AllVolumes);

        Assert.Equal(StorageError.Unavailable, error.Error);
        Assert.Contains("is not a volume id", error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Remedy);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 60_000)]
    public Task Wild_bytes_anywhere_never_bring_another_error_than_ours()
    {
        Fill(20);
        var sound = File.ReadAllBytes(_folder.File);
        var random = new Random(20260301);
        for (var i = 0; i < 300; i++)
        {
            var bytes = (byte[])sound.Clone();
            // Half of the hits go where the schema and the headers are.
            var offset = random.Next(i % 2 == 0 ? 200 : bytes.Length - 8);
            random.NextBytes(bytes.AsSpan(offset, random.Next(1, 8)));
            File.WriteAllBytes(_folder.File, bytes);
            try
            {
                using var store = _folder.Open();
                store.SetBootId("x");
                store.InsertVolume(Samples.Volume("new"));
                _ = store.AllVolumes();
                _ = store.AllSnapshots();
                store.RemoveVolume(VolumeId.Mint("new"));
            }
            catch (StorageException e)
            {
                Assert.NotNull(e.Message);
            }

            File.Delete(_folder.File + "-wal");
            File.Delete(_folder.File + "-shm");
            _folder.Clock.Advance(TimeSpan.FromSeconds(1));
        }

        return Task.CompletedTask;
    }

    private static Migration Next(string sql) => new(Migrator.Embedded()[^1].Version + 1, "next", sql);

    private string? OpenAndClose()
    {
        using var store = _folder.Open();
        return store.DamagedFileSetAside;
    }

    private void Fill(int volumes)
    {
        using var store = _folder.Open();
        store.InTransaction(() =>
        {
            for (var i = 0; i < volumes; i++)
                store.InsertVolume(Samples.Volume($"pvc-{i}"));
        });
    }

    private void Damage(string kind)
    {
        switch (kind)
        {
            case "random":
                var noise = new byte[40_000];
                new Random(1).NextBytes(noise);
                File.WriteAllBytes(_folder.File, noise);
                break;
            case "text":
                File.WriteAllText(_folder.File, "this is no database\n");
                break;
            case "truncated":
                using (var file = File.OpenWrite(_folder.File))
                    file.SetLength(file.Length / 2);
                break;
            case "page lost":
                OverwritePage(_folder.Number("SELECT rootpage FROM sqlite_schema WHERE name = 'volumes'"));
                break;
            case "row lost to a wild write":
                OverwritePage(_folder.Number("SELECT rootpage FROM sqlite_schema WHERE name = 'volumes'") + 40);
                break;
            case "foreign":
                File.Delete(_folder.File);
                _folder.Tamper("CREATE TABLE songs (title TEXT)");
                break;
            case "value no record has":
                _folder.Tamper("UPDATE volumes SET filesystem_uuid = replace(filesystem_uuid, '-', '~')");
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(kind), kind, null);
        }
    }

    private void OverwritePage(long number)
    {
        const int pageSize = 4096;
        using var file = File.OpenWrite(_folder.File);
        file.Position = (number - 1) * pageSize;
        file.Write(Enumerable.Repeat((byte)0xFF, pageSize).ToArray());
    }
}
