using CsiLocal.Configuration;
using CsiLocal.Native;
using CsiLocal.Tools;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Keeps a thin pool from filling up: looks at it each second, extends it from its volume group, says what is wrong with it.</summary>
/// <remarks>
/// Looking is one ioctl. A pool that did fill is extended at once: until the kernel's no_space_timeout is over, writes wait for it, so
/// that nobody sees an error. What somebody added to the volume group meanwhile is found by asking for a report now and then, as long
/// as the pool is in want.
/// </remarks>
/// <param name="options">Thresholds, and which pool.</param>
/// <param name="policy">The decisions.</param>
/// <param name="group">The volume group that the pool is in.</param>
/// <param name="report">Where transitions are told, once each.</param>
/// <param name="clock">Time.</param>
internal sealed class PoolGuardian(LvmPoolOptions options, ThinPoolPolicy policy, VolumeGroup group, PoolEvent report, TimeProvider clock)
{
    /// <summary>Between looks for new space while writes wait: a few fit into the kernel's minute.</summary>
    public static readonly TimeSpan UrgentSearch = TimeSpan.FromSeconds(5);

    /// <summary>Between looks for new space while the pool is only nearly full.</summary>
    public static readonly TimeSpan CalmSearch = TimeSpan.FromMinutes(1);

    private readonly string _pool = $"{options.VolumeGroup}/{options.ThinPool}";
    private readonly GuardianJournal _journal = new($"{options.VolumeGroup}/{options.ThinPool}", report);
    private readonly TurnQueue _turn = new();
    private GrowthRate _data = GrowthRate.None;
    private GrowthRate _metadata = GrowthRate.None;
    private TimeSpan _lastExtension;
    private long? _searched;
    private long? _failedAt;
    private volatile string? _failure;

    public ThinPoolPolicy Policy { get; } = policy;

    /// <summary>The pool as it is this moment; null where the kernel or LVM knows no such pool. Starts no process.</summary>
    public ThinPoolFacts? Look()
    {
        if (group.Inventory is not { } inventory || group.Find(options.ThinPool!) is not { Attributes.Type: LvType.ThinPool } pool)
            return null;

        var free = 0L;
        foreach (var bytes in group.FreeByDevice())
            free += bytes;
        return ReadStatus(group.Devices, inventory.Uuid, pool) is { } status ? ThinPoolFacts.Of(status, pool, inventory, free) : null;
    }

    /// <summary>What is wrong with the pool now. Starts no process.</summary>
    public IReadOnlyList<HealthFinding> Inspect() => Inspect(Look());

    /// <summary>One turn.</summary>
    public async Task TurnAsync(CancellationToken cancellationToken)
    {
        // A creation may ask for a turn of its own.
        await _turn.EnterAsync(first: false, cancellationToken);
        try
        {
            if (Look() is { } facts)
            {
                Learn(facts);
                if (!IsPausing(facts))
                    await ActAsync(facts, Decide(facts), cancellationToken);
            }

            _journal.Tell(Inspect());
        }
        finally
        {
            _turn.Leave();
        }
    }

    /// <summary>The status of the thin-pool target; null where it is not active.</summary>
    /// <remarks>Its device has this suffix whether or not there are volumes; with them, the one that has the pool's name lies above it (lvm2, lib/activate/dev_manager.c, layer "tpool").</remarks>
    private static ThinPoolStatus? ReadStatus(IDeviceMapper devices, string groupUuid, LogicalVolume pool) =>
        devices.Status(DmNames.UuidOf(groupUuid, pool.Uuid) + "-tpool") is [{ Type: "thin-pool" } target, ..] ? ThinPoolStatus.Parse(target.Parameters) : null;

    private IReadOnlyList<HealthFinding> Inspect(ThinPoolFacts? facts)
    {
        var plan = facts is null ? ThinPoolPlan.Nothing : Policy.Plan(facts, GrowthRate.None, GrowthRate.None, TimeSpan.Zero);
        var findings = ThinPoolHealth.Inspect(facts, plan, options, _pool);
        return _failure is { } failure
            ? [.. findings, new HealthFinding(HealthStatus.Degraded, "ThinPoolExtensionFailed", $"thin pool {_pool} could not be extended: {failure}")]
            : findings;
    }

    private ThinPoolPlan Decide(ThinPoolFacts facts) => Policy.Plan(facts, _data, _metadata, _lastExtension);

