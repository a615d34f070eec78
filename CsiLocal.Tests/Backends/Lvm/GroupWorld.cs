using CsiLocal.Backends.Lvm;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Fakes.Lvm;
using CsiLocal.Tests.Support.Lvm;
using CsiLocal.Tools;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>A volume group of the driver over emulated disks, on a clock that is told to move; its volumes are metadata only.</summary>
internal sealed class GroupWorld : IDisposable
{
    /// <summary>One of the tags that make a volume ours.</summary>
    private static readonly string OurTag = LvTags.Of(Records.Volume("any"))[0];

    public GroupWorld(string name = "data")
    {
        Tool = new LvmTool(Commands.Wrap(Emulator.Wrap(new Nothing())), []);
        Group = Add(name);
        Sut = new VolumeGroup(name, Tool, Emulator.Devices, Claims.None, Clock);
    }

    public LvmEmulator Emulator { get; } = new();

    /// <summary>Between the driver and LVM: counts, holds back, lets fail.</summary>
    public CommandFaults Commands { get; } = new();

    public SteppedClock Clock { get; } = new();

    public LvmTool Tool { get; }

    public EmulatedGroup Group { get; }

    public VolumeGroup Sut { get; }

    public int Reports => Count("fullreport");

    public int Scans => Count("pvs");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public EmulatedGroup Add(string name) => Emulator.AddGroup(name, disks: 3, diskBytes: 1L << 30);

    public EmulatedVolume AddVolume(string name, bool isOurs = true, bool isActive = true, int disk = 0)
    {
        var volume = new EmulatedVolume(Group, name, "linear")
        {
            Extents = 4,
            Segments = [new EmulatedSegment(Group.Disks[disk], 4)],
            Tags = isOurs ? [OurTag] : ["somebody.elses"],
            IsActive = isActive,
        };
        Group.Volumes[name] = volume;
        return volume;
    }

    public int Count(string subcommand) => Commands.Commands.Count(command => command.Arguments[0] == subcommand);

    public Task<VolumeGroupReport> OpenAsync(string? knownUuid = null) => Sut.OpenAsync(knownUuid, Token);

    /// <summary>A change that runs no command.</summary>
    public Task ChangeAsync(Func<Task> change, Func<VolumeGroupReport, VolumeGroupReport>? apply = null) =>
        Sut.ChangeAsync((_, _) => change(), apply ?? (static report => report), Token);

    /// <summary>Time goes on second by second, with a turn of upkeep in each.</summary>
    public async Task LiveAsync(TimeSpan time)
    {
        for (var left = time; left > TimeSpan.Zero; left -= TimeSpan.FromSeconds(1))
        {
            Clock.Advance(TimeSpan.FromSeconds(1));
            await Sut.UpkeepAsync(Token);
        }
    }

    /// <summary>The next command of that kind waits until the returned is set; it tells when it has come.</summary>
    public (TaskCompletionSource Release, Task Arrived) Hold(string subcommand)
    {
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Commands.Around = async (command, run) =>
        {
            if (command.Arguments[0] == subcommand && arrived.TrySetResult())
                await release.Task;
            return await run();
        };
        return (release, arrived.Task);
    }

    /// <summary>Every command of that kind fails with these words.</summary>
    public void Fail(string subcommand, string words) => Commands.Around = (command, run) =>
        command.Arguments[0] == subcommand ? Task.FromResult(new ToolOutput(5, "", words)) : run();

    public void Dispose() => Emulator.Dispose();

    private sealed class Nothing : ICommandRunner
    {
        public Task<ToolOutput> RunAsync(ToolCommand command, CancellationToken cancellationToken) =>
            throw new InvalidOperationException($"not a command of LVM: {command}");
    }
}
