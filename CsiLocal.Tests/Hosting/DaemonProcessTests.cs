using CsiLocal.Tests.Support;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Hosting;

/// <summary>The daemon as a process: signals and exit codes.</summary>
public sealed class DaemonProcessTests : IAsyncLifetime
{
    private const int Limit = 60_000;

    private readonly ImagePool pool = new();
    private readonly RealDaemon daemon;

    public DaemonProcessTests() => daemon = new RealDaemon(pool.Options);

    public ValueTask InitializeAsync() => new(daemon.StartAsync());

    public async ValueTask DisposeAsync()
    {
        await daemon.DisposeAsync();
        pool.Dispose();
    }

    [Fact(Timeout = Limit)]
    public async Task SIGTERM_lets_a_running_call_finish_and_ends_with_0()
    {
        var volume = (await daemon.Controller.CreateVolumeAsync(Create("big", Block(), 300 * MiB))).Volume;
        var staging = daemon.PathOf("staging");
        await daemon.Node.NodeStageVolumeAsync(Stage(volume, staging, Block()));
        var target = daemon.PathOf("target");
        await daemon.Node.NodePublishVolumeAsync(Publish(volume, staging, target, Block()));
        HostCommand.Run("dd", "if=/dev/urandom", $"of={target}", "bs=1M", "count=300", "conv=fsync", "status=none");
        await daemon.Node.NodeUnpublishVolumeAsync(new() { VolumeId = volume.VolumeId, TargetPath = target });
        await daemon.Node.NodeUnstageVolumeAsync(new() { VolumeId = volume.VolumeId, StagingTargetPath = staging });
        var copy = daemon.Controller.CreateSnapshotAsync(new() { Name = "s", SourceVolumeId = volume.VolumeId }).ResponseAsync;
        while (!copy.IsCompleted && (await daemon.Admin.ListTasksAsync(new())).Tasks.Count == 0)
            await Task.Yield();

        Assert.False(copy.IsCompleted, "it was copied before the daemon could be stopped");
        daemon.Signal("TERM");

        Assert.True((await copy).Snapshot.ReadyToUse);
        Assert.Equal(0, await daemon.ExitAsync());
    }

    [Fact(Timeout = Limit)]
    public async Task SIGHUP_takes_over_a_changed_file_and_a_bad_one_changes_nothing()
    {
        var good = await File.ReadAllTextAsync(daemon.ConfigFile, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(daemon.ConfigFile, good + "    colour: red\n  - name: ''\n", TestContext.Current.CancellationToken);
        daemon.Signal("HUP");
        await UntilLoggedAsync("colour");
        Assert.Single((await daemon.Admin.ListPoolsAsync(new())).Pools);

        var second = $"  - name: second\n    backend: image\n    path: {pool.Folder}/second\n";
        await File.WriteAllTextAsync(daemon.ConfigFile, good + second + $"defaultPool: {pool.Options.Name}\n", TestContext.Current.CancellationToken);
        daemon.Signal("HUP");
        await UntilLoggedAsync("pool 'second' added");
        Assert.Equal(2, (await daemon.Admin.ListPoolsAsync(new())).Pools.Count);
    }

    [Fact(Timeout = Limit)]
    public async Task SIGHUP_while_it_starts_does_not_end_it()
    {
        await daemon.KillAsync();
        await daemon.StartAsync(whileStarting: () => daemon.Signal("HUP"));
        daemon.Signal("HUP");
        Assert.Single((await daemon.Admin.ListPoolsAsync(new())).Pools);
        Assert.True(daemon.IsRunning, string.Join('\n', daemon.Log));
    }

    [Fact(Timeout = Limit)]
    public async Task A_second_daemon_says_who_has_the_state_and_leaves_it_alone()
    {
        using (var second = daemon.Launch())
        {
            await second.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.NotEqual(0, second.ExitCode);
        }

        Assert.Contains(daemon.Log, static line => line.Contains("another csilocal (process", StringComparison.Ordinal));
        Assert.True((await daemon.Identity.ProbeAsync(new())).Ready);
    }

    private async Task UntilLoggedAsync(string text)
    {
        while (!daemon.Log.Any(line => line.Contains(text, StringComparison.Ordinal)))
        {
            Assert.True(daemon.IsRunning, string.Join('\n', daemon.Log));
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
