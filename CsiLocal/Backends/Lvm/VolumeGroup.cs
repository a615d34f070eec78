using CsiLocal.Native;
using CsiLocal.Tools;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>One volume group of this node, shared by the pools in it: which one it is, what is in it, and one mutation at a time.</summary>
/// <remarks>
/// The inventory is the last report, corrected at once by what this process itself did, and read again soon after and from time to
/// time: nobody waits for a report but who has to (design §5: publish, stats, capacity and list start no lvm process).
/// Reports and changes take turns. LVM's own lock would make them wait for each other anyway, and so a report never has to be
/// merged with a change that ran beside it.
/// </remarks>
internal sealed class VolumeGroup(string name, LvmTool tool, IDeviceMapper devices, DeviceClaim claim, TimeProvider clock)
{
    /// <summary>How old the inventory becomes while nothing is done.</summary>
    public static readonly TimeSpan IdleInterval = TimeSpan.FromMinutes(10);

    /// <summary>A report waits for this long a pause between changes …</summary>
    public static readonly TimeSpan Debounce = TimeSpan.FromSeconds(2);

    /// <summary>… but no longer than this.</summary>
    public static readonly TimeSpan LongestDebounce = TimeSpan.FromSeconds(30);

    /// <summary>Between attempts to read what could not be read.</summary>
    public static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly TurnQueue _turns = new();
    private readonly TurnQueue _opening = new();
    private readonly ReportSchedule _schedule = new(clock);
    private readonly AsyncLocal<bool> _isInChange = new();
    private readonly VolumeGroupReader _reader = new(tool, clock);
    private volatile View? _view;
    private volatile string? _activationProblem;
    private volatile bool _isUncertain; // A change failed since the last report: it may have been made all the same, and is seen before the next.
    private volatile bool _isKnown; // to the state of some pool in it
    private bool _wasLookedAt; // Just before it is opened: the report need not be read twice. Guarded by _opening.
    private Task<VolumeGroupReport>? _next; // The report that has not begun yet.

    public string Name { get; } = name;

    public LvmTool Tool { get; } = tool;

    public IDeviceMapper Devices { get; } = devices;

    /// <summary>The volume group as it was last known; null before <see cref="OpenAsync(string?, CancellationToken)"/>, and while it is gone.</summary>
    public VolumeGroupReport? Inventory => _view?.Report;

    /// <summary>Name, UUID and devices for commands.</summary>
    /// <exception cref="StorageException">Unavailable: it is gone.</exception>
    public VolumeGroupRef Ref => _view is not null && _reader.Pinned is { } pinned ? pinned : throw Gone();

    /// <summary>It is known to some pool, or was there since the daemon started: a new one must not take its place.</summary>
    public bool WasSeen => _isKnown || _reader.Pinned is not null;

    /// <summary>As <see cref="OpenAsync(string?, CancellationToken)"/>; where it was never seen, it is made of blank devices, and it is extended by blank devices that came later.</summary>
    /// <param name="devices">Patterns below /dev; empty: it has to exist.</param>
    public Task<VolumeGroupReport> OpenAsync(string? knownUuid, IReadOnlyList<string> devices, CancellationToken cancellationToken) =>
        devices.Count == 0 ? OpenAsync(knownUuid, cancellationToken) : claim.OpenAsync(this, devices, knownUuid, cancellationToken);

    /// <summary>Finds the volume group by name, or the one of <paramref name="knownUuid"/> among namesakes; reads it and activates what of ours is not active.</summary>
    /// <exception cref="StorageException">Unavailable: not there, two of that name, renamed, exported; each with its remedy. One whose devices are missing opens, degraded.</exception>
    public async Task<VolumeGroupReport> OpenAsync(string? knownUuid, CancellationToken cancellationToken) =>
        await TryOpenAsync(knownUuid, cancellationToken) ?? throw new StorageException(
            StorageError.Unavailable, $"open volume group '{Name}': there is none of that name on this machine",
            $"make it (vgcreate {Name} DEVICE …), or correct 'volumeGroup', or name blank disks under 'devices'");

