using CsiLocal.Native;
using CsiLocal.Tools;

namespace CsiLocal.Backends.Directories;

/// <summary>xfs and ext4: plain directories, copied file by file (on xfs by reflink).</summary>
/// <param name="commands">Runs cp(1), rm(1) and sync(1).</param>
/// <param name="device">The pool's <c>st_dev</c>.</param>
internal sealed class PlainTree(DirectoryCommands commands, ulong device) : IDirectoryTree
{
    // As the root of a fresh ext4 is. Not 0777, as other drivers make it: the kubelet applies fsGroup; without one it is root's.
    private const UnixFileMode FreshMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    public bool CopiesInstantly => false;

    /// <summary>Sets the mode of a volume's root, whatever the umask of this process or of a tool made of it.</summary>
    public static void SetFreshMode(string path) => File.SetUnixFileMode(path, FreshMode);

    /// <inheritdoc/>
    public string? Objection(string path, FileStatus status) =>
        status.Device == device ? null : "lies on another file system than the pool: something is mounted over it";

    /// <inheritdoc/>
    public Task CreateAsync(string path, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(path, FreshMode);
        SetFreshMode(path);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task CopyAsync(string source, string destination, bool readOnly, Action<string> onMade, CancellationToken cancellationToken)
    {
        await CreateAsync(destination, cancellationToken);
        onMade(destination);

        // "source/." copies the directory's own owner, mode and attributes as well. One file system: what is mounted inside is not
        // the volume.
        await commands.RunAsync(
            new ToolCommand("cp", "--archive", "--reflink=auto", "--one-file-system", "--", Path.Combine(source, "."), destination)
            {
                Timeout = DirectoryCommands.NoHurry,
            },
            cancellationToken);
        await commands.RunAsync(
            new ToolCommand("sync", "--file-system", destination) { Timeout = DirectoryCommands.NoHurry }, cancellationToken);
    }

    /// <inheritdoc/>
    public Task RemoveAsync(string path, CancellationToken cancellationToken) => commands.RunAsync(
        new ToolCommand("rm", "--recursive", "--force", "--one-file-system", "--", path) { Timeout = DirectoryCommands.NoHurry },
        cancellationToken);
}
