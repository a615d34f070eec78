using CsiLocal.Native;
using CsiLocal.Tools;
using CsiLocal.Volumes;

namespace CsiLocal.Tests.Support;

/// <summary>A sparse file with a loop device on it; detached by its own name, and removed, afterwards.</summary>
internal sealed class LoopDevice : IAsyncDisposable
{
    private static readonly CommandRunner Commands = new("tests-loop");

    private LoopDevice(string file, string path)
    {
        File = file;
        Path = path;
    }

    /// <summary>The backing file.</summary>
    public string File { get; }

    /// <summary><c>/dev/loopN</c></summary>
    public string Path { get; }

    public Attachment Attachment
    {
        get
        {
            using var device = BlockDevice.Open(Path);
            return new Attachment(Path, true, device.Number, device.SizeBytes);
        }
    }

    public static async Task<LoopDevice> CreateAsync(TemporaryFolder folder, long sizeBytes)
    {
        var file = folder.Combine($"{Guid.NewGuid():N}.img");
        using (var handle = System.IO.File.OpenHandle(file, FileMode.CreateNew, FileAccess.Write, preallocationSize: 0))
            RandomAccess.SetLength(handle, sizeBytes);
        return await AttachAsync(file);
    }

    /// <summary>Attaches an existing file.</summary>
    public static async Task<LoopDevice> AttachAsync(string file) =>
        new(file, (await RunAsync("losetup", "--find", "--show", "--", file)).Trim());

    /// <summary>Runs a tool that has to succeed; returns what it printed.</summary>
    public static async Task<string> RunAsync(string program, params string[] arguments)
    {
        var output = await Commands.RunAsync(new ToolCommand(program, arguments), CancellationToken.None);
        return output.Succeeded ? output.StandardOutput : throw new InvalidOperationException($"{program}: {output.Summary}");
    }

    /// <summary>Grows the backing file and the device.</summary>
    public async Task ResizeAsync(long sizeBytes)
    {
        using (var handle = System.IO.File.OpenHandle(File, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            RandomAccess.SetLength(handle, sizeBytes);
        await RunAsync("losetup", "--set-capacity", Path);
    }

    public void Write(long offset, params byte[] bytes)
    {
        using var handle = System.IO.File.OpenHandle(Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        RandomAccess.Write(handle, bytes, offset);
        RandomAccess.FlushToDisk(handle);
    }

    public async ValueTask DisposeAsync()
    {
        await RunAsync("losetup", "--detach", Path);
        System.IO.File.Delete(File);
    }
}
