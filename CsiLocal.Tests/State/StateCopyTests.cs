using CsiLocal.State;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.State;

public sealed class StateCopyTests : IDisposable
{
    private readonly StateFolder _folder = new();
    private readonly StateFolder _other = new();

    private string Target => Path.Combine(_other.Path, StateFile.Name);

    public void Dispose()
    {
        _folder.Dispose();
        _other.Dispose();
    }

    [Fact(Timeout = 10_000)]
    public Task A_copy_beside_a_writer_has_all_that_was_committed_and_opens_as_a_state()
    {
        Directory.CreateDirectory(_other.Path);
        using (var store = _folder.Open())
        {
            for (var i = 0; i < 100; i++)
                store.InsertVolume(Samples.Volume($"pvc-{i}"));

            Assert.True(StateCopy.Write(_folder.Path, Target, overwrite: false) > 0);
        }

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Target));
        Assert.Equal([Target], Directory.GetFileSystemEntries(_other.Path));
        using var copy = _other.Open();
        Assert.Equal(100, copy.AllVolumes().Count);
        Assert.Null(copy.DamagedFileSetAside);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task A_file_that_is_there_is_replaced_only_when_asked()
    {
        Directory.CreateDirectory(_other.Path);
        _folder.Open().Dispose();
        File.WriteAllText(Target, "mine");

        Assert.Equal(StorageError.AlreadyExists, Assert.Throws<StorageException>(() => StateCopy.Write(_folder.Path, Target, overwrite: false)).Error);
        Assert.Equal("mine", File.ReadAllText(Target));
        StateCopy.Write(_folder.Path, Target, overwrite: true);
        Assert.Empty(StateCopy.Examine(_other.Path).Problems);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task A_damaged_state_is_not_copied_and_its_damage_told()
    {
        Directory.CreateDirectory(_other.Path);
        using (var store = _folder.Open())
            store.InsertVolume(Samples.Volume("pvc-1"));
        using (var file = File.OpenWrite(_folder.File))
        {
            // The first page tells the schema, the second holds a table.
            file.Seek(4096, SeekOrigin.Begin);
            file.Write(new byte[64 * 1024]);
        }

        Assert.NotEmpty(StateCopy.Examine(_folder.Path).Problems);
        Assert.Equal(StorageError.DataLoss, Assert.Throws<StorageException>(() => StateCopy.Write(_folder.Path, Target, overwrite: false)).Error);
        Assert.Empty(Directory.GetFileSystemEntries(_other.Path));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task A_newer_schema_and_no_state_at_all_are_told()
    {
        _folder.Open().Dispose();
        _folder.Tamper("INSERT INTO migrations VALUES (99, '0099_future', '2030-01-01T00:00:00.0000000Z')");

        Assert.Contains("version 99", Assert.Single(StateCopy.Examine(_folder.Path).Problems), StringComparison.Ordinal);
        Assert.Equal(StorageError.NotFound, Assert.Throws<StorageException>(() => StateCopy.Examine(_other.Path)).Error);
        return Task.CompletedTask;
    }
}
