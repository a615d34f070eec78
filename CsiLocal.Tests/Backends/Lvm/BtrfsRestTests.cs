using CsiLocal.Backends.Lvm;
using CsiLocal.Filesystems;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class BtrfsRestTests : IAsyncLifetime
{
    private const int Limit = 60_000;

    private readonly ThinWorld _world = new();
    private readonly TemporaryFolder _folder = new();
    private readonly RecordedProgress _progress = new();
    private BtrfsRest _rest = null!;
    private LogicalVolume _volume = null!;
    private string _device = "";
    private bool _isMounted;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var (thin, group) = _world.Start();
        await thin.OpenAsync(null, Token);
        var record = ThinWorld.Volume("v", 200);
        await thin.CreateAsync(record, [], Token);
        _volume = group.Find(record.Id.Value)!;
        _device = group.Devices.NodeOf(group.DeviceOf(_volume)!);
        _rest = new BtrfsRest(group, _world.Clock);
    }

    public ValueTask DisposeAsync()
    {
        if (_isMounted)
            HostCommand.Unmount(_folder.Path);
        _folder.Dispose();
        _world.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact(Timeout = Limit)]
    public async Task Mounted_btrfs_is_frozen_from_lvms_turn_until_it_is_done_and_that_is_remembered()
    {
        Mount("btrfs");
        var frozen = new List<bool>();

        await DuringAsync(async atRest =>
        {
            frozen.Add(await IsFrozenAsync());
            await atRest();
            frozen.Add(await IsFrozenAsync());
            Assert.Equal([_folder.Path], _progress.Freezes);
        });

        Assert.Equal([false, true], frozen);
        Assert.False(await IsFrozenAsync());
        Assert.Equal([_folder.Path, null], _progress.Freezes);
    }

    [Theory(Timeout = Limit)]
    [InlineData("ext4")]
    [InlineData("btrfs", "ro")]
    [InlineData("btrfs", null)]
    public async Task What_needs_no_freeze_or_bears_none_is_left_alone(string type, string? mount = "rw")
    {
        if (mount is null)
            HostCommand.Run($"mkfs.{type}", "-q", _device);
        else
            Mount(type, mount);
        var ran = false;

        await DuringAsync(async atRest =>
        {
            await atRest();
            ran = true;
        });

        Assert.True(ran);
        Assert.Empty(_progress.Freezes);
    }

    [Fact(Timeout = Limit)]
    public async Task Freeze_of_somebody_else_stays_his()
    {
        Mount("btrfs");
        HostCommand.Run("fsfreeze", "--freeze", _folder.Path);
        try
        {
            var ran = false;
            await DuringAsync(async atRest =>
            {
                await atRest();
                ran = true;
            });

            Assert.True(ran);
            Assert.Null(_progress.Freezes[^1]);
        }
        finally
        {
            // Fails where it is not frozen any more.
            HostCommand.Run("fsfreeze", "--unfreeze", _folder.Path);
        }
    }

    [Theory(Timeout = Limit)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Failed_cut_leaves_nothing_frozen(bool hadTurn)
    {
        Mount("btrfs");

        var e = await Assert.ThrowsAsync<StorageException>(() => DuringAsync(async atRest =>
        {
            if (hadTurn)
                await atRest();
            throw new StorageException(StorageError.ResourceExhausted, "lvcreate failed");
        }));

        Assert.Equal("lvcreate failed", e.Message);
        Assert.False(await IsFrozenAsync());
        Assert.Equal(hadTurn ? [_folder.Path, null] : [], _progress.Freezes);
    }

    [Fact(Timeout = Limit)]
    public async Task Workload_does_not_wait_for_an_lvcreate_that_takes_too_long()
    {
        Mount("btrfs");

        await DuringAsync(async atRest =>
        {
            await atRest();
            _world.Clock.Advance(TimeSpan.FromSeconds(11));

            // As a workload does: the write waits until it is thawed.
            await File.WriteAllTextAsync(_folder.Combine("file"), "written", Token);
        });

        Assert.Equal([_folder.Path, null], _progress.Freezes);
    }

    private Task DuringAsync(Func<Func<Task>, Task> cut) => _rest.DuringAsync("create snapshot s", _volume, _progress, cut, Token);

    /// <summary>Asks by freezing: whoever is second is told.</summary>
    private async Task<bool> IsFrozenAsync()
    {
        if (!await FilesystemFreezer.FreezeAsync("test", _folder.Path, TimeSpan.FromSeconds(30), TimeProvider.System, Token))
            return true;
        FilesystemFreezer.Thaw("test", _folder.Path);
        return false;
    }

    private void Mount(string type, string options = "rw")
    {
        HostCommand.Run($"mkfs.{type}", "-q", _device);
        HostCommand.Run("mount", "-t", type, "-o", options, _device, _folder.Path);
        _isMounted = true;
    }
}
