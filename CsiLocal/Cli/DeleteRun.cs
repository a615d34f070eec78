using System.CommandLine;
using CsiLocal.Cli.Output;

namespace CsiLocal.Cli;

/// <summary>What the delete commands have in common: they ask first, and go on after a failure.</summary>
internal static class DeleteRun
{
    public static Option<bool> YesOption() =>
        new("--yes", "-y") { Description = "Do not ask (needed where there is no terminal to ask on)." };

    /// <exception cref="CliException">The person said no, or cannot be asked.</exception>
    public static async Task ConfirmAsync(CommandSession session, string question, bool yes, CancellationToken cancellationToken)
    {
        if (yes)
            return;

        var environment = session.Environment;
        if (!environment.InIsTerminal)
            throw new CliException(ExitCode.Usage, "nothing was deleted: there is no terminal to ask on", "say --yes");

        environment.Error.Write($"{PlainText.OneLine(question)}? [y/N] ");
        // Reading from a terminal cannot be cancelled; waiting for it can.
        var answer = await Task.Run(environment.In.ReadLine, cancellationToken).WaitAsync(cancellationToken);
        if (answer?.Trim().ToLowerInvariant() is not ("y" or "yes"))
            throw new CliException(ExitCode.Failed, "nothing was deleted");
    }

    /// <summary>Deletes one after the other; failures are told and the first one's exit code is returned.</summary>
    public static async Task<int> ForEachAsync(
        CommandSession session, IReadOnlyList<string> names, Func<CommandSession, string, CancellationToken, Task<DeleteJson>> delete,
        CancellationToken cancellationToken)
    {
        var results = new List<DeleteJson>();
        var exitCode = ExitCode.Success;
        foreach (var name in names)
        {
            try
            {
                var deleted = await delete(session, name, cancellationToken);
                results.Add(deleted);
                session.Report.Line($"{deleted.Name}: deleted");
            }
            catch (CliException e)
            {
                exitCode = exitCode == ExitCode.Success ? e.ExitCode : exitCode;
                results.Add(new DeleteJson(null, name, false, e.Describe()));
                session.Environment.Error.WriteLine($"csilocal: {PlainText.OneLine(e.Describe())}");
            }
        }

        session.Report.Json(results);
        return exitCode;
    }
}
