using CsiLocal.Configuration;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Copies volumes and snapshots block by block into thick volumes, from a source that stands still.</summary>
/// <remarks>
/// A volume in use is copied from a copy-on-write snapshot that lives as long as the copy does. It is named after the target, so that
/// whoever finds one knows what it was for: it goes with the copy's end, with its target, or in the next upkeep.
/// </remarks>
internal sealed class ThickCopies(VolumeGroup group, CowSnapshots snapshots, LvmPoolOptions options)
{
    private const string Ending = ".source";

    // Not one of the driver's tags proper, which describe volumes; the name alone would be no proof.
    private const string Mark = "csilocal-copy";

    public CowSnapshots Snapshots { get; } = snapshots;

    /// <summary>Refuses, before anything is made, what cannot come to a good end.</summary>
    public void RequirePossible(string attempted, LogicalVolume source)
    {
        if (options.SnapshotReservePercent is null && source.Attributes.IsOpen)
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"{attempted}: {source.Name} is in use, and a copy block by block takes too long to hold it still",
                "unpublish and unstage it first, or set snapshotReserve for the pool, or keep such volumes in an lvm-thin pool");
        }
    }

    /// <summary>Fills the target; it reads as zeros behind the source's end.</summary>
    /// <param name="volume">What is being made.</param>
    /// <param name="source">A volume, or a snapshot.</param>
    /// <param name="target">Exists, and was handed to nobody.</param>
    /// <param name="resumeFrom">Everything before it was copied by an earlier run.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="cancellationToken">Ends it; it can go on later.</param>
    public async Task RunAsync(
        VolumeRecord volume, LogicalVolume source, LogicalVolume target, long resumeFrom, ICopyProgress progress, CancellationToken cancellationToken)
    {
        var attempted = $"create volume {volume.Id}";
        var still = FindStill(volume, source);
        if (still is not null && Snapshots.StatusOf(still) is not { State: CowState.Valid })
        {
            await RemoveAsync(still, cancellationToken);
            (still, resumeFrom) = (null, 0);
        }

        if (still is null && source.Attributes.IsOpen)
        {
            // What an earlier run copied was of another moment.
            still = await MakeStillAsync(attempted, volume, source, progress, cancellationToken);
            resumeFrom = 0;
        }

        var job = new BlockCopyJob
        {
            Attempted = attempted,
            From = VolumeDevice.Require(attempted, group, still ?? source),
            To = VolumeDevice.Require(attempted, group, target),
            TargetReadsZero = false,
            ResumeFrom = resumeFrom,
        };
        try
        {
            await BlockCopy.RunAsync(job, progress, cancellationToken);
        }
        finally
        {
            // Also the reason of a read error, where it is one.
            if (still is not null)
                RequireKept(attempted, source, still);
            else if (source.Origin is not null)
                Snapshots.RequireValid(attempted, source);
        }

        if (still is not null)
            await RemoveAsync(still, cancellationToken);
    }

    /// <summary>Removes what a copy to this target was made from.</summary>
    public async Task EndAsync(string target, CancellationToken cancellationToken)
    {
        if (group.Find(target + Ending) is { } still && still.Tags.Contains(Mark, StringComparer.Ordinal))
            await RemoveAsync(still, cancellationToken);
    }

    /// <summary>Removes what copies left that have ended: their target is ready, or gone.</summary>
    public async Task EndLeftoversAsync(CancellationToken cancellationToken)
    {
        if (options.SnapshotReservePercent is null)
            return;

        foreach (var still in group.Inventory?.LogicalVolumes.Where(static volume => IsStill(volume)).ToArray() ?? [])
        {
            if (group.Find(still.Name[..^Ending.Length]) is not { } target || IsReady(target))
                await RemoveAsync(still, cancellationToken);
        }
    }

    private static bool IsStill(LogicalVolume volume) =>
        volume.Origin is not null && volume.Name.EndsWith(Ending, StringComparison.Ordinal) && volume.Tags.Contains(Mark, StringComparer.Ordinal);

    private static bool IsReady(LogicalVolume target)
    {
        try
        {
            return LvTags.ReadVolume(target) is { State: VolumeState.Ready };
        }
        catch (FormatException)
        {
            return false;
        }
    }

    /// <summary>The one that an interrupted run of this copy left.</summary>
    private LogicalVolume? FindStill(VolumeRecord volume, LogicalVolume source) =>
        group.Find(volume.Id.Value + Ending) is { } still && IsStill(still) && still.Origin == source.Name ? still : null;

    private void RequireKept(string attempted, LogicalVolume source, LogicalVolume still)
    {
        if (Snapshots.StatusOf(still) is not { State: CowState.Valid })
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"{attempted}: {source.Name} was written so much during the copy that the snapshot it was read from is lost",
                "unpublish it for the copy, or raise snapshotReserve of the pool");
        }
    }

    private async Task<LogicalVolume> MakeStillAsync(
        string attempted, VolumeRecord volume, LogicalVolume source, ICopyProgress progress, CancellationToken cancellationToken)
    {
        RequirePossible(attempted, source);
        var name = volume.Id.Value + Ending;
        await Snapshots.CreateAsync(attempted, name, source, [Mark], progress, cancellationToken);
        return group.Find(name) ?? throw new StorageException(
            StorageError.Unavailable, $"{attempted}: {group.Name}/{name} was made and is not active", "try again");
    }

    private Task RemoveAsync(LogicalVolume still, CancellationToken cancellationToken) => group.ChangeAsync(
        (found, token) => group.Tool.RemoveAsync(found, still.Name, options.Discard, token), report => InventoryChange.Remove(report, still), cancellationToken);
}
