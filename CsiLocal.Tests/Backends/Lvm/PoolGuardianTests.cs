using CsiLocal.Volumes;
using Xunit;
using static CsiLocal.Tests.Backends.Lvm.ThinPools;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>What the guardian does about a thin pool, on the emulator.</summary>
public sealed class PoolGuardianTests : IDisposable
{
    private const int Timeout = 60_000;

    private readonly ThinWorld _world = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _world.Dispose();

    [Fact(Timeout = Timeout)]
    public async Task A_pool_with_room_costs_no_process()
    {
        var thin = await _world.OpenAsync();
        var before = _world.Lvm.Commands.Count;

        for (var turn = 0; turn < 100; turn++)
            await TurnAsync(thin);

        Assert.Equal(before, _world.Lvm.Commands.Count);
        Assert.Empty(_world.Told);
        Assert.Empty(thin.InspectPool());
    }

    [Fact(Timeout = Timeout)]
    public async Task Data_is_extended_at_its_threshold_and_told_once()
    {
        var thin = await _world.OpenAsync();
        _world.Pool.DataPercent = 85;

        await TurnAsync(thin);
        Settle();
        await TurnAsync(thin);

        Assert.Equal(480 * MiB, _world.Pool.SizeBytes);
        Assert.Equal(1, _world.Lvm.Count("lvextend"));
        Assert.Equal(
            ["has more data: thin pool vg/pool0: 340 MiB of 400 MiB were in use, it was extended to 480 MiB"], _world.Told);
        Assert.Empty(thin.InspectPool());
    }

    [Fact(Timeout = Timeout)]
    public async Task Metadata_is_extended_at_its_threshold()
    {
        var thin = await _world.OpenAsync();
        var before = _world.Pool.MetadataBytes;
        _world.Pool.MetadataPercent = 71;

        await TurnAsync(thin);

        Assert.Equal(before + Extent, _world.Pool.MetadataBytes);
        Assert.StartsWith("has more metadata: thin pool vg/pool0: ", Assert.Single(_world.Told), StringComparison.Ordinal);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_pool_in_want_is_told_about_once_and_so_is_its_rescue()
    {
        var thin = await _world.OpenAsync();
        await FillGroupAsync(thin);
        await TurnAsync(thin, times: 5);

        Assert.StartsWith("! needs help (ThinPoolNearlyFull): ", Assert.Single(_world.Told, IsAlarm), StringComparison.Ordinal);
        Assert.Equal("ThinPoolNearlyFull", Assert.Single(thin.InspectPool()).Reason);

        _world.AddDisk();
        var size = _world.Pool.SizeBytes;
        for (var turn = 0; turn < 61 && _world.Pool.SizeBytes == size; turn++)
            await TurnAsync(thin);
        Settle();
        await TurnAsync(thin);

        Assert.Contains(_world.Told, static line => line.StartsWith("has more data: ", StringComparison.Ordinal));
        Assert.Equal("is past ThinPoolNearlyFull: thin pool vg/pool0 is well again", _world.Told[^1]);
        Assert.Empty(thin.InspectPool());
    }

    [Fact(Timeout = Timeout)]
    public async Task A_full_pool_looks_for_new_space_every_five_seconds_and_is_extended_at_once()
    {
        var thin = await _world.OpenAsync();
        await FillGroupAsync(thin);
        _world.Pool.DataPercent = 100;
        await TurnAsync(thin);
        Assert.Equal(HealthStatus.Inaccessible, thin.InspectPool()[0].Status);
        var reports = _world.Lvm.Count("fullreport");

        await TurnAsync(thin, times: 20);
        Assert.InRange(_world.Lvm.Count("fullreport") - reports, 3, 5);

        var size = _world.Pool.SizeBytes;
        _world.AddDisk();
        await TurnAsync(thin, times: 6);

        Assert.True(_world.Pool.SizeBytes > size);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_pool_that_is_nearly_full_looks_for_new_space_once_a_minute()
    {
        var thin = await _world.OpenAsync();
        await FillGroupAsync(thin);
        var reports = _world.Lvm.Count("fullreport");

        await TurnAsync(thin, times: 180);

        Assert.InRange(_world.Lvm.Count("fullreport") - reports, 2, 4);
    }

    [Fact(Timeout = Timeout)]
    public async Task What_cannot_be_extended_is_told_and_not_tried_each_second()
    {
        var thin = await _world.OpenAsync();
        _world.Pool.DataPercent = 85;
        _world.Faults.Failing = "lvextend";

        await TurnAsync(thin, times: 30);

        Assert.StartsWith("! needs help (ThinPoolExtensionFailed): thin pool vg/pool0 could not be extended: ", Assert.Single(_world.Told, IsAlarm), StringComparison.Ordinal);
        Assert.Contains("it does not want to", Assert.Single(thin.InspectPool()).Message, StringComparison.Ordinal);

        _world.Faults.Failing = null;
        for (var turn = 0; turn < 61 && _world.Pool.SizeBytes == 400 * MiB; turn++)
            await TurnAsync(thin);
        Settle();
        await TurnAsync(thin);

        Assert.Equal(480 * MiB, _world.Pool.SizeBytes);
        Assert.Equal("is past ThinPoolExtensionFailed: thin pool vg/pool0 is well again", _world.Told[^1]);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_burst_extends_the_pool_before_it_is_nearly_full()
    {
        var thin = await _world.OpenAsync();
        _world.Pool.DataPercent = 10;
        await TurnAsync(thin);

        _world.Pool.DataPercent = 30; // 80 MiB in a second: full in less than four
        await TurnAsync(thin);

        Assert.True(_world.Pool.SizeBytes > 400 * MiB);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_creation_that_LVM_would_refuse_for_want_of_metadata_extends_it_first()
    {
        var thin = await _world.OpenAsync();
        _world.Pool.MetadataPercent = 76;

        await thin.CreateAsync(ThinWorld.Volume("a", 64), [], Cancelled);

        Assert.Equal(1, _world.Lvm.Count("lvextend"));
        Assert.NotNull(_world.Lvm.Find("vg", VolumeId.Mint("a").Value));
    }

    /// <summary>Until nothing is left to extend the pool with: about 1.9 GiB in use at 90 %.</summary>
    private async Task FillGroupAsync(CsiLocal.Backends.Lvm.ThinProvisioner thin)
    {
        for (var size = 0L; _world.Pool.SizeBytes > size;)
        {
            size = _world.Pool.SizeBytes;
            _world.Pool.DataPercent = 90;
            await TurnAsync(thin);
        }

        // The search for new space that the last turn made.
        await TurnAsync(thin);
    }

    private async Task TurnAsync(CsiLocal.Backends.Lvm.ThinProvisioner thin, int times = 1)
    {
        for (var turn = 0; turn < times; turn++)
        {
            await thin.UpkeepAsync(Cancelled);
            _world.Clock.Advance(TimeSpan.FromSeconds(1));
        }
    }

    private static bool IsAlarm(string line) => line.StartsWith('!');

    /// <summary>As much is in use as before, of more.</summary>
    private void Settle() => _world.Pool.DataPercent = 50;
}
