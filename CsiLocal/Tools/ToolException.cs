namespace CsiLocal.Tools;

/// <summary>A command that did not run to its end.</summary>
internal sealed class ToolException(ToolCommand command, ToolFailure failure, string message, Exception? inner = null)
    : Exception(message, inner)
{
    public ToolCommand Command { get; } = command;

    public ToolFailure Failure { get; } = failure;
}

internal enum ToolFailure
{
    /// <summary>No such program: nothing happened.</summary>
    NotFound,

    /// <summary>Could not be started: nothing happened.</summary>
    NotStarted,

    /// <summary>Did not end within its time and was killed: what it did is not known.</summary>
    TimedOut,

    /// <summary>Did not die when killed (uninterruptible sleep): it may still be at work.</summary>
    Unkillable,
}
