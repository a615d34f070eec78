using CsiLocal.Backends.Lvm;
using CsiLocal.Configuration;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Fakes.Lvm;
using CsiLocal.Tests.Support.Lvm;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Xunit;
using static CsiLocal.Tests.Backends.Lvm.ThinPools;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>A volume group of the emulator, and the provisioner of a thin pool in it.</summary>
internal sealed class ThinWorld : IDisposable
{
    private readonly CommandRunner _commands = new("thin-tests");
    private readonly LvmTool _tool;

    /// <param name="disks">Of 1 GiB each.</param>
    public ThinWorld(int disks = 2)
    {
        Group = Lvm.AddGroup("vg", disks, diskBytes: GiB);
        _tool = new LvmTool(Faults.Wrap(Lvm.Wrap(_commands)), []);
    }

    public LvmEmulator Lvm { get; } = new();

    public EmulatedGroup Group { get; }

    public CommandFailures Faults { get; } = new();

    public SteppedClock Clock { get; } = new();

    /// <summary>Ids of what rows know as finished.</summary>
    public HashSet<string> HandedOut { get; } = [];

    /// <summary>What was told: "! " before what needs attention.</summary>
    public List<string> Told { get; } = [];

    public PoolOptions Options { get; set; } = new()
    {
        Name = "thin",
        Backend = BackendKind.LvmThin,
        Lvm = ThinPools.Options with { ThinPoolSize = new ThinPoolSize(400 * MiB, null) },
    };

    /// <summary>As after a start of the daemon.</summary>
    public (ThinProvisioner Thin, VolumeGroup Group) Start()
    {
        var group = new VolumeGroup("vg", _tool, Lvm.Devices, Claims.None, Clock);
        return (new ThinProvisioner(
            Options, group, HandedOut.Contains, (what, why, attention) => Told.Add($"{(attention ? "! " : "")}{what}: {why}"), Clock), group);
    }

    public async Task<ThinProvisioner> OpenAsync()
    {
        var thin = Start().Thin;
        await thin.OpenAsync(null, TestContext.Current.CancellationToken);
        return thin;
    }

    public EmulatedVolume Pool => Group.Volumes["pool0"];

    public void AddDisk() => Group.Add(LvmEmulator.NewDisk($"/dev/added-{Group.Disks.Count}", GiB));

    public static VolumeRecord Volume(string name, long sizeMiB) => Records.Volume(name) with
    {
        Pool = "thin",
        Backend = BackendKind.LvmThin,
        SizeBytes = sizeMiB * MiB,
        Filesystem = FilesystemType.Ext4,
        FilesystemUuid = Guid.NewGuid(),
    };

    public void Dispose()
    {
        Lvm.Dispose();
        _commands.Dispose();
        Assert.Empty(Lvm.Misuses);
    }

    /// <summary>Lets commands of a kind fail.</summary>
    internal sealed class CommandFailures
    {
        /// <summary>What fails: "lvextend"; null: nothing.</summary>
        public string? Failing { get; set; }

        public ICommandRunner Wrap(ICommandRunner real) => new Runner(this, real);

        private sealed class Runner(CommandFailures failures, ICommandRunner real) : ICommandRunner
        {
            public Task<ToolOutput> RunAsync(ToolCommand command, CancellationToken cancellationToken) =>
                command.Arguments[0] == failures.Failing
                    ? Task.FromResult(new ToolOutput(5, "", "  it does not want to\n"))
                    : real.RunAsync(command, cancellationToken);
        }
    }
}
