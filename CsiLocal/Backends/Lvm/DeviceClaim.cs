using CsiLocal.Diagnostics;
using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Backends.Lvm;

/// <summary>Makes a volume group of the blank devices that the configuration's patterns lead to, and grows it by those that come later.</summary>
/// <remarks>
/// The rule is that of mkfs (design §2.1): a device is taken only if sysfs shows no use of it, nobody holds it, and two independent probes
/// find nothing on it. Any other is left alone, named in the log, and nobody's error as long as one can be used.
/// </remarks>
internal sealed class DeviceClaim(SignatureProbe probe, ILogger<DeviceClaim> log)
{
    private const int MaxNamed = 12;

    private readonly Dictionary<string, string> _told = new(StringComparer.Ordinal);

    /// <summary>Opens the volume group; makes it where it was never seen and is not there.</summary>
    /// <param name="group">Which one.</param>
    /// <param name="globs">Patterns below /dev; not empty.</param>
    /// <param name="knownUuid">The one it was when it was last seen: that one is never replaced by a new one.</param>
    /// <param name="cancellationToken">Ends the wait, not a command under way.</param>
    /// <exception cref="StorageException">Unavailable: it is gone, or there is none and no device to make it of.</exception>
    public async Task<VolumeGroupReport> OpenAsync(
        VolumeGroup group, IReadOnlyList<string> globs, string? knownUuid, CancellationToken cancellationToken)
    {
        if (await group.TryOpenAsync(knownUuid, cancellationToken) is { } opened)
            return await ExtendAsync(group, opened, globs, cancellationToken);

        // Another pool in it knows it, or it was there a while ago: its disks are missing, and they may come back.
        if (group.WasSeen)
            return await group.OpenAsync(knownUuid, cancellationToken);

        using var blank = await FindBlankAsync(group.Name, globs, [], cancellationToken);
        if (blank.Paths.Count == 0)
            throw NothingToMakeItOf(group.Name, globs, blank.LeftAlone);

        Log.Changed(log, $"volume group {group.Name}", "is made", $"of blank devices that 'devices' matches: {string.Join(", ", blank.Paths)}");
        blank.LetGo();
        await group.Tool.CreateVolumeGroupAsync(group.Name, blank.Paths, CancellationToken.None);
        return await group.OpenAsync(null, cancellationToken);
    }

    private async Task<VolumeGroupReport> ExtendAsync(
        VolumeGroup group, VolumeGroupReport opened, IReadOnlyList<string> globs, CancellationToken cancellationToken)
    {
        // LVM refuses it, and a disk that is missing may come back.
        if (VolumeGroupHealth.CountMissing(opened) > 0)
            return opened;

        using var blank = await FindBlankAsync(group.Name, globs, group.Ref.Devices, cancellationToken);
        if (blank.Paths.Count == 0)
            return opened;

        Log.Changed(log, $"volume group {group.Name}", "is extended", $"by blank devices that 'devices' matches: {string.Join(", ", blank.Paths)}");
        blank.LetGo();
        try
        {
            return await group.ExtendAsync(blank.Paths, cancellationToken);
        }
        catch (Exception e) when (e is StorageException or ToolException)
        {
            // What is there can be used without.
            Log.NeedsAttention(log, $"volume group {group.Name}", "could not be extended", StorageException.Describe(e));
            return group.Inventory ?? await group.OpenAsync(opened.Uuid, cancellationToken);
        }
    }

    private async Task<BlankDevices> FindBlankAsync(
        string group, IReadOnlyList<string> globs, IReadOnlyList<string> own, CancellationToken cancellationToken)
    {
        var blank = new BlankDevices();
        try
        {
            foreach (var candidate in Candidates(globs, own))
            {
                if (await WhyNotAsync(candidate, blank, cancellationToken) is { } reason)
                    blank.LeftAlone.Add($"{candidate.Device.Path} {reason}");
            }
        }
        catch
        {
            blank.Dispose();
            throw;
        }

        Tell(group, blank.LeftAlone);
        return blank;
    }

