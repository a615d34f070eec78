using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Reads one volume group from the devices it was last seen on, and finds them again where their paths changed.</summary>
/// <remarks>Used by one at a time: within a turn of the volume group.</remarks>
internal sealed class VolumeGroupReader(LvmTool tool, TimeProvider clock)
{
    private volatile VolumeGroupRef? _pinned;
    private long _scanned;
    private volatile bool _mustScan;
    private int _missing;

    /// <summary>Which one it is, and where; null before <see cref="Pin"/>. Kept while it is gone: it may come back.</summary>
    public VolumeGroupRef? Pinned => _pinned;

    /// <summary>The last attempt found that it is not there, or not this machine's.</summary>
    public bool IsGone { get; private set; }

    public void Pin(VolumeGroupRef group)
    {
        _pinned = group;
        Scanned();
    }

    /// <summary>The next report of one whose devices are missing looks on all devices for them.</summary>
    public void ForgetScan() => _mustScan = true;

    /// <exception cref="StorageException">Unavailable: it cannot be read; <see cref="IsGone"/> tells whether it is there.</exception>
    public async Task<VolumeGroupReport> ReadAsync()
    {
        VolumeGroupReport? report = null;
        StorageException? failure = null;
        try
        {
            report = await tool.ReportAsync(_pinned!, CancellationToken.None);
        }
        catch (StorageException e) when (e.Error == StorageError.Unavailable)
        {
            failure = e;
        }

        if ((report is null || IsScanDue(report)) && await RepinAsync())
            report = await tool.ReportAsync(_pinned!, CancellationToken.None);
        else if (failure is not null)
            throw failure; // It is where it was, and something else is wrong.

        var pinned = _pinned!;
        if (report is null || report.Uuid != pinned.Uuid || report.Name != pinned.Name)
            throw Lost(Gone(pinned));
        if (report.IsExported)
        {
            throw Lost(new StorageException(
                StorageError.Unavailable, $"volume group '{pinned.Name}' ({pinned.Uuid}) is exported",
                $"if it is to be used on this machine: vgimport {pinned.Name}"));
        }

        _pinned = pinned with { Devices = [.. report.PhysicalVolumes.Where(static device => !device.IsMissing).Select(static device => device.Device)] };
        _missing = VolumeGroupHealth.CountMissing(report);
        IsGone = false;
        return report;
    }

    /// <summary>Looks on which devices the volume group lies now.</summary>
    /// <returns>Whether they are others than those pinned.</returns>
    /// <exception cref="StorageException">Unavailable: it is gone.</exception>
    public async Task<bool> RepinAsync()
    {
        var pinned = _pinned!;
        var found = await tool.ScanAsync(CancellationToken.None);
        Scanned();
        if (found.FirstOrDefault(group => group.Uuid == pinned.Uuid) is not { } here || here.Name != pinned.Name)
            throw Lost(Gone(pinned));

        var known = pinned.Devices.ToHashSet(StringComparer.Ordinal);
        if (known.SetEquals(here.Devices))
            return false;

        _pinned = pinned with { Devices = here.Devices };
        return true;
    }

    public static StorageException Gone(VolumeGroupRef group) => new(
        StorageError.Unavailable,
        $"volume group '{group.Name}' ({group.Uuid}) is not there: its devices are gone, or it was removed or renamed",
        "bring it back: it is looked for again by itself");

    // A device that seems missing may have another path now, or be one that somebody added; one that stays away is not looked for after each change.
    private bool IsScanDue(VolumeGroupReport report)
    {
        var missing = VolumeGroupHealth.CountMissing(report);
        return missing > 0 && (_mustScan || missing != _missing || clock.GetElapsedTime(_scanned) >= VolumeGroup.IdleInterval / 2);
    }

    private void Scanned()
    {
        _scanned = clock.GetTimestamp();
        _mustScan = false;
    }

    private StorageException Lost(StorageException why)
    {
        IsGone = true;
        return why;
    }
}
