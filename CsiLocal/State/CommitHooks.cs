namespace CsiLocal.State;

/// <summary>What stands around each commit of the state file, so that a test may fail it or end the daemon there.</summary>
/// <param name="Before">All is written, nothing is committed; what it throws rolls back. Is given the operation.</param>
/// <param name="After">It is durable; what it throws reaches the caller nevertheless.</param>
internal sealed record CommitHooks(Action<string> Before, Action<string> After);
