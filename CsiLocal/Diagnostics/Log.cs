using Microsoft.Extensions.Logging;

namespace CsiLocal.Diagnostics;

/// <summary>Every log line of the driver, named as an event. Information: something changed. Warning: a person may have to look. Error: our fault.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "{Driver} {Version} serves mode {Mode} on {Endpoint}, node {NodeId}, state {StateDirectory}")]
    public static partial void Starting(ILogger log, string driver, string version, string mode, string endpoint, string nodeId, string stateDirectory);

    [LoggerMessage(2, LogLevel.Information, "Ready after {Milliseconds} ms: {Volumes} volumes, {Snapshots} snapshots, {Pools} pools")]
    public static partial void Ready(ILogger log, long milliseconds, int volumes, int snapshots, int pools);

    [LoggerMessage(3, LogLevel.Information, "Stopping: waiting for what runs")]
    public static partial void Stopping(ILogger log);

    [LoggerMessage(10, LogLevel.Information, "Pool {Pool} at {Path} on {Filesystem} is ready")]
    public static partial void PoolReady(ILogger log, string pool, string path, string filesystem);

    [LoggerMessage(11, LogLevel.Warning, "Pool {Pool} cannot be used: {Problem}")]
    public static partial void PoolUnavailable(ILogger log, string pool, string problem);

    [LoggerMessage(12, LogLevel.Information, "Configuration: {Change}")]
    public static partial void ConfigurationChanged(ILogger log, string change);

    [LoggerMessage(13, LogLevel.Error, "Configuration not taken over: {Problem}")]
    public static partial void ConfigurationRefused(ILogger log, string problem);

    [LoggerMessage(20, LogLevel.Information, "{Target} {What}: {Why}")]
    public static partial void Changed(ILogger log, string target, string what, string why);

    /// <summary>Something that a person may have to look at: a line, and a count by what it is.</summary>
    /// <param name="log">Where the line goes.</param>
    /// <param name="target">What it is about.</param>
    /// <param name="what">One of few fixed phrases.</param>
    /// <param name="why">The facts.</param>
    public static void NeedsAttention(ILogger log, string target, string what, string why)
    {
        Metrics.Attention.Add(1, new KeyValuePair<string, object?>("what", what));
        AttentionLine(log, target, what, why);
    }

    [LoggerMessage(21, LogLevel.Warning, "{Target} {What}: {Why}")]
    private static partial void AttentionLine(ILogger log, string target, string what, string why);

    [LoggerMessage(22, LogLevel.Warning, "A background chore failed and is repeated: {Problem}")]
    public static partial void ChoreFailed(ILogger log, string problem);

    [LoggerMessage(23, LogLevel.Warning, "Looking after pool {Pool} failed and is repeated: {Problem}")]
    public static partial void UpkeepFailed(ILogger log, string pool, string problem);

    [LoggerMessage(24, LogLevel.Warning, "Pool {Pool} did not finish its work within {Grace}; the next start goes on with it")]
    public static partial void UpkeepCut(ILogger log, string pool, TimeSpan grace);

    [LoggerMessage(30, LogLevel.Information, "{Rpc} {Target} '{Name}' {Status} {Milliseconds} ms, by {Peer}, request {Request}")]
    public static partial void Audited(
        ILogger audit, string rpc, string target, string name, string status, double milliseconds, string peer, long request);

    [LoggerMessage(31, LogLevel.Warning, "{Rpc} {Target} {Status} {Milliseconds} ms: {Message}")]
    public static partial void CallRefused(ILogger log, string rpc, string target, string status, double milliseconds, string message);

    [LoggerMessage(32, LogLevel.Error, "{Rpc} {Target} {Status} {Milliseconds} ms: {Message}")]
    public static partial void CallFailed(ILogger log, Exception? exception, string rpc, string target, string status, double milliseconds, string message);

    [LoggerMessage(33, LogLevel.Debug, "{Rpc} {Target} {Status} {Milliseconds} ms")]
    public static partial void CallAnswered(ILogger log, string rpc, string target, string status, double milliseconds);

    [LoggerMessage(40, LogLevel.Debug, "Command {Command} exit code {ExitCode} {Milliseconds} ms")]
    public static partial void CommandEnded(ILogger log, string command, int exitCode, double milliseconds);

    [LoggerMessage(41, LogLevel.Warning, "Command {Command} failed: {Problem}")]
    public static partial void CommandFailed(ILogger log, string command, string problem);

    [LoggerMessage(50, LogLevel.Warning, "A command of an earlier run of the daemon is still at work and is stopped: {Command} (pid {ProcessId})")]
    public static partial void LeftoverFound(ILogger log, int processId, string command);

    [LoggerMessage(51, LogLevel.Error, "state.db was damaged and set aside as {Path}; the volumes are taken from the pools' own metadata")]
    public static partial void StateSetAside(ILogger log, string path);
}
