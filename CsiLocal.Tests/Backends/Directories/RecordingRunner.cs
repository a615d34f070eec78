using CsiLocal.Tools;

namespace CsiLocal.Tests.Backends.Directories;

/// <summary>Runs commands for real, and remembers them; may be told to fail one.</summary>
internal sealed class RecordingRunner : ICommandRunner, IDisposable
{
    private readonly CommandRunner _inner = new("tests");

    public List<ToolCommand> Commands { get; } = [];

    /// <summary>Called instead of a command for which it gives an answer.</summary>
    public Func<ToolCommand, ToolOutput?> Instead { get; set; } = static _ => null;

    public Task<ToolOutput> RunAsync(ToolCommand command, CancellationToken cancellationToken)
    {
        Commands.Add(command);
        return Instead(command) is { } answer ? Task.FromResult(answer) : _inner.RunAsync(command, cancellationToken);
    }

    public void Dispose() => _inner.Dispose();
}