    private void Learn(ThinPoolFacts facts)
    {
        var now = clock.GetElapsedTime(0);
        _data = _data.With(now, facts.UsedDataBytes);
        _metadata = _metadata.With(now, facts.UsedMetadataBytes);
    }

    private async Task ActAsync(ThinPoolFacts facts, ThinPoolPlan plan, CancellationToken cancellationToken)
    {
        try
        {
            if ((plan.IsDataStarved || plan.IsMetadataStarved) && IsSearchDue(facts))
            {
                // Somebody may have added a disk: only a report tells.
                _searched = clock.GetTimestamp();
                await group.RefreshAsync(cancellationToken);
                if (Look() is not { } seen)
                    return;
                facts = seen;
                plan = Decide(facts);
            }

            if (plan.Refresh)
                await RunAsync((volumes, token) => group.Tool.RefreshAsync(volumes, options.ThinPool!, token), static inventory => inventory, cancellationToken);
            if (plan.MetadataBytes is { } metadata)
                await ExtendMetadataAsync(facts, metadata, cancellationToken);
            if (plan.DataBytes is { } data)
                await ExtendDataAsync(facts, data, cancellationToken);
            _failure = null;
            _failedAt = null;
        }
        catch (Exception e) when (e is StorageException or ToolException)
        {
            _failure = StorageException.Describe(e);
            _failedAt = clock.GetTimestamp();
        }
    }

    private async Task ExtendDataAsync(ThinPoolFacts facts, long bytes, CancellationToken cancellationToken)
    {
        await RunAsync(
            (volumes, token) => ExtendDataAsync(volumes, bytes, token),
            inventory => Change(inventory, bytes - facts.DataBytes, pool => pool with { SizeBytes = Math.Max(pool.SizeBytes, bytes) }),
            cancellationToken);
        _journal.Extended("data", facts.UsedDataBytes, facts.DataBytes, bytes);
    }

    private async Task ExtendDataAsync(VolumeGroupRef volumes, long bytes, CancellationToken cancellationToken)
    {
        try
        {
            await group.Tool.ExtendAsync(volumes, options.ThinPool!, bytes, cancellationToken);
        }
        catch (StorageException e) when (e.Error == StorageError.ResourceExhausted)
        {
            // A striped pool wants space on several disks for more stripes; slower space is better than none.
            await group.Tool.ExtendUnstripedAsync(volumes, options.ThinPool!, bytes, cancellationToken);
        }
    }

    private async Task ExtendMetadataAsync(ThinPoolFacts facts, long bytes, CancellationToken cancellationToken)
    {
        await RunAsync(
            (volumes, token) => group.Tool.ExtendPoolMetadataAsync(volumes, options.ThinPool!, bytes, token),
            inventory => Change(
                inventory, ThinPoolPolicy.CostOfMetadata(facts, bytes), pool => pool with { MetadataBytes = Math.Max(pool.MetadataBytes ?? 0, bytes) }),
            cancellationToken);
        _journal.Extended("metadata", facts.UsedMetadataBytes, facts.MetadataBytes, bytes);
    }

    private async Task RunAsync(
        Func<VolumeGroupRef, CancellationToken, Task> change, Func<VolumeGroupReport, VolumeGroupReport> apply, CancellationToken cancellationToken)
    {
        var began = clock.GetTimestamp();
        // Before all that wait: creations can, writers cannot.
        await group.ChangeFirstAsync(change, apply, cancellationToken);
        _lastExtension = clock.GetElapsedTime(began);
    }

    private VolumeGroupReport Change(VolumeGroupReport inventory, long costBytes, Func<LogicalVolume, LogicalVolume> change) =>
        InventoryChange.Replace(inventory with { FreeBytes = Math.Max(0, inventory.FreeBytes - costBytes) }, options.ThinPool!, change);

    private bool IsSearchDue(ThinPoolFacts facts) =>
        _searched is not { } last || clock.GetElapsedTime(last) >= (IsUrgent(facts) ? UrgentSearch : CalmSearch);

    /// <summary>After a failure: not a command a second.</summary>
    private bool IsPausing(ThinPoolFacts facts) =>
        _failedAt is { } failed && clock.GetElapsedTime(failed) < (IsUrgent(facts) ? UrgentSearch : CalmSearch);

    private static bool IsUrgent(ThinPoolFacts facts) => facts.Mode != ThinPoolMode.Writable;
}
