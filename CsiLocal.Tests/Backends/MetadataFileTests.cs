using CsiLocal.Backends;
using CsiLocal.Native;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends;

public sealed class MetadataFileTests : IDisposable
{
    private const int Timeout = 10_000;
    private readonly TemporaryFolder _folder = new();
    private readonly PoolFolder _pool;

    public MetadataFileTests()
    {
        _pool = new PoolFolder("p", BackendKind.Image, _folder.Combine("pool"));
        _pool.Inspect();
    }

    public void Dispose() => _folder.Dispose();

    [Fact(Timeout = Timeout)]
    public async Task Everything_of_a_volume_comes_back()
    {
        var volume = Records.Volume("pvc \"1\" \u0001 ü <>") with
        {
            Format = FormatState.Inherited,
            FormattedAt = Records.Noon.AddTicks(1),
            MkfsOptions = ["-b", "4096"],
            Parameters = new Dictionary<string, string> { ["pool"] = "p", ["a"] = "" },
            Source = new ContentSource.FromSnapshot(SnapshotId.Mint("s")),
            PendingSizeBytes = long.MaxValue,
            Preallocated = true,
            ProjectId = uint.MaxValue,
            SharedBytes = long.MaxValue,
            State = VolumeState.Deleting,
        };

        MetadataFile.Write(_pool.VolumesPath, volume);

        var found = MetadataFile.ReadVolume(_pool.VolumesPath, volume.Id)!;
        Assert.Equal(volume.MkfsOptions, found.MkfsOptions);
        Assert.Equal(volume.Parameters, found.Parameters);
        Assert.Equal(volume, found with { MkfsOptions = volume.MkfsOptions, Parameters = volume.Parameters });
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task Everything_of_a_snapshot_comes_back()
    {
        var snapshot = Records.Snapshot("snap", Records.Volume("a")) with
        {
            Format = FormatState.Formatted,
            ProjectId = 7,
            SharedBytes = 3,
            State = SnapshotState.Ready,
        };

        MetadataFile.Write(_pool.SnapshotsPath, snapshot);

        Assert.Equal(snapshot, MetadataFile.ReadSnapshot(_pool.SnapshotsPath, snapshot.Id));
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task A_clones_source_and_absent_fields_come_back()
    {
        var volume = Records.Volume("a", backend: BackendKind.Directory) with
        {
            Source = new ContentSource.FromVolume(VolumeId.Mint("b")),
        };

        MetadataFile.Write(_pool.VolumesPath, volume);

        var found = MetadataFile.ReadVolume(_pool.VolumesPath, volume.Id)!;
        Assert.Equal(volume, found with { MkfsOptions = volume.MkfsOptions, Parameters = volume.Parameters });
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task The_file_is_the_owners_alone_and_the_temporary_one_is_gone()
    {
        var volume = Records.Volume("a");

        MetadataFile.Write(_pool.VolumesPath, volume);

        Assert.Equal([MetadataFile.PathOf(_pool.VolumesPath, volume.Id.Value)], Directory.GetFileSystemEntries(_pool.VolumesPath));
        Assert.Equal((UnixFileMode)0b110_000_000, File.GetUnixFileMode(MetadataFile.PathOf(_pool.VolumesPath, volume.Id.Value)));
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task What_a_kill_left_of_a_write_is_passed_over_and_replaced()
    {
        var volume = Records.Volume("a");
        var path = MetadataFile.PathOf(_pool.VolumesPath, volume.Id.Value);
        File.WriteAllText(DurableFile.TemporaryName(path), "{ \"schem");

        Assert.Empty(MetadataFile.List(_pool, ".img"));
        Assert.Null(MetadataFile.ReadVolume(_pool.VolumesPath, volume.Id));
        MetadataFile.Write(_pool.VolumesPath, volume);

        Assert.NotNull(MetadataFile.ReadVolume(_pool.VolumesPath, volume.Id));
        Assert.Equal([path], Directory.GetFileSystemEntries(_pool.VolumesPath));
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task Removing_takes_the_temporary_file_too_and_may_be_repeated()
    {
        var volume = Records.Volume("a");
        var path = MetadataFile.PathOf(_pool.VolumesPath, volume.Id.Value);
        MetadataFile.Write(_pool.VolumesPath, volume);
        File.WriteAllText(DurableFile.TemporaryName(path), "");

        MetadataFile.Remove(_pool.VolumesPath, volume.Id.Value);
        MetadataFile.Remove(_pool.VolumesPath, volume.Id.Value);

        Assert.Empty(Directory.GetFileSystemEntries(_pool.VolumesPath));
        await Task.CompletedTask;
    }

    [Theory(Timeout = Timeout)]
    [InlineData("\"schema\": 1", "\"schema\": 2", "schema 2")]
    [InlineData("\"schema\": 1,", "", "'schema' is missing")]
    [InlineData("\"kind\": \"volume\"", "\"kind\": \"snapshot\"", "describes a snapshot")]
    [InlineData("\"name\": \"a\",", "", "'name' is missing")]
    [InlineData("\"sizeBytes\": 67108864", "\"sizeBytes\": -1", "'sizeBytes' is '-1'")]
    [InlineData("\"sizeBytes\": 67108864", "\"sizeBytes\": 1e400", "'sizeBytes' is '1e400'")]
    [InlineData("\"access\": \"mount\"", "\"access\": \"1\"", "'access' is '1'")]
    [InlineData("\"format\": \"never\",", "", "'format' is missing")]
    [InlineData("\"state\": \"creating\"", "\"state\": []", "'state' is not a text")]
    [InlineData("\"mkfsOptions\": []", "\"mkfsOptions\": [1]", "'mkfsOptions' is not a list")]
    [InlineData("\"parameters\": {}", "\"parameters\": {\"a\":{}}", "'parameters.a' is not a text")]
    [InlineData("\"preallocated\": false", "\"preallocated\": 0", "'preallocated'")]
    [InlineData("\"createdAt\": \"2026", "\"createdAt\": \"soon", "'createdAt'")]
    [InlineData("\"projectId\": null", "\"projectId\": 4294967296", "'projectId' is out of range")]
    [InlineData("{\n", "[\n", "")]
    public async Task Damage_is_told_and_not_guessed_over(string text, string damaged, string problem)
    {
        var volume = Records.Volume("a");
        var path = MetadataFile.PathOf(_pool.VolumesPath, volume.Id.Value);
        MetadataFile.Write(_pool.VolumesPath, volume);
        var content = File.ReadAllText(path);
        Assert.Contains(text, content, StringComparison.Ordinal);
        File.WriteAllText(path, content.Replace(text, damaged, StringComparison.Ordinal));

        var e = Assert.Throws<StorageException>(() => MetadataFile.ReadVolume(_pool.VolumesPath, volume.Id));
        var found = Assert.Single(MetadataFile.List(_pool, ".img"));

        Assert.Equal(StorageError.DataLoss, e.Error);
        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
        Assert.Contains(problem, found.Problem!, StringComparison.Ordinal);
        Assert.Null(found.Volume);
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task Fields_of_a_later_driver_are_dropped()
    {
        var volume = Records.Volume("a");
        var path = MetadataFile.PathOf(_pool.VolumesPath, volume.Id.Value);
        MetadataFile.Write(_pool.VolumesPath, volume);
        File.WriteAllText(path, File.ReadAllText(path).Replace("{\n", "{\n\"later\": {\"x\": [1]},\n", StringComparison.Ordinal));

        Assert.Equal(volume.Name, MetadataFile.ReadVolume(_pool.VolumesPath, volume.Id)!.Name);
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task A_file_under_another_id_is_not_believed()
    {
        var volume = Records.Volume("a");
        var other = VolumeId.Mint("b");
        MetadataFile.Write(_pool.VolumesPath, volume);
        File.Move(MetadataFile.PathOf(_pool.VolumesPath, volume.Id.Value), MetadataFile.PathOf(_pool.VolumesPath, other.Value));

        Assert.Throws<StorageException>(() => MetadataFile.ReadVolume(_pool.VolumesPath, other));
        Assert.Contains("another id", Assert.Single(MetadataFile.List(_pool, ".img")).Problem!, StringComparison.Ordinal);
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task The_list_tells_whole_halves_and_strangers_apart()
    {
        var whole = Records.Volume("whole");
        var bare = Records.Volume("metadata only");
        var orphan = VolumeId.Mint("data only");
        var snapshot = Records.Snapshot("snap", whole);
        MetadataFile.Write(_pool.VolumesPath, whole);
        MetadataFile.Write(_pool.VolumesPath, bare);
        MetadataFile.Write(_pool.SnapshotsPath, snapshot);
        File.WriteAllText(Path.Combine(_pool.VolumesPath, $"{whole.Id}.img"), "");
        File.WriteAllText(Path.Combine(_pool.VolumesPath, $"{orphan}.img"), "");
        File.WriteAllText(Path.Combine(_pool.SnapshotsPath, $"{snapshot.Id}.img"), "");
        File.WriteAllText(Path.Combine(_pool.VolumesPath, "notes.txt"), "");

        var found = MetadataFile.List(_pool, ".img").ToDictionary(o => o.EntryName);

        Assert.Equal(5, found.Count);
        Assert.Equal((whole.Id, true), (found[$"{whole.Id}.img"].Volume!.Id, found[$"{whole.Id}.img"].HasData));
        Assert.Equal((bare.Id, false), (found[$"{bare.Id}.img"].Volume!.Id, found[$"{bare.Id}.img"].HasData));
        Assert.Equal(snapshot.Id, found[$"{snapshot.Id}.img"].Snapshot!.Id);
        Assert.Contains("without a metadata file", found[$"{orphan}.img"].Problem!, StringComparison.Ordinal);
        Assert.Contains("not an entry", found["notes.txt"].Problem!, StringComparison.Ordinal);
        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task Random_bytes_never_throw_out_of_the_list()
    {
        var random = new Random(1);
        var path = MetadataFile.PathOf(_pool.VolumesPath, VolumeId.Mint("a").Value);
        MetadataFile.Write(_pool.VolumesPath, Records.Volume("a"));
        var good = File.ReadAllBytes(path);
        for (var i = 0; i < 500; i++)
        {
            var bytes = (byte[])good.Clone();
            for (var j = 0; j < 3; j++)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(path, bytes[..random.Next(bytes.Length + 1)]);

            Assert.Single(MetadataFile.List(_pool, ".img"));
        }

        await Task.CompletedTask;
    }
}
