using CsiLocal.Cli.Output;
using Grpc.Core;

namespace CsiLocal.Cli.Daemon;

/// <summary>The one place where a failed call becomes a message and an exit code.</summary>
internal static class RpcFailure
{
    public static CliException Translate(RpcException failure, string endpoint)
    {
        var detail = PlainText.OneLine(failure.Status.Detail).TrimEnd('.', ' ');
        var exitCode = ExitCode.From(failure.StatusCode);
        return failure.StatusCode switch
        {
            StatusCode.Unavailable when SocketIsMissing(endpoint) => new CliException(exitCode,
                $"no daemon at {endpoint}: the socket does not exist",
                "start it with 'csilocal serve', or name its socket with --endpoint or CSILOCAL_ENDPOINT", failure),
            StatusCode.Unavailable => new CliException(exitCode,
                $"the daemon at {endpoint} is not reachable or not ready: {Or(detail, "no reason given")}",
                detail.Contains("; ", StringComparison.Ordinal) ? null : "see that it runs, and its log", failure),
            StatusCode.DeadlineExceeded => new CliException(exitCode,
                $"no answer from {endpoint} in time; what the daemon began goes on",
                "run the same command again, or give it longer with --timeout", failure),
            StatusCode.Unimplemented => new CliException(exitCode,
                $"the endpoint {endpoint} does not offer this call: {Or(detail, "unimplemented")}", null, failure),
            _ => new CliException(exitCode, Or(detail, $"the call failed with {failure.StatusCode}"), null, failure),
        };
    }

    private static string Or(string text, string otherwise) => text.Length > 0 ? text : otherwise;

    private static bool SocketIsMissing(string endpoint) =>
        endpoint.StartsWith("unix://", StringComparison.Ordinal) && !File.Exists(endpoint["unix://".Length..]);
}
