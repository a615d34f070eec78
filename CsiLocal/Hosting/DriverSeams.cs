using CsiLocal.Native;
using CsiLocal.State;
using CsiLocal.Tools;

namespace CsiLocal.Hosting;

/// <summary>What a test of the whole daemon may put in place of the real thing. Production has the defaults.</summary>
internal sealed record DriverSeams
{
    /// <summary>Stands between the daemon and its commands; below the journal, which records what it answers.</summary>
    public Func<ICommandRunner, ICommandRunner> Commands { get; init; } = static real => real;

    /// <summary>Stands around the daemon's commits; null: nothing does.</summary>
    public CommitHooks? Commits { get; init; }

    /// <summary>What is asked about device-mapper devices.</summary>
    public IDeviceMapper Devices { get; init; } = new DeviceMapper();

    /// <summary>How often a pool that cannot be used is looked at again.</summary>
    public TimeSpan PoolRetry { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>An idle daemon gives memory back. That stops every thread of the process: tests, with many daemons in one and a large heap, do without.</summary>
    public bool CompactsMemory { get; init; } = true;
}
