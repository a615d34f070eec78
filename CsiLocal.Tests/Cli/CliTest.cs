using System.Runtime.CompilerServices;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Cli;

/// <summary>What the command line's tests share: a fake daemon, and the program run in this process.</summary>
public abstract class CliTest : IAsyncLifetime
{
    internal const int TestTimeoutMilliseconds = 30_000;

    private FakeCsiServer? _server;

    internal static CancellationToken TestToken => TestContext.Current.CancellationToken;

    internal FakeCsiServer Server => _server!;

    internal FakeCsiState Daemon => _server!.State;

    internal TemporaryFolder Folder { get; } = new();

    public async ValueTask InitializeAsync() => _server = await FakeCsiServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Folder.Dispose();
        GC.SuppressFinalize(this);
    }

    internal Task<CliResult> RunAsync(params string[] arguments) => RunAsync(new Terminal(), arguments);

    internal Task<CliResult> RunAsync(Terminal terminal, params string[] arguments) => RunUntilAsync(terminal, arguments, TestToken);

    internal Task<CliResult> RunUntilAsync(Terminal terminal, string[] arguments, CancellationToken cancellationToken) =>
        CliProgram.RunAsync(Server.Endpoint, terminal, arguments, cancellationToken);

    internal async Task CreateVolumeAsync(string name, params string[] more)
    {
        var result = await RunAsync(["volume", "create", name, "--size", "1Gi", .. more]);
        Assert.True(result.ExitCode == 0, result.Error);
    }

    internal static string IdOf(string name) => VolumeId.Mint(name).Value;

    internal string[] Mount(string name, string path, params string[] more) =>
        ["volume", "mount", name, path, "--staging-root", Folder.Combine("staging"), .. more];

    /// <summary>Compares with a file of TestData; CSILOCAL_UPDATE_SNAPSHOTS=1 writes it instead.</summary>
    internal static void AssertSnapshot(string name, string actual, [CallerFilePath] string testFile = "")
    {
        var file = Path.Combine(Path.GetDirectoryName(testFile)!, "..", "TestData", "Cli", name);
        if (Environment.GetEnvironmentVariable("CSILOCAL_UPDATE_SNAPSHOTS") == "1")
            File.WriteAllText(file, actual);
        Assert.Equal(File.ReadAllText(file), actual);
    }
}
