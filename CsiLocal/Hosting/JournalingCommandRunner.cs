using CsiLocal.Diagnostics;
using CsiLocal.State;
using CsiLocal.Tools;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Hosting;

/// <summary>Files every command with its arguments, exit code and duration under the call that started it.</summary>
internal sealed class JournalingCommandRunner(ICommandRunner inner, StateStore store, TimeProvider clock, ILogger<JournalingCommandRunner> log)
    : ICommandRunner
{
    public async Task<ToolOutput> RunAsync(ToolCommand command, CancellationToken cancellationToken)
    {
        var started = clock.GetUtcNow();
        var from = clock.GetTimestamp();
        try
        {
            var output = await inner.RunAsync(command, cancellationToken);
            var elapsed = clock.GetElapsedTime(from);
            Record(command, started, elapsed, output.ExitCode, null, output.Succeeded ? output.Gist : output.Summary);
            Log.CommandEnded(log, command.ToString(), output.ExitCode, Math.Round(elapsed.TotalMilliseconds, 2));
            return output;
        }
        catch (ToolException e)
        {
            Record(command, started, clock.GetElapsedTime(from), null, e.Failure, e.Message);
            Log.CommandFailed(log, command.ToString(), e.Message);
            throw;
        }
    }

    private void Record(ToolCommand command, DateTimeOffset started, TimeSpan elapsed, int? exitCode, ToolFailure? failure, string? summary) =>
        store.RecordCommand(new CommandEntry
        {
            OperationId = OperationScope.Current,
            Target = OperationScope.Target,
            Program = command.Program,
            Arguments = command.Arguments,
            StartedAt = started,
            Duration = elapsed,
            ExitCode = exitCode,
            Failure = failure,
            Summary = summary,
        });
}
