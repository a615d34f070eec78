using System.Collections.Concurrent;
using CsiLocal.Tools;

namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>
/// LVM for machines whose kernel has no device-mapper: takes the command <c>lvm</c> and lets others pass. Its logical volumes are loop
/// devices, so that mkfs, mount and growth are real; its reports, messages and exit codes are those of lvm2 2.03.16.
/// </summary>
/// <remarks>Lives in the test, and so outlives a restart of the driver, as disks do.</remarks>
internal sealed class LvmEmulator : IDisposable
{
    private const int KeptCommands = 10_000;

    // LVM locks the volume group, also for reports.
    private readonly SemaphoreSlim _oneAtATime = new(1);

    public LvmEmulator() => Devices = new EmulatedDeviceMapper(this);

    public EmulatedDeviceMapper Devices { get; }

    public EmulatedContent Store { get; } = new();

    public ConcurrentBag<EmulatedGroup> Groups { get; } = [];

    /// <summary>Physical volumes that belong to no volume group yet.</summary>
    public ConcurrentDictionary<string, EmulatedDisk> Prepared { get; } = new();

    /// <summary>lvm commands that were run.</summary>
    public ConcurrentQueue<ToolCommand> Commands { get; } = new();

    /// <summary>Command lines that break the rules: each was refused with an exception, and is a failed test.</summary>
    public ConcurrentQueue<string> Misuses { get; } = new();

    /// <summary>What a removed volume was removed with: whether its blocks were still in use, and whether the disks were told.</summary>
    public ConcurrentQueue<(string Name, long AllocatedBytes, bool Discard)> Removed { get; } = new();

    /// <summary>A volume group of disks that are nothing but numbers.</summary>
    public EmulatedGroup AddGroup(string name, int disks = 3, long diskBytes = 4L << 30)
    {
        var group = new EmulatedGroup(name, [.. Enumerable.Range(0, disks).Select(i => NewDisk($"/dev/emulated-{Groups.Count}-{i}", diskBytes))]);
        Groups.Add(group);
        return group;
    }

    /// <summary>Stands before the driver's real command runner.</summary>
    public ICommandRunner Wrap(ICommandRunner real) => new Runner(this, real);

    /// <summary>How many lvm commands of that kind were run: "lvcreate".</summary>
    public int Count(string subcommand) => Commands.Count(command => command.Arguments[0] == subcommand);

    /// <summary>Power on again: nothing is active, and devices get other numbers.</summary>
    public void Reboot()
    {
        foreach (var volume in Groups.SelectMany(static group => group.Volumes.Values))
        {
            if (!EmulatedContent.TryDeactivate(volume))
                throw new InvalidOperationException($"{volume.Name} is still in use");
        }

        Devices.ShuffleNumbers();
    }

    public EmulatedVolume? Find(string group, string name) =>
        Groups.FirstOrDefault(found => found.Name == group)?.Volumes.GetValueOrDefault(name);

    public void Dispose()
    {
        foreach (var volume in Groups.SelectMany(static group => group.Volumes.Values))
        {
            // A probe of the host's udev may have it open for an instant.
            if (!SpinWait.SpinUntil(() => EmulatedContent.TryDeactivate(volume), TimeSpan.FromSeconds(5)))
                throw new InvalidOperationException($"{volume.Name} on /dev/loop{volume.Loop} is still in use");
        }

        Devices.Dispose();
        Store.Dispose();
        _oneAtATime.Dispose();
    }

    internal static EmulatedDisk NewDisk(string path, long bytes) => new(path, (bytes / EmulatedGroup.ExtentBytes) - 1);

    private async Task<ToolOutput> RunAsync(ToolCommand command, CancellationToken cancellationToken)
    {
        Commands.Enqueue(command);
        while (Commands.Count > KeptCommands)
            Commands.TryDequeue(out _);
        await _oneAtATime.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(() => Run(LvmArguments.Parse(command.Arguments)), CancellationToken.None);
        }
        catch (LvmMisuseException e)
        {
            Misuses.Enqueue($"{e.Message}: {command}");
            throw;
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    private ToolOutput Run(LvmArguments arguments)
    {
        var scope = new LvmScope(this, arguments);
        try
        {
            var said = arguments.Command switch
            {
                "lvcreate" => new LvmCreate(scope).Run(),
                "lvremove" => new LvmRemove(scope).Run(),
                "lvextend" => new LvmExtend(scope).Run(),
                "lvchange" => new LvmChange(scope).ChangeVolume(),
                "lvrename" => new LvmRename(scope).Run(),
                "vgchange" => new LvmChange(scope).ActivateGroup(),
                "vgcreate" => new LvmDisks(scope).CreateGroup(),
                "vgextend" => new LvmDisks(scope).ExtendGroup(),
                "pvcreate" => new LvmDisks(scope).Prepare(),
                "pvck" => new LvmDump(scope).Run(),
                _ => new LvmReport(scope).Run(),
            };
            return new ToolOutput(0, said, scope.Warnings);
        }
        catch (LvmFailureException e)
        {
            var empty = arguments.IsReport ? new LvmReport(scope).Empty() : "";
            return new ToolOutput(e.ExitCode, empty, scope.Warnings + e.Message);
        }
    }

    private sealed class Runner(LvmEmulator emulator, ICommandRunner real) : ICommandRunner
    {
        public Task<ToolOutput> RunAsync(ToolCommand command, CancellationToken cancellationToken) =>
            command.Program == "lvm" ? emulator.RunAsync(command, cancellationToken) : real.RunAsync(command, cancellationToken);
    }
}
