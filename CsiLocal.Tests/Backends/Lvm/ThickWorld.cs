using CsiLocal.Backends.Lvm;
using CsiLocal.Configuration;
using CsiLocal.Native;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Fakes.Lvm;
using CsiLocal.Tests.Support.Lvm;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>A volume group of the emulator, and a pool of thick volumes in it.</summary>
internal sealed class ThickWorld : IDisposable
{
    public const long MiB = 1 << 20;

    private readonly CommandRunner _commands = new("thick-tests");

    public ThickWorld(LvmPoolOptions? lvm = null, TimeProvider? clock = null)
    {
        Group = Lvm.AddGroup("vg", disks: 4, diskBytes: 1 << 30);
        Options = new PoolOptions { Name = "pool", Backend = BackendKind.Lvm, Lvm = lvm ?? new LvmPoolOptions { VolumeGroup = "vg" } };
        Clock = clock ?? TimeProvider.System;
    }

    public LvmEmulator Lvm { get; } = new();

    public EmulatedGroup Group { get; }

    public PoolOptions Options { get; set; }

    public TimeProvider Clock { get; }

    public LvmFaults Faults { get; } = new();

    public LvmTool Tool => new(Faults.Wrap(Lvm.Wrap(_commands)), []);

    /// <summary>A logical volume that somebody else made.</summary>
    public Task MakeForeignAsync(string name, params IReadOnlyList<string> tags) => Tool.CreateThickAsync(
        new VolumeGroupRef("vg", Group.Uuid, [.. Group.Disks.Select(static disk => disk.Path)]),
        new ThickVolume { Name = name, SizeBytes = 40 * MiB, Tags = tags, Options = Options.Lvm! },
        TestContext.Current.CancellationToken);

    /// <summary>As after a start of the daemon.</summary>
    public async Task<LvmBackend> OpenAsync()
    {
        var group = new VolumeGroup("vg", Tool, Lvm.Devices, Claims.None, Clock);
        var backend = new LvmBackend(Options, group, new ThickProvisioner(Options, group, Clock), Clock);
        await backend.InspectAsync(knownIdentity: null, TestContext.Current.CancellationToken);
        Lvm.Commands.Clear();
        return backend;
    }

    public static VolumeRecord Volume(string name, long sizeBytes = 40 * MiB, AccessType access = AccessType.Mount) => Records.Volume(name, sizeBytes, BackendKind.Lvm) with
    {
        Access = access,
        Filesystem = access == AccessType.Mount ? FilesystemType.Ext4 : null,
        FilesystemUuid = access == AccessType.Mount ? Guid.Parse("3c0ffee0-0000-4000-8000-000000000002") : null,
    };

    /// <summary>A volume as its users have it.</summary>
    public static async Task<VolumeRecord> MakeAsync(LvmBackend backend, VolumeRecord wanted)
    {
        var made = await backend.CreateAsync(wanted, new RecordedProgress(), TestContext.Current.CancellationToken) with { State = VolumeState.Ready };
        await backend.WriteMetadataAsync(made, TestContext.Current.CancellationToken);
        return made;
    }

    public string DeviceOf(VolumeRecord volume) => DeviceOf(volume.Id.Value);

    public string DeviceOf(string name) => Lvm.Devices.NodeOf(Lvm.Devices.FindByName($"vg-{name}")!);

    public void Write(string name, long offset, byte value, int length = 4096)
    {
        var bytes = new byte[length];
        Array.Fill(bytes, value);
        using var device = NativeFile.Open(DeviceOf(name), NativeFile.ReadWrite);
        RandomAccess.Write(device, bytes, offset);
        RandomAccess.FlushToDisk(device);
    }

    /// <summary>All of it.</summary>
    public byte[] Read(string name)
    {
        using var device = BlockDevice.Open(DeviceOf(name));
        var bytes = new byte[device.SizeBytes];
        device.Read(0, bytes);
        return bytes;
    }

    /// <summary>Kinds of the lvm commands run since the pool was opened, or since this was asked last.</summary>
    public IReadOnlyList<string> TakeCommands()
    {
        string[] commands = [.. Lvm.Commands.Select(static command => command.Arguments[0])];
        Lvm.Commands.Clear();
        return commands;
    }

    public void Dispose()
    {
        Lvm.Dispose();
        _commands.Dispose();
        Assert.Empty(Lvm.Misuses);
    }
}

/// <summary>Makes lvm commands go wrong.</summary>
internal sealed class LvmFaults
{
    /// <summary>Fails before it does anything: "lvextend".</summary>
    public string? FailsBefore { get; set; }

    /// <summary>Does it, and says that it failed.</summary>
    public string? FailsAfter { get; set; }

    public ICommandRunner Wrap(ICommandRunner real) => new Runner(this, real);

    private sealed class Runner(LvmFaults faults, ICommandRunner real) : ICommandRunner
    {
        public async Task<ToolOutput> RunAsync(ToolCommand command, CancellationToken cancellationToken)
        {
            if (command.Arguments[0] == faults.FailsBefore)
                return new ToolOutput(5, "", "  it does not want to\n");
            var output = await real.RunAsync(command, cancellationToken);
            return command.Arguments[0] == faults.FailsAfter ? new ToolOutput(5, "", "  it came to grief at the end\n") : output;
        }
    }
}
