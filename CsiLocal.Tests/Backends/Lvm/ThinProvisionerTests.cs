using CsiLocal.Backends.Lvm;
using CsiLocal.Native;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Fakes.Lvm;
using CsiLocal.Volumes;
using Xunit;
using static CsiLocal.Tests.Backends.Lvm.ThinPools;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>Thin pools and what is made in them, on the emulator.</summary>
public sealed class ThinProvisionerTests : IDisposable
{
    private const int Timeout = 60_000;

    private readonly ThinWorld _world = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _world.Dispose();

    [Fact(Timeout = Timeout)]
    public async Task A_missing_pool_is_made_once_and_known_again()
    {
        var first = await _world.Start().Thin.OpenAsync(null, Cancelled);
        var (thin, _) = _world.Start();
        var second = await thin.OpenAsync(first, Cancelled);

        Assert.Equal(first, second);
        Assert.Equal($"{_world.Group.Uuid}/{_world.Pool.Uuid}", first);
        Assert.Equal(first, thin.ReadIdentity());
        Assert.Equal(1, _world.Lvm.Count("lvcreate"));
        Assert.Equal((400 * MiB, 8 * MiB, 64L << 10), (_world.Pool.SizeBytes, _world.Pool.MetadataBytes, _world.Pool.ChunkBytes));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_pool_that_was_known_is_never_made_anew()
    {
        var identity = await _world.Start().Thin.OpenAsync(null, Cancelled);
        foreach (var name in _world.Group.Volumes.Keys)
            _world.Group.Volumes.TryRemove(name, out _);

        var e = await RefusedAsync(identity);

        Assert.Contains("is gone, and with it its volumes; it is not made anew", e.Message, StringComparison.Ordinal);
        Assert.Equal(1, _world.Lvm.Count("lvcreate"));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_pool_that_was_renamed_is_found_but_not_taken()
    {
        var identity = await _world.Start().Thin.OpenAsync(null, Cancelled);
        _world.Options = _world.Options with { Lvm = _world.Options.Lvm! with { ThinPool = "other" } };

        var e = await RefusedAsync(identity);

        Assert.Contains("was renamed to pool0", e.Message, StringComparison.Ordinal);
        Assert.Contains("thinPool: pool0", e.Remedy, StringComparison.Ordinal);
    }

    [Fact(Timeout = Timeout)]
    public async Task Without_a_size_the_pool_must_exist()
    {
        _world.Options = _world.Options with { Lvm = _world.Options.Lvm! with { ThinPoolSize = null } };

        Assert.Contains("thinPoolSize", (await RefusedAsync(null)).Remedy, StringComparison.Ordinal);
        Assert.Equal(0, _world.Lvm.Count("lvcreate"));
    }

    [Fact(Timeout = Timeout)]
    public async Task Something_else_of_that_name_is_refused()
    {
        _world.Group.Volumes["pool0"] = new EmulatedVolume(_world.Group, "pool0", "linear") { Extents = 1, Segments = _world.Group.Allocate("pool0", 1) };

        Assert.Contains("is a logical volume of type linear, not a thin pool", (await RefusedAsync(null)).Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_pool_that_shows_old_bytes_is_refused()
    {
        await _world.OpenAsync();
        _world.Pool.ZeroesChunks = false;

        Assert.Contains("lvchange --zero y vg/pool0", (await RefusedAsync(null)).Remedy, StringComparison.Ordinal);
    }

    [Fact(Timeout = Timeout)]
    public async Task An_inactive_pool_is_activated()
    {
        await _world.OpenAsync();
        _world.Lvm.Reboot();
        _world.Pool.IsActive = false;

        var thin = await _world.OpenAsync();

        Assert.True(_world.Pool.IsActive);
        Assert.Empty(thin.InspectPool());
    }

    [Fact(Timeout = Timeout)]
    public async Task A_volume_is_one_process_and_known_at_once()
    {
        var (thin, group) = _world.Start();
        await thin.OpenAsync(null, Cancelled);
        var before = _world.Lvm.Commands.Count;

        await thin.CreateAsync(ThinWorld.Volume("a", 65), ["csilocal.test"], Cancelled);

        Assert.Equal(before + 1, _world.Lvm.Commands.Count);
        var made = group.Find(VolumeId.Mint("a").Value)!;
        Assert.Equal((68 * MiB, "pool0", "thin"), (made.SizeBytes, made.Pool, made.SegmentType));
        Assert.Equal(_world.Lvm.Find("vg", made.Name)!.Uuid, made.Uuid);
        Assert.Equal(["csilocal.test"], made.Tags);
        Assert.Equal(68 * MiB, thin.RoundUp(65 * MiB));
        Assert.Equal(400 * MiB, _world.Pool.SizeBytes);
    }

    [Theory(Timeout = Timeout)]
    [InlineData(100.0, null, nameof(StorageError.Unavailable))] // out of data space
    [InlineData(96.0, null, nameof(StorageError.ResourceExhausted))]
    [InlineData(null, 76.0, nameof(StorageError.ResourceExhausted))]
    public async Task A_full_pool_makes_no_volume_and_no_snapshot(double? data, double? metadata, string expected)
    {
        _world.Options = _world.Options with { Lvm = _world.Options.Lvm! with { ExtendAtPercent = 100 } };
        var (thin, group) = _world.Start();
        await thin.OpenAsync(null, Cancelled);
        await thin.CreateAsync(ThinWorld.Volume("a", 64), [], Cancelled);
        var source = group.Find(VolumeId.Mint("a").Value)!;
        (_world.Pool.DataPercent, _world.Pool.MetadataPercent) = (data, metadata);

        var volume = await Assert.ThrowsAsync<StorageException>(() => thin.CreateAsync(ThinWorld.Volume("b", 64), [], Cancelled));
        var snapshot = await Assert.ThrowsAsync<StorageException>(() => thin.CreateSnapshotAsync(Snapshot("s"), source, [], new RecordedProgress(), Cancelled));

        Assert.Equal((expected, expected), (volume.Error.ToString(), snapshot.Error.ToString()));
        Assert.NotNull(volume.Remedy);
        Assert.Equal(0, thin.MeasureSpace([], []).AvailableBytes);
        Assert.Equal(2, _world.Lvm.Count("lvcreate"));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_restore_into_a_larger_volume_says_that_it_is_unfinished_until_it_has_grown()
    {
        var (thin, group) = _world.Start();
        await thin.OpenAsync(null, Cancelled);
        await thin.CreateAsync(ThinWorld.Volume("a", 64), [], Cancelled);
        var source = group.Find(VolumeId.Mint("a").Value)!;
        var wanted = ThinWorld.Volume("b", 128) with { Source = new ContentSource.FromVolume(VolumeId.Mint("a")) };
        _world.Faults.Failing = "lvextend";

        await Assert.ThrowsAsync<StorageException>(() => thin.CreateFromAsync(wanted, source, new RecordedProgress(), Cancelled));
        var half = LvTags.ReadVolume(group.Find(wanted.Id.Value)!)!;
        Assert.Equal((VolumeState.Creating, 128 * MiB), (half.State, half.SizeBytes));

        _world.Faults.Failing = null;
        Assert.True(await thin.CreateFromAsync(wanted, source, new RecordedProgress(), Cancelled));
        var whole = LvTags.ReadVolume(group.Find(wanted.Id.Value)!)!;
        Assert.Equal((VolumeState.Ready, 128 * MiB), (whole.State, whole.SizeBytes));
        Assert.Equal(128 * MiB, _world.Lvm.Find("vg", wanted.Id.Value)!.SizeBytes);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_clone_of_the_same_size_is_one_process()
    {
        var (thin, group) = _world.Start();
        await thin.OpenAsync(null, Cancelled);
        await thin.CreateAsync(ThinWorld.Volume("a", 64), [], Cancelled);
        var source = group.Find(VolumeId.Mint("a").Value)!;
        var before = _world.Lvm.Commands.Count;

        Assert.True(await thin.CreateFromAsync(
            ThinWorld.Volume("b", 64) with { Source = new ContentSource.FromVolume(VolumeId.Mint("a")) }, source, new RecordedProgress(), Cancelled));

        Assert.Equal(before + 1, _world.Lvm.Commands.Count);
    }

    [Fact(Timeout = Timeout)]
    public async Task What_lies_elsewhere_is_not_copied()
    {
        var (thin, group) = _world.Start();
        await thin.OpenAsync(null, Cancelled);
        await thin.CreateAsync(ThinWorld.Volume("a", 64), [], Cancelled);
        var foreign = group.Find(VolumeId.Mint("a").Value)! with { Pool = "pool1" };

        var e = await Assert.ThrowsAsync<StorageException>(() => thin.CreateSnapshotAsync(Snapshot("s"), foreign, [], new RecordedProgress(), Cancelled));

        Assert.Equal(StorageError.FailedPrecondition, e.Error);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_copy_may_come_to_cost_what_the_volume_holds()
    {
        var (thin, group) = _world.Start();
        await thin.OpenAsync(null, Cancelled);
        var volume = ThinWorld.Volume("a", 64);
        await thin.CreateAsync(volume, [], Cancelled);
        Assert.Equal(0, thin.CopyCost(volume));

        Write(group, volume, 3 * MiB);

        Assert.InRange(thin.CopyCost(volume), 3 * MiB, 4 * MiB);
    }

    [Theory(Timeout = Timeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Blocks_are_given_back_before_a_volume_is_removed_where_that_is_wanted(bool discard)
    {
        _world.Options = _world.Options with { Lvm = _world.Options.Lvm! with { Discard = discard } };
        var (thin, group) = _world.Start();
        await thin.OpenAsync(null, Cancelled);
        var volume = ThinWorld.Volume("a", 64);
        await thin.CreateAsync(volume, [], Cancelled);
        Write(group, volume, 3 * MiB);

        await thin.BeforeRemoveAsync(group.Find(volume.Id.Value)!, Cancelled);

        Assert.Equal(discard, thin.CopyCost(volume) == 0);
    }

    [Fact(Timeout = Timeout)]
    public async Task What_somebody_holds_is_not_discarded()
    {
        var (thin, group) = _world.Start();
        await thin.OpenAsync(null, Cancelled);
        var volume = ThinWorld.Volume("a", 64);
        await thin.CreateAsync(volume, [], Cancelled);
        Write(group, volume, 3 * MiB);
        var found = group.Find(volume.Id.Value)!;
        using var held = BlockDevice.Open(group.Devices.NodeOf(group.DeviceOf(found)!), BlockOpen.Exclusive);

        var e = await Assert.ThrowsAsync<StorageException>(() => thin.BeforeRemoveAsync(found, Cancelled));

        Assert.Equal(StorageError.FailedPrecondition, e.Error);
        Assert.NotEqual(0, thin.CopyCost(volume));
    }

    private async Task<StorageException> RefusedAsync(string? identity)
    {
        var e = await Assert.ThrowsAsync<StorageException>(() => _world.Start().Thin.OpenAsync(identity, Cancelled));
        Assert.Equal(StorageError.Unavailable, e.Error);
        return e;
    }

    private static SnapshotRecord Snapshot(string name) => Records.Snapshot(name, ThinWorld.Volume("a", 64));

    private static void Write(CsiLocal.Backends.Lvm.VolumeGroup group, VolumeRecord volume, long bytes)
    {
        var data = new byte[bytes];
        Array.Fill(data, (byte)7);
        using var device = BlockDevice.Open(group.Devices.NodeOf(group.DeviceOf(group.Find(volume.Id.Value)!)!), BlockOpen.Write);
        device.Write(0, data);
        device.Flush();
    }
}
