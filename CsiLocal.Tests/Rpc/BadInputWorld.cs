using CsiLocal.Tests.Support;
using Csi.V1;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Rpc;

/// <summary>One running driver that is told nonsense by many tests, with what has to be the same afterwards.</summary>
public abstract class BadInputWorld : IAsyncLifetime
{
    internal const string Secret = "s3cr3t-Zx81-must-stay-here";

    internal abstract TestPool Pool { get; }

    internal TestDriver Driver { get; private set; } = null!;

    internal CapturedLog Log { get; } = new();

    /// <summary>A volume that nobody uses.</summary>
    internal Volume Idle { get; private set; } = null!;

    /// <summary>A volume that is staged.</summary>
    internal Volume Staged { get; private set; } = null!;

    internal string StagingPath => Driver.PathOf("staging");

    /// <summary>Nothing is there.</summary>
    internal string FreePath => Driver.PathOf("free");

    public async ValueTask InitializeAsync()
    {
        Driver = await TestDriver.StartAsync(
            driver =>
            {
                driver.Loggers = Log;
                driver.Seams = Pool.Decorate(driver.Seams);
            },
            Pool.Options);
        Idle = (await Driver.Controller.CreateVolumeAsync(Create("idle", Mount(), 16 * MiB))).Volume;

        // Formatted: a call that makes sense after all then changes nothing for good.
        await Driver.Node.NodeStageVolumeAsync(Stage(Idle, FreePath, Mount()));
        await Driver.Node.NodeUnstageVolumeAsync(new() { VolumeId = Idle.VolumeId, StagingTargetPath = FreePath });
        Directory.Delete(FreePath);
        Staged = (await Driver.Controller.CreateVolumeAsync(Create("staged", Mount(), 16 * MiB))).Volume;
        await Driver.Node.NodeStageVolumeAsync(Stage(Staged, StagingPath, Mount()));
        Directory.CreateDirectory(Driver.PathOf("folder"));
        await File.WriteAllTextAsync(Driver.PathOf("file"), "kept");
        File.CreateSymbolicLink(Driver.PathOf("link"), Driver.PathOf("folder"));
        File.CreateSymbolicLink(Driver.PathOf("dangling"), Driver.PathOf("free"));
    }

    public async ValueTask DisposeAsync()
    {
        await Driver.DisposeAsync();
        Pool.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Everything that a refused call must leave as it was.</summary>
    internal async Task<string> StateAsync()
    {
        var volumes = (await Driver.Controller.ListVolumesAsync(new())).Entries.Select(static entry => entry.Volume.ToString());
        var snapshots = (await Driver.Controller.ListSnapshotsAsync(new())).Entries.Select(static entry => entry.Snapshot.ToString());
        var tasks = (await Driver.Admin.ListTasksAsync(new())).Tasks.Select(static task => task.ToString());
        var uses = new List<string>();
        foreach (var volume in new[] { Idle, Staged })
            uses.Add((await Driver.Admin.GetVolumeDetailAsync(new() { Volume = volume.VolumeId })).ToString());

        var folder = Directory.EnumerateFileSystemEntries(Driver.PathOf("")).Concat(Directory.EnumerateFileSystemEntries(Driver.PathOf("folder")));
        return string.Join(
            '\n',
            [.. volumes, .. snapshots, .. tasks, .. uses, .. Pool.Everything(), .. folder.Order(), .. Pool.DevicesInUse(), .. Driver.Mounts()]);
    }

    /// <summary>The status of a call; null where it was answered.</summary>
    internal static async Task<Status?> StatusOfAsync<T>(AsyncUnaryCall<T> call)
    {
        using (call)
        {
            try
            {
                await call;
                return null;
            }
            catch (RpcException e)
            {
                return e.Status;
            }
        }
    }
}

/// <inheritdoc/>
/// <typeparam name="TPool">The kind of pool.</typeparam>
public sealed class BadInputWorld<TPool> : BadInputWorld
    where TPool : TestPool, new()
{
    internal override TestPool Pool { get; } = new TPool();
}
