using CsiLocal.Configuration;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Volumes as linear, striped or RAID logical volumes whose blocks are all allotted when they are made.</summary>
/// <remarks>
/// A snapshot is a copy-on-write one where the pool's options set space aside for them: it lives on its volume's blocks, slows each write
/// to them down, and is lost when more was written than its reserve holds. So it is for short lives (a backup), and nothing is restored
/// or cloned but by copying all blocks.
/// </remarks>
internal sealed class ThickProvisioner(PoolOptions options, VolumeGroup group, TimeProvider clock) : ILvmProvisioner
{
    private readonly ThickCopies _copies = new(group, new CowSnapshots(group, options.Lvm!, clock), options.Lvm!);

    public BackendFeatures Features { get; } = new()
    {
        Block = true,
        OwnFilesystem = true,
        HardLimit = true,
        Snapshots = options.Lvm!.SnapshotReservePercent is not null,
        SnapshotsNeedSource = true,
        SnapshotWhileMounted = true,
        Overwrite = true,
    };

    private LvmPoolOptions Lvm => options.Lvm!;

    private VolumeGroupReport Report => group.Inventory ?? throw new StorageException(
        StorageError.Unavailable, $"pool {options.Name}: volume group '{group.Name}' is not there", "bring back its devices");

    public async Task<string> OpenAsync(string? knownIdentity, CancellationToken cancellationToken) =>
        (await group.OpenAsync(knownIdentity, Lvm.Devices.Items, cancellationToken)).Uuid;

    public string? ReadIdentity() => group.Inventory?.Uuid;

    public PoolSpace MeasureSpace(
        IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots, IReadOnlyCollection<TrashRecord> trash)
    {
        var report = Report;
        var promised = 0L;
        foreach (var volume in volumes)
            promised += Promised(volume);
        foreach (var snapshot in snapshots)
            promised += snapshot.State == SnapshotState.Creating && group.Find(snapshot.Id.Value) is null ? snapshot.SharedBytes : 0;

        var space = Space(report);
        var free = space.Available(FreeForVolumes(group.FreeByDevice()));
        return new PoolSpace(report.SizeBytes, report.FreeBytes - options.ReserveBytes, free - promised, Math.Max(0, WithoutTrash(report, trash) - free))
        {
            Constraint = space.LeastDevices > 1 ? Constraint(report, space.LeastDevices) : null,
        };
    }

    public long MeasureTrash(LogicalVolume volume) => volume.SizeBytes;

    /// <summary>What would be free for a volume of this layout. Of several devices it is a guess to which a removed volume gives back.</summary>
    private long WithoutTrash(VolumeGroupReport report, IReadOnlyCollection<TrashRecord> trash)
    {
        var emptied = report;
        foreach (var item in trash)
        {
            if (group.Find(item.Id.Value) is { } there)
                emptied = InventoryChange.Remove(emptied, there);
        }

        return Space(emptied).Available(FreeForVolumes(VolumeGroupHealth.FreeByDevice(emptied)));
    }

    public long RoundUp(long requiredBytes) =>
        Space(Report).RoundUp(requiredBytes, Report.PhysicalVolumes.Count);

    public Task CreateAsync(VolumeRecord volume, IReadOnlyList<string> tags, CancellationToken cancellationToken)
    {
        var layout = Space(Report).Fit(volume.SizeBytes, group.FreeByDevice());
        var wanted = new LogicalVolume
        {
            Name = volume.Id.Value,
            Uuid = "",
            SizeBytes = volume.SizeBytes,
            Attributes = InventoryChange.AttributesOf(Lvm.Layout is LvmLayout.Linear or LvmLayout.Striped ? LvType.Normal : LvType.Raid),
            SegmentType = Lvm.Layout.ToString().ToLowerInvariant(),
            Tags = tags,
        };
        return InventoryChange.CreateAsync(
            group,
            (found, token) => group.Tool.CreateThickAsync(
                found,
                new ThickVolume { Name = wanted.Name, SizeBytes = wanted.SizeBytes, Tags = tags, Options = Lvm, Stripes = layout.Stripes },
                token),
            wanted,
            layout.CostBytes,
            cancellationToken);
    }

    public Task EraseAsync(VolumeRecord volume, LogicalVolume made, ICopyProgress progress, CancellationToken cancellationToken)
    {
        var attempted = $"erase volume {volume.Id}";
        var device = VolumeDevice.Require(attempted, group, made);
        if (MustBeErased(volume))
            return BlockErase.ZeroAsync(attempted, device, progress, cancellationToken);
        return Task.Run(() => BlockErase.ClearSignatures(attempted, device), cancellationToken);
    }

