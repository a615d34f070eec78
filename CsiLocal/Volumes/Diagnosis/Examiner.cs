using CsiLocal.Configuration;
using CsiLocal.State;

namespace CsiLocal.Volumes.Diagnosis;

/// <summary>Everything that a running daemon can look at: the machine as it sees it, its state, its pools. Changes nothing.</summary>
/// <param name="current">What it runs with.</param>
/// <param name="resolve">Reads flags, environment and file anew, as the next start and reload will.</param>
internal sealed class Examiner(Func<DriverOptions> current, Func<DriverOptions> resolve, StateStore store, HostExaminer host, PoolExaminer pools)
{
    public async Task<IReadOnlyList<Finding>> ExamineAsync(CancellationToken cancellationToken)
    {
        var options = current();
        return
        [
            .. Configuration(options),
            .. await host.ExamineAsync(options.File, options.HostTools, cancellationToken),
            .. StateExaminer.Examine(options.StateDirectory, store.DroppedJournalWrites),
            .. pools.Examine(),
        ];
    }

    private IEnumerable<Finding> Configuration(DriverOptions options)
    {
        var subject = options.ConfigFile ?? "no file";
        try
        {
            resolve();
            return [Finding.Ok(FindingCodes.Configuration, subject, "can be read, and is valid")];
        }
        catch (ConfigurationException e)
        {
            return e.Problems.Select(problem => Finding.Warning(
                FindingCodes.Configuration, subject, problem.ToString(), "correct it: the next reload is refused, and the daemon does not start again"));
        }
    }
}
