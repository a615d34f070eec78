using CsiLocal.Backends.Lvm;
using CsiLocal.Hosting;
using CsiLocal.Native;
using CsiLocal.Tools;

namespace CsiLocal.Tests.Support.Lvm;

/// <summary>A volume group for one test, empty but for a thin pool: emulated on a host, real in the microVM.</summary>
internal abstract class LvmWorld : IDisposable
{
    private readonly CommandRunner _commands = new($"tests-lvm-{Guid.NewGuid():N}");

    /// <summary>Commands of the test's own backends are run here, those of a driver by the driver's own runner.</summary>
    private protected ICommandRunner Commands => _commands;

    public abstract string VolumeGroup { get; }

    /// <summary>What answers for the kernel's device-mapper.</summary>
    public abstract IDeviceMapper Devices { get; }

    /// <param name="disks">Of 4 GiB or more, each.</param>
    public static LvmWorld Open(int disks) => Machine.IsVm ? RealLvm.Lease(disks) : new EmulatedLvm(disks);

    /// <summary>What stands in for the host's LVM, below what the test has put there.</summary>
    public abstract DriverSeams Decorate(DriverSeams seams);

    /// <summary>The lvm commands as the driver has them.</summary>
    public abstract LvmTool MakeTool();

    /// <summary>Names of the logical volumes but hidden ones and thin pools.</summary>
    public abstract IReadOnlyList<string> Volumes();

    public abstract IReadOnlyList<string> TagsOf(string name);

    /// <summary>A node of an active volume's device.</summary>
    public abstract string NodeOf(string name);

    public abstract void Rename(string name, string newName);

    public abstract void Remove(string name);

    public abstract void RemoveTags(string name);

    /// <summary>Takes a thin volume, the last that was made, from its thin pool: as if lvcreate had been killed before that had it.</summary>
    /// <param name="name">Not in use.</param>
    /// <param name="queued">LVM still has the message that is to make it; else it knows that it was made, and the thin pool has lost it (thin_repair).</param>
    public abstract void Unmake(string name, bool queued);

    /// <summary>Brings a RAID volume into the state that a power cut leaves while lvcreate clears its metadata.</summary>
    public abstract void Unclear(string name);

    public abstract void Deactivate(string name);

    /// <summary>Names of volumes whose device is open.</summary>
    public IReadOnlyList<string> InUse() => [.. Volumes().Where(name => Devices.FindByName(DmName(name)) is { OpenCount: > 0 })];

    /// <summary>Detaches what a failed test left on the volumes, and removes them.</summary>
    public virtual void Dispose()
    {
        _commands.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected string DmName(string name) =>
        $"{VolumeGroup.Replace("-", "--", StringComparison.Ordinal)}-{name.Replace("-", "--", StringComparison.Ordinal)}";

    /// <summary>Read-only devices over a volume are loop devices.</summary>
    private protected static void DetachLoops(ulong deviceNumber)
    {
        foreach (var (number, path) in LoopDevices.BackingFiles().ToList())
        {
            if (FileStatus.FindFollowing(path) is { IsBlockDevice: true } status && status.DeviceNumber == deviceNumber)
                LoopDevices.TryClear(number);
        }
    }
}
