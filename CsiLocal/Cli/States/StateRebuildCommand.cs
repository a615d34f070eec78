using System.CommandLine;
using CsiLocal.Cli.Output;
using CsiLocal.Configuration;
using CsiLocal.Hosting;

namespace CsiLocal.Cli.States;

/// <summary><c>csilocal state rebuild</c>: what <c>serve</c> does where there is no state, on demand.</summary>
internal static class StateRebuildCommand
{
    private static readonly TableColumn[] Columns =
        [new("POOL", MayFold: true), new("STATE"), new("VOLUMES", IsNumber: true), new("SNAPSHOTS", IsNumber: true)];

    public static Command Create(CommandHost host)
    {
        var flags = new DaemonFlags();
        var command = new Command(
            "rebuild",
            "Sets the state aside and makes a new one of what the pools' own metadata says. Only without a daemon: stop it first. "
            + "What only the state knows is lost: the history, and flags of mounts.");
        flags.AddTo(command);
        host.SetAction(command, (parsed, session, cancellationToken) =>
            RunAsync(session, DriverOptionsResolver.ForThisProcess().Resolve(flags.Read(parsed, host)), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(CommandSession session, DriverOptions options, CancellationToken cancellationToken)
    {
        var rebuilt = await OfflineState.RebuildAsync(options, session.Environment.Time, new DriverSeams(), cancellationToken);
        var report = session.Report;
        report.Json(new StateRebuildJson(rebuilt));
        report.Line(rebuilt.SetAside is { } aside ? $"the old state is kept as {aside}" : $"there was no state in {options.StateDirectory}");
        report.Table(Columns, rebuilt.Pools.Select(Row));
        foreach (var pool in rebuilt.Pools)
        {
            if (pool.Problem is not null)
                report.Line($"{pool.Name}: {pool.Problem}");
        }

        foreach (var finding in rebuilt.LeftAlone)
            report.Line($"{finding.Decision.Target} {finding.Decision.What}: {finding.Decision.Why}");
        return rebuilt.Pools.All(static pool => pool.State == "ready") ? ExitCode.Success : ExitCode.Unavailable;
    }

    private static IReadOnlyList<string> Row(RebuiltPool pool) => [pool.Name, pool.State, $"{pool.Volumes}", $"{pool.Snapshots}"];
}