    /// <summary>Finds and reads it without changing anything; null where there is none of that name, and none is known.</summary>
    /// <exception cref="StorageException">Unavailable: as for <see cref="OpenAsync(string?, CancellationToken)"/>.</exception>
    public async Task<VolumeGroupReport?> LookAsync(string? knownUuid, CancellationToken cancellationToken)
    {
        await _opening.EnterAsync(first: false, cancellationToken);
        try
        {
            if (_view is { } open && (knownUuid ?? open.Report.Uuid) == open.Report.Uuid)
                return open.Report;

            var report = await FindAsync(knownUuid, cancellationToken);
            _wasLookedAt = report is not null;
            return report;
        }
        finally
        {
            _opening.Leave();
        }
    }

    /// <summary>As <see cref="OpenAsync(string?, CancellationToken)"/>; null where there is none of that name, and none is known.</summary>
    public async Task<VolumeGroupReport?> TryOpenAsync(string? knownUuid, CancellationToken cancellationToken)
    {
        _isKnown |= knownUuid is not null;
        await _opening.EnterAsync(first: false, cancellationToken);
        try
        {
            var report = _view is { } open && (knownUuid ?? open.Report.Uuid) == open.Report.Uuid
                ? _wasLookedAt ? open.Report : await ReadAgainAsync(knownUuid, cancellationToken)
                : await FindAsync(knownUuid, cancellationToken);
            _wasLookedAt = false;
            return report is null ? null : await ActivateAsync(report, cancellationToken);
        }
        finally
        {
            _opening.Leave();
        }
    }

    /// <summary>The logical volume of that name by the inventory; null where there is none. Starts no process.</summary>
    public LogicalVolume? Find(string lvName) => _view?.ByName.GetValueOrDefault(lvName);

    /// <summary>The active device of a logical volume, by its dm UUID; null where it is not active.</summary>
    public DmDevice? DeviceOf(LogicalVolume volume) => Devices.FindByUuid(DmNames.UuidOf(Ref.Uuid, volume.Uuid));

    /// <summary>Runs one command that changes the volume group, alone; marks the inventory for a fresh report afterwards, whatever its outcome.</summary>
    /// <remarks>
    /// Once its turn has come it is not cancelled: a caller that goes away must not leave a half-told story behind (design §2.6). The
    /// turn is not part of the command's time. Neither it nor a report may be asked for from within <paramref name="change"/>.
    /// </remarks>
    /// <param name="change">Gets the reference as it is when its turn comes; is called a second time only where devices have got other paths and nothing was done.</param>
    /// <param name="apply">What the change did, for the inventory until the next report; not called where it failed.</param>
    /// <param name="cancellationToken">Ends the wait for the turn.</param>
    /// <exception cref="StorageException">What the change throws; Unavailable: the volume group is gone.</exception>
    public Task ChangeAsync(
        Func<VolumeGroupRef, CancellationToken, Task> change, Func<VolumeGroupReport, VolumeGroupReport> apply, CancellationToken cancellationToken) =>
        ChangeAsync(first: false, change, apply, cancellationToken);

    /// <summary>As <see cref="ChangeAsync(Func{VolumeGroupRef, CancellationToken, Task}, Func{VolumeGroupReport, VolumeGroupReport}, CancellationToken)"/>, before all that wait: for what cannot, such as a thin pool that runs full.</summary>
    public Task ChangeFirstAsync(
        Func<VolumeGroupRef, CancellationToken, Task> change, Func<VolumeGroupReport, VolumeGroupReport> apply, CancellationToken cancellationToken) =>
        ChangeAsync(first: true, change, apply, cancellationToken);

    private async Task ChangeAsync(
        bool first, Func<VolumeGroupRef, CancellationToken, Task> change, Func<VolumeGroupReport, VolumeGroupReport> apply, CancellationToken cancellationToken)
    {
        var uuid = Ref.Uuid;
        RequireNotInChange();
        if (_isUncertain && !first)
            await RefreshAsync(cancellationToken);
        await _turns.EnterAsync(first, cancellationToken);
        try
        {
            // While it waited, one pool's volume group may have been replaced by another's of that name.
            if (Ref.Uuid != uuid)
                throw Gone();

            _isInChange.Value = true;
            await RunAsync(change);
            await Task.Run(() => MetadataFlush.Run(Ref.Devices), CancellationToken.None);
            _view = _view is { } view ? new View(apply(view.Report)) : null;
        }
        catch
        {
            _isUncertain = true;
            throw;
        }
        finally
        {
            _schedule.Changed();
            _turns.Leave();
        }
    }

