using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using CsiLocal.Configuration;
using CsiLocal.Filesystems;
using CsiLocal.Grpc;
using Csi.V1;
using Grpc.Core;
using Xunit;

namespace CsiLocal.Tests.Support;

/// <summary>The driver as a process of its own, to be killed. Cleans up what a failed test left.</summary>
internal sealed class RealDaemon : IAsyncDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly PoolOptions pool;
    private Process? process;
    private GrpcChannel? channel;

    /// <param name="pool">Its pool.</param>
    /// <param name="trash">What becomes of deleted volumes, as in the file: by default they go at once.</param>
    public RealDaemon(PoolOptions pool, string trash = "{ grace: 0 }")
    {
        this.pool = pool;
        File.WriteAllText(
            folder.Combine("config.yaml"),
            $"trash: {trash}\npools:\n  - name: {pool.Name}\n    backend: {pool.Backend.ToString().ToLowerInvariant()}\n    path: {pool.Path}\n"
            + (pool.Backend == CsiLocal.Volumes.BackendKind.Directory ? $"    quota: {pool.Quota.ToString().ToLowerInvariant()}\n" : ""));
    }

    public Identity.IdentityClient Identity { get; private set; } = null!;

    public Controller.ControllerClient Controller { get; private set; } = null!;

    public Node.NodeClient Node { get; private set; } = null!;

    public Admin.V1.Admin.AdminClient Admin { get; private set; } = null!;

    /// <summary>What it logged since the first start.</summary>
    public ConcurrentQueue<string> Log { get; } = new();

    public string LogLevel { get; init; } = "information";

    public string LogFormat { get; init; } = "text";

    public string ConfigFile => folder.Combine("config.yaml");

    public string Endpoint => $"unix://{folder.Combine("csi.sock")}";

    public string StateDirectory => folder.Combine("state");

    public string PathOf(string name) => folder.Combine(name);

    public bool IsRunning => process is { HasExited: false };

    /// <summary>Starts it and waits until it is ready.</summary>
    /// <param name="whileStarting">Done over and over between its first line in the log and its being ready.</param>
    public async Task StartAsync(Action? whileStarting = null)
    {
        var logged = Log.Count;
        process = Launch();
        channel = GrpcChannel.ForAddress(Endpoint);
        var calls = new TestCallInvoker(channel.CreateCallInvoker(), TestContext.Current.CancellationToken);
        Identity = new Identity.IdentityClient(calls);
        Controller = new Controller.ControllerClient(calls);
        Node = new Node.NodeClient(calls);
        Admin = new Admin.V1.Admin.AdminClient(calls);
        while (!await IsReadyAsync())
        {
            Assert.False(process.HasExited, string.Join('\n', Log));
            if (Log.Count > logged)
                whileStarting?.Invoke();

            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>A second one with the same arguments, whose end the test waits for.</summary>
    public Process Launch()
    {
        var start = new ProcessStartInfo(
            "dotnet",
            [
                Path.Combine(AppContext.BaseDirectory, "csilocal.dll"), "serve", "--config", ConfigFile, "--state-dir", StateDirectory,
                "--node-id", "node-a", "--endpoint", Endpoint, "--log-format", LogFormat, "--log-level", LogLevel,
            ])
        {
            RedirectStandardError = true,
        };
        var started = Process.Start(start)!;
        started.ErrorDataReceived += (_, line) => Log.Enqueue(line.Data ?? "");
        started.BeginErrorReadLine();
        return started;
    }

    /// <summary>SIGKILL: the daemon alone, not what it started.</summary>
    public async Task KillAsync()
    {
        process!.Kill();
        await process.WaitForExitAsync();
        Forget();
    }

    public void Signal(string name) => HostCommand.Run("kill", $"-{name}", process!.Id.ToString(CultureInfo.InvariantCulture));

    /// <summary>Waits for the end of a daemon that was told to stop.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> ExitAsync()
    {
        await process!.WaitForExitAsync(TestContext.Current.CancellationToken);
        var code = process.ExitCode;
        Forget();
        return code;
    }

    public IReadOnlyList<string> Mounts() => [.. MountTable.Read().Below(folder.Path).Select(static mount => mount.Path)];

    public IReadOnlyList<string> LoopDevices() => TestDriver.LoopDevicesOf([pool]);

    public async ValueTask DisposeAsync()
    {
        if (process is not null)
            await KillAsync();

        foreach (var mount in Mounts().Reverse())
            HostCommand.Unmount(mount);

        foreach (var device in LoopDevices())
            HostCommand.Run("losetup", "--detach", device);

        folder.Dispose();
    }

    private async Task<bool> IsReadyAsync()
    {
        try
        {
            return (await Identity.ProbeAsync(new())).Ready is true;
        }
        catch (RpcException)
        {
            // Nobody listens yet.
            return false;
        }
    }

    private void Forget()
    {
        channel?.Dispose();
        process?.Dispose();
        (channel, process) = (null, null);
    }
}
