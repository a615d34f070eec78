using System.CommandLine;
using CsiLocal.Admin.V1;
using CsiLocal.Cli.Output;
using Grpc.Core;

namespace CsiLocal.Cli;

/// <summary><c>csilocal reload</c>.</summary>
internal static class ReloadCommand
{
    public static Command Create(CommandHost host)
    {
        var command = new Command("reload", "Makes the daemon read its configuration file again.");
        host.SetAction(command, (_, session, cancellationToken) => RunAsync(session, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(CommandSession session, CancellationToken cancellationToken)
    {
        var daemon = session.Daemon;
        try
        {
            var response = await daemon.CallRawAsync(call => daemon.Admin.ReloadAsync(new ReloadRequest(), call), cancellationToken);
            session.Report.Json(new ReloadJson([.. response.Changes]));
            if (response.Changes.Count == 0)
                session.Report.Line("Nothing changed");
            foreach (var change in response.Changes)
                session.Report.Line(change);
            return ExitCode.Success;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.FailedPrecondition)
        {
            // Every problem of the file on a line of its own: they are worked through one by one.
            var problems = e.Status.Detail.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            foreach (var problem in problems)
                session.Environment.Error.WriteLine($"csilocal: {PlainText.OneLine(problem)}");
            return ExitCode.Precondition;
        }
        catch (RpcException e)
        {
            throw Daemon.RpcFailure.Translate(e, daemon.Endpoint);
        }
    }
}
