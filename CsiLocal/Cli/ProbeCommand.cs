using System.CommandLine;
using CsiLocal.Configuration;
using Grpc.Core;
using Proto = Csi.V1;

namespace CsiLocal.Cli;

/// <summary><c>csilocal probe</c>: for health checks, and for scripts that start the daemon.</summary>
internal static class ProbeCommand
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(5);

    public static Command Create(CommandHost host)
    {
        var wait = new Option<TimeSpan?>("--wait")
        {
            Description = "Wait this long for it to become ready, such as 30s.",
            HelpName = "TIME",
            CustomParser = result => result.ParseText<TimeSpan?>(text => Duration.TryParse(text, out var time) ? time : null, Duration.Expectation),
        };
        var command = new Command("probe", "Tells whether the driver at the endpoint is ready: exit code 0, else 8.") { wait };
        host.SetAction(command, (parsed, session, cancellationToken) => RunAsync(session, parsed.GetValue(wait) ?? TimeSpan.Zero, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(CommandSession session, TimeSpan wait, CancellationToken cancellationToken)
    {
        var time = session.Environment.Time;
        var started = time.GetTimestamp();
        while (true)
        {
            var problem = await AskAsync(session, cancellationToken);
            if (problem is null)
            {
                session.Report.Line("ready");
                return ExitCode.Success;
            }

            if (time.GetElapsedTime(started) >= wait)
                throw new CliException(ExitCode.Unavailable, problem);

            await Task.Delay(Interval, time, cancellationToken);
        }
    }

    /// <summary>Why it is not ready; null where it is.</summary>
    private static async Task<string?> AskAsync(CommandSession session, CancellationToken cancellationToken)
    {
        var daemon = session.Daemon;
        try
        {
            var answer = await daemon.CallRawAsync(options => daemon.Identity.ProbeAsync(new Proto.ProbeRequest(), options), cancellationToken);

            // Absent means ready (CSI ProbeResponse.ready).
            return answer.Ready ?? true ? null : $"the driver at {daemon.Endpoint} is still starting, or stopping";
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable)
        {
            return Daemon.RpcFailure.Translate(e, daemon.Endpoint).Message;
        }
        catch (RpcException e)
        {
            throw Daemon.RpcFailure.Translate(e, daemon.Endpoint);
        }
    }
}
