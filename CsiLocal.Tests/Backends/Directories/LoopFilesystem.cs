using CsiLocal.Tests.Support;
using CsiLocal.Tools;
using Xunit;

namespace CsiLocal.Tests.Backends.Directories;

/// <summary>A real file system in a file, mounted for one test.</summary>
internal sealed class LoopFilesystem : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CommandRunner _runner = new("tests");

    private LoopFilesystem()
    {
    }

    public string MountPoint => _folder.Combine("mnt");

    public static async Task<LoopFilesystem> MakeAsync(string type, long sizeBytes = 512 * Records.MiB)
    {
        var made = new LoopFilesystem();
        var image = made._folder.Combine("image");
        Directory.CreateDirectory(made.MountPoint);
        await using (var file = File.Create(image))
            file.SetLength(sizeBytes);
        await made.RunAsync($"mkfs.{type}", "-q", image);
        await made.RunAsync("mount", "--options", "loop", image, made.MountPoint);
        return made;
    }

    public async Task<string> RunAsync(string program, params string[] arguments)
    {
        var command = new ToolCommand(program, arguments);
        var output = await _runner.RunAsync(command, TestContext.Current.CancellationToken);
        Assert.True(output.Succeeded, $"{command}: {output.Summary}");
        return output.StandardOutput;
    }

    /// <summary>Has everything counted: btrfs counts at its commits.</summary>
    public Task SyncAsync() => RunAsync("sync", "--file-system", MountPoint);

    public async ValueTask DisposeAsync()
    {
        // Not with the test's token: what was mounted goes in any case. The loop device goes with its mount.
        var output = await _runner.RunAsync(new ToolCommand("umount", "--recursive", MountPoint), CancellationToken.None);
        _runner.Dispose();
        if (output.Succeeded)
            _folder.Dispose();
        Assert.True(output.Succeeded, output.Summary);
    }
}