    /// <summary>Raw block volumes: their user reads every byte. Others get a file system over what is there.</summary>
    public bool MustBeErased(VolumeRecord volume) => volume.Access == AccessType.Block;

    public async Task<bool> CreateFromAsync(
        VolumeRecord volume, LogicalVolume source, ICopyProgress progress, CancellationToken cancellationToken)
    {
        // A source that never got its file system: nothing to copy, and what an interrupted mkfs left there must not be.
        var isBlank = volume is { Access: AccessType.Mount, Format: FormatState.Never };
        var isNew = group.Find(volume.Id.Value) is null;
        if (!isBlank)
            _copies.RequirePossible($"create volume {volume.Id}", source);
        if (isNew)
        {
            var made = volume with { State = isBlank ? VolumeState.Ready : VolumeState.Creating };
            await CreateAsync(made, LvTags.Of(made), cancellationToken);
        }

        var target = await LvmStore.RequireMadeAsync(group, $"create volume {volume.Id}", volume.Id.Value, cancellationToken);
        if (isBlank)
            await EraseAsync(volume, target, progress, cancellationToken);
        else
            await _copies.RunAsync(volume, source, target, isNew ? 0 : progress.ResumeFrom, progress, cancellationToken);
        return isBlank && isNew;
    }

    public Task CreateSnapshotAsync(
        SnapshotRecord snapshot, LogicalVolume source, IReadOnlyList<string> tags, ICopyProgress progress, CancellationToken cancellationToken) =>
        _copies.Snapshots.CreateAsync($"create snapshot {snapshot.Id}", snapshot.Id.Value, source, tags, progress, cancellationToken);

    public long CopyCost(VolumeRecord volume) => Features.Snapshots ? _copies.Snapshots.Reserve(volume.SizeBytes) : RoundUp(volume.SizeBytes);

    public void RequireRemovable(LogicalVolume volume, string purpose)
    {
        var names = _copies.Snapshots.Of(volume).Select(static snapshot => snapshot.Name).ToArray();
        if (names.Length > 0)
        {
            throw new StorageException(
                StorageError.FailedPrecondition, $"{purpose}: snapshots of it live on its blocks: {string.Join(", ", names)}",
                "delete them first; a volume restored from one of them keeps what they hold");
        }
    }

    public Task BeforeRemoveAsync(LogicalVolume volume, bool discard, CancellationToken cancellationToken) => _copies.EndAsync(volume.Name, cancellationToken);

    public IReadOnlyList<HealthFinding> Inspect(LogicalVolume volume) => [.. _copies.Snapshots.Inspect(volume)];

    public IReadOnlyList<HealthFinding> InspectPool() => [];

    public Task UpkeepAsync(CancellationToken cancellationToken) => _copies.EndLeftoversAsync(cancellationToken);

    private long Promised(VolumeRecord volume) => (volume.State, group.Find(volume.Id.Value)) switch
    {
        (VolumeState.Creating, null) => volume.SizeBytes,
        (VolumeState.Ready, { } there) => Math.Max(0, (volume.PendingSizeBytes ?? 0) - there.SizeBytes),
        _ => 0,
    };

    private string Constraint(VolumeGroupReport report, int devices)
    {
        var withRoom = 0;
        foreach (var free in group.FreeByDevice())
            withRoom += free >= report.ExtentBytes ? 1 : 0;

        return $"layout {Lvm.Layout.ToString().ToLowerInvariant()} takes room on {devices} devices at once; {group.Name} has {report.FreeBytes} bytes free, on {withRoom} of {report.PhysicalVolumes.Count} devices";
    }

    private ThickSpace Space(VolumeGroupReport report) => new(Lvm, report.ExtentBytes);

    /// <summary>What is free on each device, less its part of what volumes may not use: from the smallest on, since what one cannot give, the others have to.</summary>
    private long[] FreeForVolumes(IReadOnlyList<long> freeByDevice)
    {
        long[] free = [.. freeByDevice];
        Array.Sort(free);
        var reserve = options.ReserveBytes;
        for (var i = 0; i < free.Length; i++)
        {
            var part = Math.Min(free[i], reserve / (free.Length - i));
            free[i] -= part;
            reserve -= part;
        }

        return free;
    }
}
