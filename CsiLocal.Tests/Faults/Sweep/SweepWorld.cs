using System.Security.Cryptography;
using CsiLocal.Backends;
using CsiLocal.Backends.Directories;
using CsiLocal.Backends.Images;
using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Csi.V1;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Faults.Sweep;

/// <summary>A pool and the driver on it, kept from point to point, and what is asked of both after each.</summary>
internal sealed class SweepWorld : IAsyncDisposable
{
    /// <summary>As small as an image may be: a point is to cost little.</summary>
    public const long SmallBytes = 16 * MiB;

    private const int DataBytes = 128 << 10;

    // As long as a CO would wait without a word to its user; a machine may be busy.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly CommandRunner _commands = new($"tests-sweep-{Guid.NewGuid():N}");

    private bool isPatient = true;

    private SweepWorld(TestPool pool, FaultPoints faults, TestDriver driver) => (Pool, Faults, Driver) = (pool, faults, driver);

    public TestPool Pool { get; }

    public FaultPoints Faults { get; }

    public TestDriver Driver { get; }

    public Controller.ControllerClient Controller => Driver.Controller;

    public Node.NodeClient Node => Driver.Node;

    public static async Task<SweepWorld> StartAsync(TestPool pool)
    {
        var faults = new FaultPoints();
        var driver = await TestDriver.StartAsync(
            made => made.Seams = pool.Decorate(new()
            {
                Commands = faults.Wrap,
                Commits = faults.Commits,
                PoolRetry = TimeSpan.FromMilliseconds(100),
            }),
            pool.Options);
        return new SweepWorld(pool, faults, driver);
    }

    /// <summary>After a kill: without a chance to put anything in order.</summary>
    public async Task RestartAsync()
    {
        await Driver.StopAsync();
        Faults.Disarm();
        await StartAsync();
    }

    /// <summary>As <see cref="RestartAsync"/>, with a daemon in between that is killed while it recovers.</summary>
    /// <returns>False: it had fewer points than that.</returns>
    public async Task<bool> RestartTwiceAsync(int at)
    {
        await Driver.StopAsync();
        Faults.Disarm();
        Faults.Arm(at, FaultWay.KilledAfter, whileStarting: true);
        try
        {
            await StartAsync();
        }
        catch (KilledException)
        {
            // As it was to be.
        }

        var met = Faults.Met is not null;
        await RestartAsync();
        return met;
    }

    public async Task<Volume> CreateAsync(string name, VolumeCapability capability, long bytes = SmallBytes) =>
        (await Controller.CreateVolumeAsync(Create(name, capability, bytes))).Volume;

    public string StagingOf(Volume volume) => Driver.PathOf($"{volume.VolumeId}-staging");

    public string TargetOf(Volume volume) => Driver.PathOf($"{volume.VolumeId}-target");

    public async Task<string> StageAsync(Volume volume, VolumeCapability capability)
    {
        await PatientlyAsync(async () => await Node.NodeStageVolumeAsync(Stage(volume, StagingOf(volume), capability)));
        return StagingOf(volume);
    }

    public async Task<string> PublishAsync(Volume volume, VolumeCapability capability, bool readOnly = false)
    {
        await PatientlyAsync(async () =>
            await Node.NodePublishVolumeAsync(Publish(volume, StagingOf(volume), TargetOf(volume), capability, readOnly)));
        return TargetOf(volume);
    }

    public Task UnpublishAsync(Volume volume) => PatientlyAsync(async () =>
        await Node.NodeUnpublishVolumeAsync(new() { VolumeId = volume.VolumeId, TargetPath = TargetOf(volume) }));

    public Task UnstageAsync(Volume volume) => PatientlyAsync(async () =>
        await Node.NodeUnstageVolumeAsync(new() { VolumeId = volume.VolumeId, StagingTargetPath = StagingOf(volume) }));

