using System.Collections.Concurrent;
using CsiLocal.Tools;

namespace CsiLocal.Tests.Fakes;

/// <summary>Runs real commands, or answers in their place, and remembers them.</summary>
internal sealed class RecordingCommandRunner : ICommandRunner, IDisposable
{
    private readonly CommandRunner _real = new($"test-{Guid.NewGuid():n}");

    public ConcurrentQueue<ToolCommand> Commands { get; } = new();

    /// <summary>Programs only.</summary>
    public IEnumerable<string> Programs => Commands.Select(static command => command.Program);

    /// <summary>Answers in the tool's place where it returns something.</summary>
    public Func<ToolCommand, ToolOutput?> Answer { get; set; } = static _ => null;

    public Task<ToolOutput> RunAsync(ToolCommand command, CancellationToken cancellationToken)
    {
        Commands.Enqueue(command);
        return Answer(command) is { } output ? Task.FromResult(output) : _real.RunAsync(command, cancellationToken);
    }

    public void Dispose() => _real.Dispose();
}
