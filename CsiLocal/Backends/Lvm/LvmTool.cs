using System.Text.Json;
using CsiLocal.Tools;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Which volume group a command means, and the devices it may look at: nothing else is ever seen.</summary>
/// <param name="Devices">The paths of its physical volumes; empty: every device that LVM's own configuration admits.</param>
/// <remarks>
/// A physical volume that is not among the devices counts as missing: LVM then refuses most changes, and marks it in those it makes. So a
/// report with a missing device calls for a new scan, not for a second try.
/// </remarks>
internal sealed record VolumeGroupRef(string Name, string Uuid, IReadOnlyList<string> Devices);

/// <summary>A volume group as a scan of all devices found it.</summary>
internal sealed record FoundVolumeGroup(string Name, string Uuid, IReadOnlyList<string> Devices, int MissingDevices);

/// <summary>The lvm commands: arguments in, reports and classified errors out. Knows nothing of volumes and pools.</summary>
/// <remarks>
/// Every command has explicit columns, bytes, JSON, its devices, a timeout, and leaves nothing in /etc/lvm/archive (lvm.conf(5)
/// backup/archive=0 by --config). A failure is a <see cref="StorageException"/> by the table in <see cref="LvmRules"/>; a command
/// that hung is a <see cref="ToolException"/>.
/// </remarks>
/// <param name="commands">Runs them.</param>
/// <param name="prefix">What stands before each command: empty, or nsenter into the host's namespaces.</param>
internal sealed class LvmTool(ICommandRunner commands, IReadOnlyList<string> prefix)
{
    // Reports of some thousand volumes are a few megabytes.
    private const int MaxReport = 64 << 20;

    // LVM's own lock on the volume group is waited for without end (global/wait_for_locks): these end the wait.
    private static readonly TimeSpan Quick = TimeSpan.FromMinutes(2);

    // The first thin pool and RAID volumes took more than 180 s on slow disks (harvester#11728); discards of a large volume take minutes
    // too; and a report waits for whatever holds the lock.
    private static readonly TimeSpan Slow = TimeSpan.FromMinutes(10);

    // thin_check runs before a pool is activated: up to half an hour for a large one (lvmteam/lvm2#170).
    private static readonly TimeSpan Activation = TimeSpan.FromMinutes(45);

    /// <summary>Every volume group on every device: to find one by name, and its namesakes.</summary>
    public async Task<IReadOnlyList<FoundVolumeGroup>> ScanAsync(CancellationToken cancellationToken)
    {
        const string Operation = "scan for volume groups";
        var output = await RunAsync(LvmArguments.Scan(), Slow, cancellationToken);
        return output.Succeeded ? Read(Operation, output, LvmReportParser.ReadScan) : throw LvmErrors.ToException(Operation, output);
    }

    /// <summary>The whole of one volume group, in one process; null where it is not there.</summary>
    public async Task<VolumeGroupReport?> ReportAsync(VolumeGroupRef group, CancellationToken cancellationToken)
    {
        var operation = $"report of volume group {group.Name}";
        var output = await RunAsync(LvmArguments.Report(group), Slow, cancellationToken);
        if (!output.Succeeded && LvmErrors.Classify(output) == LvmProblem.VolumeGroupNotFound)
            return null;
        if (!output.Succeeded)
            throw LvmErrors.ToException(operation, output);

        foreach (var found in Read(operation, output, LvmReportParser.ReadReport))
        {
            // A namesake is another volume group.
            if (found.Name == group.Name && (group.Uuid.Length == 0 || found.Uuid == group.Uuid))
                return found;
        }

        return null;
    }

    /// <summary>The volume group's metadata as it is written on its devices; null where none of them has it.</summary>
    public async Task<LvmMetadataText?> ReadMetadataAsync(VolumeGroupRef group, CancellationToken cancellationToken)
    {
        // Each has a copy, but for those made without (pvcreate --pvmetadatacopies 0).
        foreach (var device in group.Devices)
        {
            var output = await RunAsync(LvmArguments.DumpMetadata(device), Quick, cancellationToken);
            if (!output.Succeeded)
                continue;
            var text = Read<LvmMetadataText>($"metadata of {device}", output, static said => [LvmMetadataText.Parse(said)])[0];
            if (text.GroupUuid(group.Name) == group.Uuid)
                return text;
        }

        return null;
    }

    /// <summary>lvcreate of a linear, striped or RAID volume.</summary>
    public Task CreateThickAsync(VolumeGroupRef group, ThickVolume volume, CancellationToken cancellationToken) => ChangeAsync(
        group, volume.Name, LvmArguments.CreateThick(group, volume), LvmLayouts.IsRaid(volume.Options.Layout) ? Slow : Quick, cancellationToken);

