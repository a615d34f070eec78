using CsiLocal.Configuration;
using CsiLocal.Tools;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Finds a pool's thin pool in its volume group and proves that volumes may be made in it; makes it where it never was.</summary>
/// <param name="poolName">For messages.</param>
/// <param name="options">What it is called and made with.</param>
/// <param name="reserveBytes">Bytes of the volume group that volumes may not use.</param>
/// <param name="group">Where it lies; open.</param>
/// <param name="look">The pool's state as the kernel says; null: not active.</param>
internal sealed class ThinPoolOpening(
    string poolName, LvmPoolOptions options, long reserveBytes, VolumeGroup group, Func<ThinPoolFacts?> look)
{
    private readonly string _pool = $"{options.VolumeGroup}/{options.ThinPool}";

    /// <param name="known">UUID of the thin pool that it was; null: never seen.</param>
    /// <param name="cancellationToken">Ends the wait, not an lvcreate under way.</param>
    /// <returns>The thin pool, active.</returns>
    /// <exception cref="StorageException">Unavailable, with the remedy.</exception>
    public async Task<LogicalVolume> OpenAsync(string? known, CancellationToken cancellationToken)
    {
        if (group.Find(options.ThinPool!) is null)
        {
            if (known is not null)
                throw Gone(known);
            await MakeAsync(cancellationToken);
        }

        var pool = group.Find(options.ThinPool!)
            ?? throw Refuse($"{_pool} was made and is not there", "see what lvs says, and what removed it");
        RequireThinPool(pool);
        await ActivateAsync(cancellationToken);
        return pool;
    }

    private void RequireThinPool(LogicalVolume pool)
    {
        if (pool.Attributes.Type != LvType.ThinPool)
        {
            throw Refuse(
                $"{_pool} is a logical volume of type {pool.SegmentType}, not a thin pool",
                $"correct 'thinPool'; if it is what an interrupted creation left, and nothing of anybody's, remove it: lvremove {_pool}");
        }

        if (pool.ZeroesChunks == false)
        {
            throw Refuse(
                $"thin pool {_pool} does not zero new chunks: a new volume would show what others have deleted",
                $"switch it on: lvchange --zero y {_pool}");
        }
    }

    private async Task MakeAsync(CancellationToken cancellationToken)
    {
        if (options.ThinPoolSize is null)
        {
            throw Refuse(
                $"volume group '{options.VolumeGroup}' has no thin pool '{options.ThinPool}'",
                "make it (lvcreate --type thin-pool), or set 'thinPoolSize' to have it made");
        }

        await group.ChangeAsync(
            (volumes, token) => group.Tool.CreateThinPoolAsync(volumes, Choose(), token), static report => report, cancellationToken);
        await group.RefreshAsync(cancellationToken);
    }

    private NewThinPool Choose()
    {
        var free = 0L;
        foreach (var bytes in group.FreeByDevice())
            free += bytes;
        return ThinPoolSizing.Choose(
            options, reserveBytes, group.Inventory ?? throw Refuse($"volume group '{options.VolumeGroup}' is gone", "bring it back"), free);
    }

    private async Task ActivateAsync(CancellationToken cancellationToken)
    {
        if (look() is null)
        {
            try
            {
                await group.ChangeAsync(
                    (volumes, token) => group.Tool.ActivateAsync(volumes, options.ThinPool, token), static report => report, cancellationToken);
            }
            catch (Exception e) when (e is StorageException or ToolException)
            {
                throw Refuse($"thin pool {_pool} cannot be activated: {e.Message}", $"if its metadata is damaged: lvconvert --repair {_pool}", e);
            }
        }

        var facts = look() ?? throw Refuse($"the kernel has no thin pool {_pool}, although LVM has activated it", "see what dmsetup ls says");

        // Full is no reason to refuse it: only an open pool is extended.
        if (facts.NeedsCheck || facts.Mode == ThinPoolMode.Failed)
        {
            var (_, fact, remedy) = ThinPoolHealth.Broken(facts, _pool)!.Value;
            throw Refuse(fact, remedy);
        }
    }

    private StorageException Gone(string known)
    {
        var renamed = group.Inventory?.LogicalVolumes.FirstOrDefault(volume => volume.Uuid == known);
        return renamed is null
            ? Refuse(
                $"thin pool {_pool} ({known}) is gone, and with it its volumes; it is not made anew",
                $"see what removed it (vgcfgrestore may bring it back); if it is given up for good, use another pool name")
            : Refuse($"thin pool {_pool} was renamed to {renamed.Name}", $"set 'thinPool: {renamed.Name}', or lvrename {options.VolumeGroup} {renamed.Name} {options.ThinPool}");
    }

    private StorageException Refuse(string fact, string remedy, Exception? inner = null) =>
        new(StorageError.Unavailable, $"pool {poolName}: {fact}", remedy, inner);
}
