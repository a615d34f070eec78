using CsiLocal.Configuration;
using CsiLocal.Tools;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Removes what an lvcreate that was killed half-way left in the volume group, and the thin pool never had.</summary>
/// <remarks>
/// LVM commits a thin volume together with the message that is to make it, then sends that, then commits that it was sent
/// (lib/metadata/thin_manip.c, update_pool_lv). Killed before it was sent, the volume cannot be activated ("No data available"), and
/// the next lvcreate in the pool sends the message after all: a snapshot would then be of what its origin holds by that time, in use
/// and not at rest.
/// <para>
/// That it never held anything is proved thrice. The volume group's metadata still has the message: where LVM had seen it done, it
/// would be gone. The thin pool has made one change less than it was asked for. And the row, if there is one, says that it was handed
/// to nobody. A thin pool that lost its last changes (thin_repair, a disk that lied) has no message, and is left alone.
/// </para>
/// </remarks>
/// <param name="options">Which thin pool.</param>
/// <param name="group">Where it lies.</param>
/// <param name="look">The thin pool's state as the kernel says; null: not active.</param>
/// <param name="wasHandedOut">Whether a row says that what has this id is more than an attempt to make it.</param>
/// <param name="report">Where it is told what was removed.</param>
internal sealed class UnmadeThinVolumes(
    LvmPoolOptions options, VolumeGroup group, Func<ThinPoolFacts?> look, Func<string, bool> wasHandedOut, PoolEvent report)
{
    private readonly string _pool = $"{options.VolumeGroup}/{options.ThinPool}";

    /// <summary>At the pool's opening. No process where the thin pool has done all that it was asked for.</summary>
    public async Task RemoveAsync(CancellationToken cancellationToken)
    {
        if (look() is not { } facts || group.Find(options.ThinPool!)?.TransactionId != facts.TransactionId + 1)
            return;

        string? removed = null;
        await group.ChangeAsync(
            async (found, token) => removed = await TryRemoveAsync(found, token),
            inventory => removed is not null && group.Find(removed) is { } gone ? InventoryChange.Remove(inventory, gone) : inventory,
            cancellationToken);
    }

    /// <summary>Runs an lvcreate of a thin volume; where that fails, before anybody else has a turn, it leaves nothing that the next one would make late.</summary>
    public async Task GuardAsync(VolumeGroupRef found, Func<Task> create, CancellationToken cancellationToken)
    {
        try
        {
            await create();
        }
        catch (Exception e) when (e is StorageException or ToolException { Failure: ToolFailure.TimedOut })
        {
            await TryRemoveAsync(found, cancellationToken);
            throw;
        }
    }

    // A failure is told and passed over: it must keep nobody from the volumes that there are.
    private async Task<string?> TryRemoveAsync(VolumeGroupRef found, CancellationToken cancellationToken)
    {
        string? unmade = null;
        try
        {
            unmade = await FindAsync(found, cancellationToken);
            if (unmade is null)
                return null;

            await group.Tool.RemoveAsync(found, unmade, discard: false, cancellationToken);
            report($"no longer lists {unmade}", $"its lvcreate was interrupted before thin pool {_pool} had made it", false);
            return unmade;
        }
        catch (Exception e) when (e is StorageException or ToolException)
        {
            report("may list a volume that its thin pool never made", $"{unmade ?? "which one cannot be told"}: {StorageException.Describe(e)}", true);
            return null;
        }
    }

    private async Task<string?> FindAsync(VolumeGroupRef found, CancellationToken cancellationToken)
    {
        if (look() is not { } facts
            || await group.Tool.ReadMetadataAsync(found, cancellationToken) is not { } text
            || text.MessagesOf(found.Name, options.ThinPool!) is not { Creates: [var unmade] } queued
            || queued.TransactionId != facts.TransactionId + 1)
        {
            return null;
        }

        return LvTags.AreOurs(text.TagsOf(found.Name, unmade)) && !wasHandedOut(unmade)
            && group.Devices.FindByName(DmNames.Of(found.Name, unmade)) is null ? unmade : null;
    }
}
