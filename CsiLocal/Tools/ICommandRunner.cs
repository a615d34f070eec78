namespace CsiLocal.Tools;

/// <summary>The one owner of process execution. Real: <c>CommandRunner</c>; for tests: fault injectors and emulators.</summary>
internal interface ICommandRunner
{
    /// <summary>Runs a command to its end. An exit code other than 0 is data, not an exception.</summary>
    /// <exception cref="ToolException">It could not be started, or did not end in time (then its outcome is uncertain).</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the process was interrupted and is gone.</exception>
    Task<ToolOutput> RunAsync(ToolCommand command, CancellationToken cancellationToken);
}