    /// <summary>lvcreate --snapshot: copy-on-write, <paramref name="reserveBytes"/> for what changes.</summary>
    public Task CreateCowSnapshotAsync(
        VolumeGroupRef group, string origin, string name, long reserveBytes, IReadOnlyList<string> tags, CancellationToken cancellationToken) =>
        ChangeAsync(group, name, LvmArguments.CreateCowSnapshot(group, origin, name, reserveBytes, tags), Quick, cancellationToken);

    /// <summary>lvcreate --type thin-pool, discards=passdown, zeroing on.</summary>
    public Task CreateThinPoolAsync(VolumeGroupRef group, NewThinPool pool, CancellationToken cancellationToken) =>
        ChangeAsync(group, pool.Name, LvmArguments.CreateThinPool(group, pool), Slow, cancellationToken);

    /// <summary>lvcreate --virtualsize.</summary>
    public Task CreateThinAsync(
        VolumeGroupRef group, string pool, string name, long sizeBytes, IReadOnlyList<string> tags, CancellationToken cancellationToken) =>
        ChangeAsync(group, name, LvmArguments.CreateThin(group, pool, name, sizeBytes, tags), Quick, cancellationToken);

    /// <summary>lvcreate --snapshot of a thin volume or thin snapshot, active and not skipped at activation.</summary>
    public Task CreateThinSnapshotAsync(
        VolumeGroupRef group, string origin, string name, IReadOnlyList<string> tags, CancellationToken cancellationToken) =>
        ChangeAsync(group, name, LvmArguments.CreateThinSnapshot(group, origin, name, tags), Quick, cancellationToken);

    /// <summary>lvextend to a total of <paramref name="sizeBytes"/>; success where it has that already.</summary>
    public Task ExtendAsync(VolumeGroupRef group, string name, long sizeBytes, CancellationToken cancellationToken) => ChangeAsync(
        group, name, LvmArguments.Extend(group, name, sizeBytes), Slow, cancellationToken, unless: LvmProblem.HasThatSizeAlready);

    /// <summary>As <see cref="ExtendAsync"/>, of a RAID volume: its images stay on the devices that they have.</summary>
    public Task ExtendRaidAsync(VolumeGroupRef group, string name, long sizeBytes, CancellationToken cancellationToken) => ChangeAsync(
        group, name, LvmArguments.ExtendRaid(group, name, sizeBytes), Slow, cancellationToken, unless: LvmProblem.HasThatSizeAlready);

    /// <summary>As <see cref="ExtendAsync"/>, in one stripe: what is striped wants space on several devices, and this takes any.</summary>
    public Task ExtendUnstripedAsync(VolumeGroupRef group, string name, long sizeBytes, CancellationToken cancellationToken) => ChangeAsync(
        group, name, LvmArguments.ExtendUnstriped(group, name, sizeBytes), Slow, cancellationToken, unless: LvmProblem.HasThatSizeAlready);

    /// <summary>lvextend --poolmetadatasize to a total of <paramref name="metadataBytes"/>; success where it has that already.</summary>
    public Task ExtendPoolMetadataAsync(VolumeGroupRef group, string pool, long metadataBytes, CancellationToken cancellationToken) => ChangeAsync(
        group, pool, LvmArguments.ExtendPoolMetadata(group, pool, metadataBytes), Slow, cancellationToken, unless: LvmProblem.HasThatSizeAlready);

