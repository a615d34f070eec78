using CsiLocal.Tools;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Directories;

/// <summary>Runs the tools of this backend and says in the driver's words why one failed.</summary>
internal sealed class DirectoryCommands(ICommandRunner commands)
{
    /// <summary>For work that grows with the volume: copies and removals end when they end, or when they are cancelled.</summary>
    public static readonly TimeSpan NoHurry = TimeSpan.FromDays(7);

    public async Task RunAsync(ToolCommand command, CancellationToken cancellationToken)
    {
        var output = await commands.RunAsync(command, cancellationToken);
        if (!output.Succeeded)
            throw Translate(command, output);
    }

    /// <summary>For what is only worth trying.</summary>
    public Task TryRunAsync(ToolCommand command, CancellationToken cancellationToken) => commands.RunAsync(command, cancellationToken);

    // The runner sets LC_ALL=C, so that the C library's messages are these.
    private static StorageException Translate(ToolCommand command, ToolOutput output)
    {
        var (error, remedy) = output.StandardError switch
        {
            var text when text.Contains("No space left on device", StringComparison.Ordinal) =>
                (StorageError.ResourceExhausted, "free space in the pool's file system or ask for less"),
            var text when text.Contains("Disk quota exceeded", StringComparison.Ordinal) =>
                (StorageError.ResourceExhausted, "a quota above the volume's own is used up: raise it or ask for less"),
            var text when text.Contains("Read-only file system", StringComparison.Ordinal) =>
                (StorageError.Unavailable, "the pool's file system is read-only (often after a disk error): see dmesg, repair it and mount it again"),
            var text when text.Contains("Operation not permitted", StringComparison.Ordinal) =>
                (StorageError.Internal, "look for an immutable flag (lsattr), an active swap file, or a security module"),
            _ => (StorageError.Internal, (string?)null),
        };
        return new StorageException(error, $"{command}: {output.Summary}", remedy);
    }
}
