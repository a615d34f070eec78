namespace CsiLocal.Backends.Lvm;

/// <summary>When a volume group has to be read anew, and since when that fails.</summary>
internal sealed class ReportSchedule(TimeProvider clock)
{
    private static readonly TimeSpan Old = 2 * VolumeGroup.IdleInterval;

    private readonly Lock _lock = new();
    private long? _firstChange; // since the last report
    private long _lastChange;
    private long _succeeded = clock.GetTimestamp();
    private long? _tried;
    private string? _failure;
    private bool _isClaimed;

    /// <summary>In words, where the last good report is old and later ones failed; null where all is well.</summary>
    public string? Stale
    {
        get
        {
            lock (_lock)
            {
                var age = clock.GetElapsedTime(_succeeded);
                return _failure is { } failure && age >= Old
                    ? $"could not be read for {(long)age.TotalMinutes} minutes, what is reported may be out of date: {failure}"
                    : null;
            }
        }
    }

    /// <summary>Something was changed, or may have been.</summary>
    public void Changed()
    {
        lock (_lock)
        {
            _lastChange = clock.GetTimestamp();
            _firstChange ??= _lastChange;
        }
    }

    public void Succeeded()
    {
        lock (_lock)
        {
            // Reports and changes take turns: the report shows whatever was changed before.
            _firstChange = null;
            _succeeded = clock.GetTimestamp();
            _failure = null;
            _tried = null;
        }
    }

    public void Failed(string problem)
    {
        lock (_lock)
        {
            _failure = problem;
            _tried = clock.GetTimestamp();
        }
    }

    /// <summary>Whether it is the caller's turn to have it read; <see cref="Release"/> follows. Two pools in one volume group do not read it twice.</summary>
    public bool Claim()
    {
        lock (_lock)
            return !_isClaimed && (_isClaimed = IsDue());
    }

    public void Release()
    {
        lock (_lock)
            _isClaimed = false;
    }

    private bool IsDue()
    {
        if (_tried is { } tried)
            return clock.GetElapsedTime(tried) >= VolumeGroup.RetryInterval;

        return clock.GetElapsedTime(_succeeded) >= VolumeGroup.IdleInterval
            || (_firstChange is { } first
                && (clock.GetElapsedTime(_lastChange) >= VolumeGroup.Debounce || clock.GetElapsedTime(first) >= VolumeGroup.LongestDebounce));
    }
}