    /// <summary>vgextend by devices that were proved blank.</summary>
    public async Task<VolumeGroupReport> ExtendAsync(IReadOnlyList<string> blankDevices, CancellationToken cancellationToken)
    {
        await ChangeAsync(
            async (group, token) =>
            {
                await Tool.ExtendVolumeGroupAsync(group, blankDevices, token);

                // Before the next change's turn: to a command that does not see them they would be missing.
                _reader.Pin(group with { Devices = [.. group.Devices, .. blankDevices] });
            },
            static report => report,
            cancellationToken);
        return await RefreshAsync(cancellationToken);
    }

    /// <summary>A report that began after this call. Shared by all who wait for one.</summary>
    /// <exception cref="StorageException">Unavailable: it is gone; the inventory is then null. Another failure leaves the inventory as it was.</exception>
    public Task<VolumeGroupReport> RefreshAsync(CancellationToken cancellationToken)
    {
        _ = Ref;
        RequireNotInChange();
        return NextReport().WaitAsync(cancellationToken);
    }

    /// <summary>One turn: a fresh report where one is due (soon after a change, or after <see cref="IdleInterval"/>), or a look for what is gone.</summary>
    public async Task UpkeepAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_reader.Pinned is not { } pinned || !_schedule.Claim())
            return;

        try
        {
            // To its end: a command must not outlive the daemon's stop unseen.
            if (_view is null)
                await TryOpenAsync(pinned.Uuid, CancellationToken.None);
            else
                await RefreshAsync(CancellationToken.None);
        }
        catch (Exception e) when (e is StorageException or ToolException)
        {
            _schedule.Failed(StorageException.Describe(e));
            throw;
        }
        finally
        {
            _schedule.Release();
        }
    }

    /// <summary>Bytes of free space, used up by nothing else, on each usable physical volume; none where LVM would allocate nothing.</summary>
    public IReadOnlyList<long> FreeByDevice() => _view is { } view ? VolumeGroupHealth.FreeByDevice(view.Report) : [];

    /// <summary>What is wrong with the volume group as a whole, for the pools in it. Starts no process.</summary>
    public IReadOnlyList<HealthFinding> Inspect()
    {
        if (_view is not { } view)
            return _reader.Pinned is null ? [] : [new HealthFinding(HealthStatus.Inaccessible, "VolumeGroupGone", Gone().Describe())];

        var findings = new List<HealthFinding>(VolumeGroupHealth.Inspect(view.Report));
        if (_schedule.Stale is { } stale)
            findings.Add(new HealthFinding(HealthStatus.Degraded, "ReportFails", $"volume group {Name}: {stale}"));
        if (_activationProblem is { } problem && view.Report.LogicalVolumes.Any(IsOursAndInactive))
            findings.Add(new HealthFinding(HealthStatus.Degraded, "ActivationFailed", $"volume group {Name}: {problem}"));

        return findings;
    }

    /// <summary>Refuses to begin to make or grow what LVM would refuse, or could not write down.</summary>
    /// <param name="purpose">Operation and id: "create volume v…".</param>
    /// <exception cref="StorageException">ResourceExhausted: a device is missing, or the metadata areas are full. Unavailable: it is gone.</exception>
    public void RequireRoom(string purpose) => VolumeGroupHealth.RequireRoom(_view?.Report ?? throw Gone(), purpose);

    private async Task<VolumeGroupReport?> ReadAgainAsync(string? knownUuid, CancellationToken cancellationToken)
    {
        _reader.ForgetScan();
        try
        {
            return await RefreshAsync(cancellationToken);
        }
        catch (StorageException) when (_view is null)
        {
            return await FindAsync(knownUuid, cancellationToken);
        }
    }

    private async Task<VolumeGroupReport?> FindAsync(string? knownUuid, CancellationToken cancellationToken)
    {
        var found = await Tool.ScanAsync(cancellationToken);
        if (VolumeGroupChoice.Choose(found, Name, knownUuid) is not { } chosen)
            return null;

        if (_view is { } other && found.Any(group => group.Uuid == other.Report.Uuid))
        {
            throw new StorageException(
                StorageError.Unavailable, $"open volume group '{Name}': another pool uses the one with the UUID {other.Report.Uuid}, this pool's has {knownUuid}",
                $"give one of them another name (vgrename {knownUuid} NEWNAME) and a pool that says so");
        }

        await _turns.EnterAsync(first: true, cancellationToken);
        _reader.Pin(chosen);
        _view = null;
        _turns.Leave();
        return await NextReport().WaitAsync(cancellationToken);
    }

    private Task<VolumeGroupReport> NextReport()
    {
        lock (_lock)
        {
            if (_next is null)
            {
                // Its place among those who wait is that of the call; what follows must not run under the lock.
                var turn = _turns.EnterAsync(first: true, CancellationToken.None);
                _next = Task.Run(() => ReportAsync(turn));
            }

            return _next;
        }
    }

    private async Task<VolumeGroupReport> ReportAsync(Task turn)
    {
        await turn;
        try
        {
            lock (_lock)
                _next = null;

            var report = await _reader.ReadAsync();
            _view = new View(report);
            _isUncertain = false;
            _schedule.Succeeded();
            return report;
        }
        catch (Exception e) when (e is StorageException or ToolException)
        {
            if (_reader.IsGone)
                _view = null;
            _schedule.Failed(StorageException.Describe(e));
            throw;
        }
        finally
        {
            _turns.Leave();
        }
    }

    private async Task RunAsync(Func<VolumeGroupRef, CancellationToken, Task> change)
    {
        try
        {
            await change(Ref, CancellationToken.None);
        }
        catch (StorageException e) when (e.Error == StorageError.Unavailable)
        {
            // LVM did not find the volume group on the devices it was given, so nothing was done.
            if (!await RepinAsync())
                throw;

            await change(Ref, CancellationToken.None);
        }
    }

    private async Task<bool> RepinAsync()
    {
        try
        {
            return await _reader.RepinAsync();
        }
        catch (StorageException) when (_reader.IsGone)
        {
            _view = null;
            throw;
        }
    }

    private async Task<VolumeGroupReport> ActivateAsync(VolumeGroupReport report, CancellationToken cancellationToken)
    {
        var inactive = report.LogicalVolumes.Where(IsInactive).ToList();
        var ours = inactive.Where(IsOursAndInactive).ToList();
        _activationProblem = null;
        if (ours.Count == 0)
            return report;

        try
        {
            // What is not ours may be inactive on purpose. A thin pool is activated by its volumes.
            if (inactive.All(volume => ours.Contains(volume) || volume.Attributes.Type == LvType.ThinPool))
                await ChangeAsync((group, token) => Tool.ActivateAsync(group, null, token), static report => report, cancellationToken);
            else
                foreach (var volume in ours)
                    await ChangeAsync((group, token) => Tool.ActivateAsync(group, volume.Name, token), static report => report, cancellationToken);
        }
        catch (Exception e) when (e is StorageException or ToolException)
        {
            // Not a reason to refuse the rest: a volume on a missing disk stays inactive, and attaching it says why.
            _activationProblem = $"not every volume could be activated: {StorageException.Describe(e)}";
        }

        return await RefreshAsync(cancellationToken);
    }

    private static bool IsInactive(LogicalVolume volume) =>
        volume is { IsPart: false, Attributes: { State: LvState.Inactive, SkipsActivation: false } };

    private static bool IsOursAndInactive(LogicalVolume volume) => IsInactive(volume) && LvTags.AreOurs(volume.Tags);

    /// <exception cref="InvalidOperationException">It would wait for itself.</exception>
    private void RequireNotInChange()
    {
        if (_isInChange.Value)
            throw new InvalidOperationException($"volume group '{Name}': a change or report asked for from within a change");
    }

    private StorageException Gone() => _reader.Pinned is { } pinned
        ? VolumeGroupReader.Gone(pinned)
        : new StorageException(StorageError.Unavailable, $"volume group '{Name}' was not opened yet", "try again");

    /// <summary>A report and its volumes by name.</summary>
    private sealed class View
    {
        public View(VolumeGroupReport report)
        {
            Report = report;
            var byName = new Dictionary<string, LogicalVolume>(report.LogicalVolumes.Count, StringComparer.Ordinal);
            foreach (var volume in report.LogicalVolumes)
                byName.TryAdd(volume.Name, volume);

            ByName = byName;
        }

        public VolumeGroupReport Report { get; }

        public IReadOnlyDictionary<string, LogicalVolume> ByName { get; }
    }
}
