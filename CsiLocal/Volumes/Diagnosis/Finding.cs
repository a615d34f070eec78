namespace CsiLocal.Volumes.Diagnosis;

/// <summary>How bad a finding is.</summary>
internal enum Severity
{
    /// <summary>Looked at, and well.</summary>
    Ok,

    /// <summary>Works, and a person should look at it.</summary>
    Warning,

    /// <summary>Something does not work.</summary>
    Error,
}

/// <summary>One thing that was looked at.</summary>
/// <param name="Code">One of <see cref="FindingCodes"/>.</param>
/// <param name="Severity">How bad it is.</param>
/// <param name="Subject">What it is about: a program, a pool, a volume's id, a path.</param>
/// <param name="Evidence">What was found.</param>
/// <param name="Remedy">What to do; null where nothing is to be done.</param>
internal sealed record Finding(string Code, Severity Severity, string Subject, string Evidence, string? Remedy = null)
{
    public static Finding Ok(string code, string subject, string evidence) => new(code, Severity.Ok, subject, evidence);

    public static Finding Warning(string code, string subject, string evidence, string remedy) => new(code, Severity.Warning, subject, evidence, remedy);

    public static Finding Error(string code, string subject, string evidence, string remedy) => new(code, Severity.Error, subject, evidence, remedy);
}

/// <summary>The names of what is looked at: a contract with scripts, described in docs/doctor.md.</summary>
internal static class FindingCodes
{
    // The machine.
    public const string Daemon = "daemon";
    public const string Configuration = "configuration";
    public const string Kernel = "kernel";
    public const string Privileges = "privileges";
    public const string Tool = "tool";
    public const string Loop = "loop";
    public const string Quota = "quota";
    public const string Propagation = "mount-propagation";
    public const string DeviceMapper = "device-mapper";
    public const string Module = "kernel-module";
    public const string Udev = "udev";
    public const string LvmLocks = "lvm-locks";
    public const string LvmSemaphores = "lvm-semaphores";
    public const string LvmConfiguration = "lvm-config";
    public const string LvmDevices = "lvm-devices";

    // The state.
    public const string StateFolder = "state-folder";
    public const string StateFile = "state-file";
    public const string SetAside = "state-set-aside";
    public const string Journal = "journal";

    // The pools.
    public const string Pool = "pool";
    public const string PoolHealth = "pool-health";
    public const string VolumeHealth = "volume-health";
    public const string Missing = "missing";
    public const string Orphan = "orphan";
    public const string Differs = "differs";
    public const string NotUnderstood = "not-understood";
    public const string NotMounted = "not-mounted";
    public const string LeftAttached = "left-attached";
    public const string Unfinished = "unfinished";
    public const string FailedTask = "failed-task";
}