    private async Task<string?> WhyNotAsync(DeviceCandidate candidate, BlankDevices blank, CancellationToken cancellationToken)
    {
        if (DeviceRules.WhyNot(candidate) is { } reason)
            return reason;

        BlockDevice? device = null;
        try
        {
            // Nobody can begin to use it while it is looked at, mounts and device-mapper in other namespaces included.
            device = BlockDevice.Open(candidate.Device.Path, BlockOpen.Exclusive);
            if (device.Number != candidate.Device.Number)
                return "is another device by now";
            if (BlankCheck.Probe(device) is not ProbeResult.Blank and var own)
                return Superblock.Read(device) is { } found ? $"carries {found.Type.ToString().ToLowerInvariant()} with UUID {found.Uuid}" : $"is not blank: {own.Describe()}";
            if (await probe.ProbeAsync(candidate.Device.Path, cancellationToken) is not ProbeResult.Blank and var blkid)
                return $"is not blank: {blkid.Describe()}";

            blank.Add(candidate.Device.Path, device);
            device = null;
            return null;
        }
        catch (NativeException e) when (e.ErrorNumber == Errno.Busy)
        {
            return "is in use";
        }
        catch (IOException e)
        {
            return $"cannot be read: {e.Message}";
        }
        finally
        {
            device?.Dispose();
        }
    }

    /// <summary>What the patterns lead to, but for what is in the volume group already.</summary>
    private static List<DeviceCandidate> Candidates(IReadOnlyList<string> globs, IReadOnlyList<string> own)
    {
        var ownNumbers = new HashSet<ulong>();
        foreach (var path in own)
        {
            if (FileStatus.FindFollowing(path) is { } status)
                ownNumbers.Add(status.DeviceNumber);
        }

        var mounts = MountTable.Read();
        var swaps = SwapNumbers();
        var candidates = new List<DeviceCandidate>();
        foreach (var device in DeviceGlobs.Expand(globs))
        {
            if (!ownNumbers.Contains(device.Number) && BlockDeviceInfo.Find(device.Number) is { } info)
            {
                candidates.Add(new DeviceCandidate
                {
                    Device = device,
                    Info = info,
                    MountedAt = mounts.OfDevice(device.Number) is [var mount, ..] ? mount.Path : null,
                    IsSwap = swaps.Contains(device.Number),
                });
            }
        }

        return [.. candidates.Select(candidate => candidate with
        {
            IsDiskMatched = candidate.Info.Disk is { } disk && candidates.Exists(other => other.Info.Name == disk),
            Twin = candidate.Info.WorldWideId is { } id
                ? candidates.Find(other => other != candidate && other.Info.WorldWideId == id)?.Device.Path
                : null,
        })];
    }

    private static HashSet<ulong> SwapNumbers()
    {
        var numbers = new HashSet<ulong>();
        foreach (var line in File.ReadAllText("/proc/swaps").Split('\n').Skip(1))
        {
            if (line.Split([' ', '\t'], 2) is [var path, _] && FileStatus.FindFollowing(path) is { IsBlockDevice: true } status)
                numbers.Add(status.DeviceNumber);
        }

        return numbers;
    }

    /// <summary>Once, until something else is to be said: a pool that cannot be opened is tried again every few seconds.</summary>
    private void Tell(string group, List<string> leftAlone)
    {
        var text = string.Join("; ", leftAlone);
        lock (_told)
        {
            if (_told.GetValueOrDefault(group, "") == text)
                return;
            _told[group] = text;
        }

        if (text.Length > 0)
            Log.Changed(log, $"volume group {group}", "leaves devices alone that 'devices' matches", text);
    }

    private static StorageException NothingToMakeItOf(string name, IReadOnlyList<string> globs, List<string> leftAlone)
    {
        var patterns = string.Join(", ", globs);
        return leftAlone.Count == 0
            ? new StorageException(
                StorageError.Unavailable, $"open volume group '{name}': there is none of that name, and 'devices' ({patterns}) matches no block device",
                "plug in the disks, or correct the patterns; see ls /dev/disk/by-id")
            : new StorageException(
                StorageError.Unavailable,
                $"open volume group '{name}': there is none of that name, and no device that 'devices' ({patterns}) matches is blank: "
                    + string.Join("; ", leftAlone.Take(MaxNamed)) + (leftAlone.Count > MaxNamed ? " …" : ""),
                "wipe those that hold nothing of worth (wipefs --all, then blkdiscard or dd over the first and last MiB), or correct the patterns");
    }

    /// <summary>Devices that were proved blank, held so that nobody else begins to use them.</summary>
    private sealed class BlankDevices : IDisposable
    {
        private readonly List<string> _paths = [];
        private readonly List<BlockDevice> _held = [];

        public List<string> Paths => _paths;

        public List<string> LeftAlone { get; } = [];

        public void Add(string path, BlockDevice device)
        {
            _paths.Add(path);
            _held.Add(device);
        }

        /// <summary>For LVM, which takes them the same way, and looks for signatures once more.</summary>
        public void LetGo()
        {
            foreach (var device in _held)
                device.Dispose();
            _held.Clear();
        }

        public void Dispose() => LetGo();
    }
}
