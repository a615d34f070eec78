using System.CommandLine;
using CsiLocal.Admin.V1;
using CsiLocal.Cli.Output;
using CsiLocal.Configuration;
using CsiLocal.Hosting;
using CsiLocal.State;
using CsiLocal.Volumes;

namespace CsiLocal.Cli.States;

/// <summary><c>csilocal state check</c>: the file itself, its schema, and its rows against the pools. Changes nothing.</summary>
internal static class StateCheckCommand
{
    public static Command Create(CommandHost host)
    {
        var flags = new DaemonFlags();
        var command = new Command(
            "check",
            "Checks the state: the file, its schema, and its rows against the pools. Changes nothing. A running daemon compares the rows; "
            + "without one this command does. Ends with 0 where all is well, 1 where something is not, 8 where a pool could not be compared.");
        flags.AddTo(command);
        host.SetAction(command, (parsed, session, cancellationToken) =>
            RunAsync(session, DriverOptionsResolver.ForThisProcess().Resolve(flags.Read(parsed, host)), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(CommandSession session, DriverOptions options, CancellationToken cancellationToken)
    {
        var file = StateCopy.Examine(options.StateDirectory);
        var (comparedBy, compared) = file.Problems.Count > 0
            ? (null, new StateComparison([], []))
            : await CompareAsync(session, options, cancellationToken);
        Print(session.Report, file, comparedBy, compared);
        return file.Problems.Count + compared.Findings.Count > 0 ? ExitCode.Failed
            : compared.NotCompared.Count > 0 ? ExitCode.Unavailable
            : ExitCode.Success;
    }

    private static async Task<(string? By, StateComparison Result)> CompareAsync(
        CommandSession session, DriverOptions options, CancellationToken cancellationToken)
    {
        try
        {
            return ("csilocal state check", await OfflineState.CompareAsync(options, session.Environment.Time, new DriverSeams(), cancellationToken));
        }
        catch (StorageException e) when (e.Error == StorageError.FailedPrecondition)
        {
            // A daemon has it.
            var response = await session.Daemon.CallAsync(
                call => session.Daemon.Admin.CheckStateAsync(new CheckStateRequest(), call), cancellationToken);
            return ("daemon", new StateComparison([.. response.Findings.Select(Read)], [.. response.NotCompared]));
        }
    }

    private static PoolFinding Read(StateFinding finding) =>
        new(finding.Pool, new RowDecision { Target = finding.Target, What = finding.What, Why = finding.Why, IsMendable = finding.MendsItself });

    private static void Print(ReportWriter report, StateExamination file, string? comparedBy, StateComparison compared)
    {
        report.Json(new StateCheckJson(file, comparedBy, compared));
        report.Line($"{file.File}: {(file.Problems.Count == 0 ? "sound" : "damaged")}, schema {file.Version} of {file.NewestVersion}");
        foreach (var problem in file.Problems)
            report.Line(problem);
        foreach (var finding in compared.Findings)
            report.Line($"{finding.Decision.Target} {finding.Decision.What}: {finding.Decision.Why}{(finding.Decision.IsMendable ? " (the next start of csilocal does that)" : "")}");
        foreach (var sentence in compared.NotCompared)
            report.Line($"not compared: {sentence}");
        if (file.Problems.Count == 0 && compared.Findings.Count + compared.NotCompared.Count == 0)
            report.Line("every row agrees with the pools");
        if (file.Problems.Count > 0)
            report.Line("restart csilocal: it sets a damaged file aside and makes a new one of what the pools say");
    }
}
