using System.CommandLine;
using System.Globalization;
using CsiLocal.Cli.Output;
using AdminTask = CsiLocal.Admin.V1.Task;

namespace CsiLocal.Cli;

/// <summary><c>csilocal task</c>.</summary>
internal static class TaskCommands
{
    private static readonly TableColumn[] Columns =
    [
        new("TARGET"), new("KIND"), new("STATE"), new("DONE", IsNumber: true), new("OF", IsNumber: true), new("STARTED"),
    ];

    public static Command Create(CommandHost host)
    {
        var list = new Command("list", "Lists the copies and erasures that are under way or have failed.");
        host.SetAction(list, async (_, session, cancellationToken) =>
        {
            var tasks = await session.Daemon.ListTasksAsync(cancellationToken);
            session.Report.Json([.. tasks.Select(ToJson)]);
            if (tasks.Count == 0)
                session.Report.Line("No long work is under way");
            else
                session.Report.Table(Columns, tasks.Select(Row));
            foreach (var task in tasks.Where(task => task.Error.Length > 0))
                session.Report.Line($"{task.TargetId}: {task.Error}");
            return ExitCode.Success;
        });
        return new Command("task", "Shows the long work that the daemon does in the background.") { list };
    }

    private static IReadOnlyList<string> Row(AdminTask task) =>
    [
        task.TargetId, task.Kind, task.State, Percent(task), PlainText.Size(task.TotalBytes), PlainText.ShortTime(task.StartedAt),
    ];

    private static string Percent(AdminTask task) => task.TotalBytes <= 0
        ? PlainText.None
        : string.Create(CultureInfo.InvariantCulture, $"{(int)((Int128)task.DoneBytes * 100 / task.TotalBytes)} %");

    private static TaskJson ToJson(AdminTask task) => new(
        task.TargetId, task.Kind, task.State, task.DoneBytes, task.TotalBytes, PlainText.NullIfEmpty(task.Error),
        task.StartedAt?.ToDateTime());
}