    /// <summary>lvremove; success where it is gone. Refuses what is in use, and never takes anything but the named volume.</summary>
    /// <param name="discard">Send TRIM for the freed blocks (devices/issue_discards).</param>
    /// <exception cref="StorageException">FailedPrecondition: in use, the origin of copy-on-write snapshots, or a thin pool.</exception>
    public async Task RemoveAsync(VolumeGroupRef group, string name, bool discard, CancellationToken cancellationToken)
    {
        var output = await ChangeAsync(
            group, name, LvmArguments.Remove(group, name, discard), Slow, cancellationToken, unless: LvmProblem.LogicalVolumeNotFound);

        // The selection may have spared it, which lvremove passes over in silence.
        if (output.Succeeded && output.StandardOutput.AsSpan().Trim().IsEmpty && await ExistsAsync(group, name, cancellationToken))
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"lvremove {group.Name}/{name}: it is the origin of copy-on-write snapshots, or a thin pool, and would take them along",
                "remove its snapshots first");
        }
    }

    /// <summary>lvchange --addtag, --deltag: all in one change of the volume group.</summary>
    public Task ChangeTagsAsync(VolumeGroupRef group, string name, IReadOnlyList<string> added, IReadOnlyList<string> removed, CancellationToken cancellationToken) =>
        added.Count + removed.Count == 0
            ? Task.CompletedTask
            : ChangeAsync(group, name, LvmArguments.ChangeTags(group, name, added, removed), Quick, cancellationToken);

    /// <summary>lvrename; its device keeps its UUID and number.</summary>
    public Task RenameAsync(VolumeGroupRef group, string name, string newName, CancellationToken cancellationToken) =>
        ChangeAsync(group, name, LvmArguments.Rename(group, name, newName), Quick, cancellationToken);

    /// <summary>lvchange --activate y --ignoreactivationskip of one volume, or vgchange of all where <paramref name="name"/> is null.</summary>
    public Task ActivateAsync(VolumeGroupRef group, string? name, CancellationToken cancellationToken) => ChangeAsync(
        group, name, name is null ? LvmArguments.ActivateAll(group) : LvmArguments.Activate(group, name), Activation, cancellationToken);

    /// <summary>lvchange --refresh: loads a RAID volume's or thin pool's table anew after a device came back.</summary>
    public Task RefreshAsync(VolumeGroupRef group, string name, CancellationToken cancellationToken) =>
        ChangeAsync(group, name, LvmArguments.Refresh(group, name), Quick, cancellationToken);

    /// <summary>pvcreate and vgcreate in one, of devices that were proved blank; with metadata areas for thousands of volumes.</summary>
    /// <exception cref="StorageException">FailedPrecondition: a device has a signature after all, and was left alone.</exception>
    public async Task CreateVolumeGroupAsync(string name, IReadOnlyList<string> devices, CancellationToken cancellationToken) =>
        await ChangeAsync(new VolumeGroupRef(name, "", []), null, LvmArguments.CreateVolumeGroup(name, devices), Slow, cancellationToken);

    /// <summary>vgextend by devices that were proved blank.</summary>
    /// <inheritdoc cref="CreateVolumeGroupAsync"/>
    /// <remarks>Two processes: pvcreate enters the devices in a devices file where there is one, and vgextend sees the group's own devices only.</remarks>
    public async Task ExtendVolumeGroupAsync(VolumeGroupRef group, IReadOnlyList<string> devices, CancellationToken cancellationToken)
    {
        await ChangeAsync(group, null, LvmArguments.CreatePhysicalVolumes(devices), Slow, cancellationToken);
        await ChangeAsync(group, null, LvmArguments.ExtendVolumeGroup(group, devices), Slow, cancellationToken);
    }

    private async Task<bool> ExistsAsync(VolumeGroupRef group, string name, CancellationToken cancellationToken)
    {
        foreach (var volume in (await ReportAsync(group, cancellationToken))?.LogicalVolumes ?? [])
        {
            if (volume.Name == name)
                return true;
        }

        return false;
    }

    private async Task<ToolOutput> ChangeAsync(
        VolumeGroupRef group, string? volume, List<string> arguments, TimeSpan timeout, CancellationToken cancellationToken,
        LvmProblem unless = LvmProblem.Unknown)
    {
        var output = await RunAsync(arguments, timeout, cancellationToken);
        if (output.Succeeded || (unless != LvmProblem.Unknown && LvmErrors.Classify(output) == unless))
            return output;
        throw LvmErrors.ToException(volume is null ? $"{arguments[0]} {group.Name}" : $"{arguments[0]} {group.Name}/{volume}", output);
    }

    private Task<ToolOutput> RunAsync(List<string> arguments, TimeSpan timeout, CancellationToken cancellationToken)
    {
        List<string> line = [.. prefix, "lvm", .. arguments];
        return commands.RunAsync(
            new ToolCommand(line[0], line.GetRange(1, line.Count - 1)) { Timeout = timeout, MaxOutput = MaxReport }, cancellationToken);
    }

    private static IReadOnlyList<T> Read<T>(string operation, ToolOutput output, Func<string, IReadOnlyList<T>> read)
    {
        // What is cut off must never look as if it were gone.
        if (output.IsTruncated)
            throw new StorageException(StorageError.Internal, $"{operation}: it is longer than {MaxReport} bytes");

        try
        {
            return read(output.StandardOutput);
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            throw new StorageException(StorageError.Internal, $"{operation}: not readable: {e.Message}", "compare lvm's version with those in README", e);
        }
    }
}

/// <summary>A thick volume to be made.</summary>
internal sealed record ThickVolume
{
    public required string Name { get; init; }

    public required long SizeBytes { get; init; }

    public required IReadOnlyList<string> Tags { get; init; }

    public required Configuration.LvmPoolOptions Options { get; init; }

    /// <summary>Data stripes, already decided.</summary>
    public int Stripes { get; init; } = 1;
}

/// <summary>A thin pool to be made.</summary>
internal sealed record NewThinPool
{
    public required string Name { get; init; }

    public required long DataBytes { get; init; }

    /// <summary>null: LVM's choice for the data and chunk size.</summary>
    public long? MetadataBytes { get; init; }

    public long? ChunkBytes { get; init; }

    public int Stripes { get; init; } = 1;

    public long? StripeSizeBytes { get; init; }
}
