using CsiLocal.Backends.Lvm;
using CsiLocal.Hosting;
using CsiLocal.Native;
using CsiLocal.Tests.Fakes.Lvm;
using Xunit;

namespace CsiLocal.Tests.Support.Lvm;

/// <inheritdoc/>
internal sealed class EmulatedLvm : LvmWorld
{
    // With a dash, which device-mapper's names double.
    private readonly EmulatedGroup _group;

    public EmulatedLvm(int disks) => _group = Emulator.AddGroup("test-vg", disks);

    public LvmEmulator Emulator { get; } = new();

    public override string VolumeGroup => _group.Name;

    public override IDeviceMapper Devices => Emulator.Devices;

    public override DriverSeams Decorate(DriverSeams seams)
    {
        var above = seams.Commands;
        return seams with { Commands = real => above(Emulator.Wrap(real)), Devices = Emulator.Devices };
    }

    public override LvmTool MakeTool() => new(Emulator.Wrap(Commands), []);

    public override IReadOnlyList<string> Volumes() =>
        [.. _group.Sorted.Where(static volume => volume is { IsHidden: false, IsThinPool: false }).Select(static volume => volume.Name)];

    public override IReadOnlyList<string> TagsOf(string name) => [.. _group.Volumes[name].Tags];

    public override string NodeOf(string name) => LoopDevices.PathOf(_group.Volumes[name].Loop!.Value);

    public override void Rename(string name, string newName)
    {
        Assert.True(_group.Volumes.TryRemove(name, out var volume));
        volume.Name = newName;
        _group.Volumes[newName] = volume;
    }

    public override void Remove(string name)
    {
        Assert.True(_group.Volumes.TryRemove(name, out var volume));
        Assert.True(EmulatedContent.TryDeactivate(volume));
        Emulator.Store.Remove(volume);
    }

    public override void RemoveTags(string name) => _group.Volumes[name].Tags.Clear();

    public override void Unmake(string name, bool queued)
    {
        var volume = _group.Volumes[name];
        Assert.True(EmulatedContent.TryDeactivate(volume));
        volume.Pool!.KernelTransactionId--;
        (volume.IsUnmade, volume.Pool.Queued) = (true, queued ? volume : null);
    }

    public override void Unclear(string name)
    {
        var volume = _group.Volumes[name];
        Assert.True(EmulatedContent.TryDeactivate(volume));
        (volume.IsUncleared, volume.SkipsActivation) = (true, true);
        foreach (var part in volume.Parts)
        {
            part.IsActive = false;
            if (part.Name.Contains("_rmeta_", StringComparison.Ordinal))
                part.IsUncleared = true;
        }
    }

    public override void Deactivate(string name) => Assert.True(EmulatedContent.TryDeactivate(_group.Volumes[name]));

    public override void Dispose()
    {
        foreach (var volume in _group.Volumes.Values)
        {
            if (volume.Loop is { } loop)
                DetachLoops(FileStatus.MakeDevice(7, (uint)loop));
        }

        Emulator.Dispose();
        base.Dispose();
        Assert.Empty(Emulator.Misuses);
    }
}
