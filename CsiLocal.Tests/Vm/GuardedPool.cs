using CsiLocal.Backends.Lvm;
using CsiLocal.Configuration;
using CsiLocal.Native;
using CsiLocal.Tests.Backends;
using CsiLocal.Tests.Support;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Vm;

/// <summary>A thin pool on real disks, with the driver's provisioner and its guardian, which takes its turn each second.</summary>
internal sealed class GuardedPool : IAsyncDisposable
{
    public const long MiB = 1 << 20;

    private readonly BlankDisks _disks;
    private readonly int _inGroup;
    private readonly CommandRunner _commands = new("guarded-pool");
    private readonly CancellationTokenSource _stop = new();
    private readonly string _name = $"vm{Guid.NewGuid():N}"[..10];
    private readonly List<Task> _writing = [];
    private Task _guarding = Task.CompletedTask;

    private GuardedPool(int disks, int spareDisks, LvmPoolOptions options, double overprovision)
    {
        _disks = BlankDisks.Take(disks + spareDisks);
        _inGroup = disks;

        // Extents of 1 MiB: little is soon full.
        HostCommand.Run("vgcreate", ["--quiet", "--physicalextentsize", "1m", _name, .. _disks.Paths.Take(disks)]);
        Group = new CsiLocal.Backends.Lvm.VolumeGroup(_name, new LvmTool(_commands, []), new DeviceMapper(), Support.Lvm.Claims.None, TimeProvider.System);
        Options = new PoolOptions
        {
            Name = "thin",
            Backend = BackendKind.LvmThin,
            Overprovision = overprovision,
            Lvm = options with { VolumeGroup = _name },
        };
        Thin = new ThinProvisioner(Options, Group, HandedOut.Contains, Tell, TimeProvider.System);
    }

    public CsiLocal.Backends.Lvm.VolumeGroup Group { get; }

    public PoolOptions Options { get; }

    public ThinProvisioner Thin { get; }

    public string Name => $"{_name}/pool";

    /// <summary>Ids of what rows know as finished.</summary>
    public HashSet<string> HandedOut { get; } = [];

    /// <summary>What the guardian told.</summary>
    public List<string> Told { get; } = [];

    public ThinPoolFacts Facts => new PoolGuardian(
        Options.Lvm!, new ThinPoolPolicy(Options.Lvm!, 0), Group, static (_, _, _) => { }, TimeProvider.System).Look()!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>With a pool of so many MiB.</summary>
    public static async Task<GuardedPool> MakeAsync(
        long sizeMiB, int disks = 1, int spareDisks = 0, Func<LvmPoolOptions, LvmPoolOptions>? change = null, double overprovision = 10)
    {
        var options = new LvmPoolOptions { VolumeGroup = "", ThinPool = "pool", ThinPoolSize = new ThinPoolSize(sizeMiB * MiB, null) };
        var pool = new GuardedPool(disks, spareDisks, change?.Invoke(options) ?? options, overprovision);
        try
        {
            await pool.Thin.OpenAsync(null, Cancelled);
            return pool;
        }
        catch
        {
            await pool.DisposeAsync();
            throw;
        }
    }

    public void Guard() => _guarding = Task.Run(async () =>
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        while (!_stop.IsCancellationRequested)
        {
            await Thin.UpkeepAsync(CancellationToken.None);
            await Group.UpkeepAsync(CancellationToken.None);
            await timer.WaitForNextTickAsync(CancellationToken.None);
        }
    });

    /// <summary>Writes to all of them at once. Whoever is still at it when the pool goes is waited for: the kernel lets a full pool's writers go in the end.</summary>
    public Task WriteAsync(int records, params RecordWriter[] writers)
    {
        var writing = Task.WhenAll(writers.Select(writer => writer.WriteAsync(records, Cancelled)));
        _writing.Add(writing);
        return writing;
    }

    /// <summary>Leaves so much free in the volume group, and nothing that the guardian could take.</summary>
    public async Task FillGroupAsync(long leftMiB)
    {
        var left = leftMiB * MiB / Group.Inventory!.ExtentBytes;
        var free = long.Parse(HostCommand.Run("vgs", "--noheadings", "--options", "vg_free_count", _name).Trim(), System.Globalization.CultureInfo.InvariantCulture);
        HostCommand.Run("lvcreate", "--quiet", "--yes", "--wipesignatures", "n", "--zero", "n", "--extents", $"{free - left}", "--name", "filler", _name);
        await Group.RefreshAsync(Cancelled);
    }

    /// <summary>As an administrator does, behind the driver's back.</summary>
    public void AddDisk() => HostCommand.Run("vgextend", "--quiet", _name, _disks.Paths[_inGroup]);

    public async Task<LogicalVolume> CreateAsync(string name, long sizeMiB)
    {
        var volume = Volume(name, sizeMiB);
        await Thin.CreateAsync(volume, LvTags.Of(volume), Cancelled);
        return Group.Find(volume.Id.Value)!;
    }

    public string DeviceOf(LogicalVolume volume) => Group.Devices.NodeOf(Group.DeviceOf(volume)!);

    public static VolumeRecord Volume(string name, long sizeMiB) =>
        Records.Volume(name, sizeMiB * MiB, BackendKind.LvmThin) with { Access = AccessType.Block, State = VolumeState.Ready };

    /// <summary>Waits until something is as it should be.</summary>
    public static async Task UntilAsync(Func<bool> holds)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(200));
        while (!holds())
            await timer.WaitForNextTickAsync(Cancelled);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _guarding;
        await Task.WhenAny(Task.WhenAll(_writing));
        HostCommand.Run("vgremove", "--quiet", "--yes", "--force", _name);
        _commands.Dispose();
        _disks.Dispose();
        _stop.Dispose();
    }

    private void Tell(string what, string why, bool needsAttention)
    {
        lock (Told)
            Told.Add($"{what}: {why}");
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}: {why}");
    }
}