    public Task DeleteAsync(Volume volume) => PatientlyAsync(async () =>
        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId }));

    /// <summary>A volume with data on it, and the data's checksum. Where it is <paramref name="mounted"/>, it stays staged and published.</summary>
    public async Task<(Volume Volume, string Digest)> FilledAsync(
        string name, bool mounted, VolumeCapability? capability = null, long bytes = SmallBytes)
    {
        capability ??= Mount();
        var volume = await CreateAsync(name, capability, bytes);
        var digest = Write(Path.Combine(await StageAsync(volume, capability), "file"));
        if (mounted)
            await PublishAsync(volume, capability);
        else
            await UnstageAsync(volume);

        return (volume, digest);
    }

    /// <summary>Writes random bytes, durably; returns their checksum.</summary>
    public static string Write(string path)
    {
        var content = new byte[DataBytes];
        Random.Shared.NextBytes(content);
        using var file = File.Open(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
        file.Write(content);
        file.Flush(flushToDisk: true);
        return Convert.ToHexString(SHA256.HashData(content));
    }

    public static string Digest(string path)
    {
        var content = new byte[DataBytes];
        using var file = File.OpenRead(path);
        file.ReadExactly(content);
        return Convert.ToHexString(SHA256.HashData(content));
    }

    /// <summary>Makes a call once, which may fail in the ways in which a fault may show.</summary>
    public async Task<StatusCode> OnceAsync(Func<Task> call)
    {
        isPatient = false;
        try
        {
            await call();
            return StatusCode.OK;
        }
        catch (RpcException e)
        {
            Assert.True(
                e.StatusCode is StatusCode.Internal or StatusCode.Aborted or StatusCode.Unavailable or StatusCode.DataLoss || IsHeldUp(e),
                $"the fault showed as {e.Status}");
            return e.StatusCode;
        }
        finally
        {
            isPatient = true;
        }
    }

    /// <summary>Repeats a call as a CO does while the driver, or somebody else, is at work on the volume. Any other failure is one.</summary>
    public async Task PatientlyAsync(Func<Task> call)
    {
        var from = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                await call();
                return;
            }
            catch (RpcException e) when (isPatient && IsHeldUp(e) && TimeProvider.System.GetElapsedTime(from) < Patience)
            {
                await Task.Delay(10);
            }
        }
    }

    /// <summary>No row without its object, no object without its row; what the data says of itself is what the driver says.</summary>
    public async Task RequireConsistentAsync()
    {
        var (volumes, snapshots) = (await ListVolumesAsync(), await ListSnapshotsAsync());
        var found = await FoundAsync();
        Assert.All(found, static entry => Assert.True(entry is { Problem: null, HasData: true }, $"{entry.EntryName}: {entry.Problem ?? "no data"}"));
        var foundVolumes = found.Where(static entry => entry.Volume is not null).Select(static entry => entry.Volume!).ToList();
        var foundSnapshots = found.Where(static entry => entry.Snapshot is not null).Select(static entry => entry.Snapshot!).ToList();
        Assert.Equal(volumes.Select(static known => known.VolumeId).Order(), foundVolumes.Select(static known => known.Id.Value).Order());
        Assert.Equal(snapshots.Select(static known => known.SnapshotId).Order(), foundSnapshots.Select(static known => known.Id.Value).Order());
        Assert.Equal(
            (await Driver.Admin.ListTrashAsync(new())).Volumes.Select(static item => item.TrashId).Order(),
            found.Where(static entry => entry.Trash is not null).Select(static entry => entry.Trash!.Id.Value).Order());
        foreach (var volume in foundVolumes)
        {
            Assert.Equal(VolumeState.Ready, volume.State);
            Assert.Equal(VolumeId.Mint(volume.Name), volume.Id);
            Assert.Equal(volumes.Single(known => known.VolumeId == volume.Id.Value).CapacityBytes, volume.SizeBytes);
        }

        Assert.All(foundSnapshots, static snapshot => Assert.Equal(SnapshotState.Ready, snapshot.State));
        Assert.Empty((await Driver.Admin.ListTasksAsync(new())).Tasks);
    }

    /// <summary>All that a call may leave behind, to be compared.</summary>
    public async Task<string> InventoryAsync() => string.Join(
        '\n',
        [
            .. (await ListVolumesAsync()).Select(static volume => $"row {volume.VolumeId}").Order(),
            .. (await ListSnapshotsAsync()).Select(static snapshot => $"row {snapshot.SnapshotId}").Order(),
            .. (await Driver.Admin.ListTrashAsync(new())).Volumes.Select(static item => $"trash {item.TrashId}").Order(),
            .. Pool.Volumes().Order(StringComparer.Ordinal),
            .. Pool.Snapshots().Order(StringComparer.Ordinal),
            .. Pool.DevicesInUse().Select(static device => $"device {device}").Order(StringComparer.Ordinal),
            .. Driver.Mounts().Select(static mount => $"mount {mount}").Order(StringComparer.Ordinal),
        ]);

    public async ValueTask DisposeAsync()
    {
        Faults.Disarm();
        await Driver.DisposeAsync();
        _commands.Dispose();
    }

    /// <summary>A child that another test is about to start may hold the state's lock until it is a program of its own.</summary>
    private async Task StartAsync()
    {
        var from = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                await Driver.StartAsync();
                return;
            }
            catch (StorageException e) when (e.Error == StorageError.FailedPrecondition && TimeProvider.System.GetElapsedTime(from) < Patience)
            {
                await Task.Delay(50);
            }
        }
    }

    /// <summary>In use for an instant is also what a child has open that another test has forked, and that is not a program of its own yet.</summary>
    private static bool IsHeldUp(RpcException e) => e.StatusCode is StatusCode.Aborted or StatusCode.Unavailable
        || (e.StatusCode == StatusCode.FailedPrecondition && e.Status.Detail.Contains("in use", StringComparison.Ordinal));

    private async Task<IReadOnlyList<Volume>> ListVolumesAsync() =>
        [.. (await Controller.ListVolumesAsync(new())).Entries.Select(static entry => entry.Volume)];

    private async Task<IReadOnlyList<Snapshot>> ListSnapshotsAsync() =>
        [.. (await Controller.ListSnapshotsAsync(new())).Entries.Select(static entry => entry.Snapshot)];

    /// <summary>As one who knows nothing of this pool would read it.</summary>
    private async Task<IReadOnlyList<FoundObject>> FoundAsync()
    {
        IStorageBackend backend = Pool.Options.Backend switch
        {
            BackendKind.Image => new ImageBackend(Pool.Options, TimeProvider.System),
            BackendKind.Directory => new DirectoryBackend(Pool.Options, _commands),
            _ => LvmBackends.Make((LvmPool)Pool),
        };
        if (Pool is LvmPool)
            await backend.InspectAsync(null, TestContext.Current.CancellationToken);

        return backend.List();
    }
}
