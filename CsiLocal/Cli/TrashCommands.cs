using System.CommandLine;
using System.Globalization;
using CsiLocal.Admin.V1;
using CsiLocal.Cli.Output;

namespace CsiLocal.Cli;

/// <summary><c>csilocal trash</c>.</summary>
internal static class TrashCommands
{
    private static readonly TableColumn[] Columns =
    [
        new("ID"), new("NAME", MayFold: true), new("VOLUME"), new("POOL", MayFold: true), new("SIZE", IsNumber: true), new("DELETED"),
        new("ERASED", MayFold: true),
    ];

    public static Command Create(CommandHost host) =>
        new("trash", "Shows deleted volumes, and erases them before their time ('volume undelete' brings them back).") { CreateList(host), CreateEmpty(host) };

    private static Command CreateList(CommandHost host)
    {
        var pool = PoolOption(host);
        var command = new Command("list", "Lists the deleted volumes that can still be brought back, or are being erased.") { pool };
        host.SetAction(command, async (parsed, session, cancellationToken) =>
        {
            var volumes = await ListAsync(session, parsed.GetValue(pool), cancellationToken);
            session.Report.Json([.. volumes.Select(ToJson)]);
            if (volumes.Count == 0)
                session.Report.Line("The trash is empty");
            else
                session.Report.Table(Columns, volumes.Select(volume => Row(volume, session.Environment.Time.GetUtcNow())));
            foreach (var volume in volumes.Where(static volume => volume.Error.Length > 0))
                session.Report.Line($"{volume.TrashId}: {volume.Error}");
            return ExitCode.Success;
        });
        return command;
    }

    private static Command CreateEmpty(CommandHost host)
    {
        var ids = new Argument<string[]>("ID")
        {
            Description = "Ids in the trash, or the names or ids that the volumes had.",
            HelpName = "ID",
            Arity = ArgumentArity.ZeroOrMore,
        };
        ids.CompletionSources.Add(context => DynamicCompletion.Trash(host, context.ParseResult));
        var pool = PoolOption(host);
        var all = new Option<bool>("--all") { Description = "All of it." };
        var yes = DeleteRun.YesOption();
        var command = new Command("empty", "Erases deleted volumes now, for good.") { ids, pool, all, yes };
        command.Validators.Add(result =>
        {
            var ways = (result.GetValue(ids)?.Length > 0 ? 1 : 0) + (result.GetValue(pool) is null ? 0 : 1) + (result.GetValue(all) ? 1 : 0);
            if (ways != 1)
                result.AddError("Name what is to be erased: ids, or --pool POOL, or --all.");
        });
        host.SetAction(command, async (parsed, session, cancellationToken) =>
        {
            var request = new EmptyTrashRequest { Pool = parsed.GetValue(pool) ?? "", All = parsed.GetValue(all) };
            request.Volumes.AddRange(parsed.GetValue(ids) ?? []);
            await DeleteRun.ConfirmAsync(session, Question(request), parsed.GetValue(yes), cancellationToken);
            var answer = await session.Daemon.CallAsync(call => session.Daemon.Admin.EmptyTrashAsync(request, call), cancellationToken);
            return Tell(session, answer);
        });
        return command;
    }

    private static Option<string?> PoolOption(CommandHost host)
    {
        var pool = new Option<string?>("--pool") { Description = "Only that of this pool.", HelpName = "POOL" };
        pool.CompletionSources.Add(context => DynamicCompletion.Pools(host, context.ParseResult));
        return pool;
    }

    private static string Question(EmptyTrashRequest request) => request switch
    {
        { All: true } => "Erase all that is in the trash, for good",
        { Pool.Length: > 0 } => $"Erase all that is in the trash of pool {request.Pool}, for good",
        _ => $"Erase {string.Join(", ", request.Volumes)} for good",
    };

    private static int Tell(CommandSession session, EmptyTrashResponse answer)
    {
        var volumes = answer.Volumes;
        session.Report.Json([.. volumes.Select(ToJson)]);
        if (volumes.Count == 0)
            session.Report.Line("The trash is empty");
        var exitCode = ExitCode.Success;
        foreach (var volume in volumes)
        {
            if (volume.Error.Length > 0)
            {
                exitCode = ExitCode.Failed;
                session.Environment.Error.WriteLine($"csilocal: {PlainText.OneLine($"{volume.Name} ({volume.TrashId}): {volume.Error}")}");
            }
            else
            {
                session.Report.Line(volume.State == "erased"
                    ? $"{volume.Name} ({volume.TrashId}): erased"
                    : $"{volume.Name} ({volume.TrashId}): is being erased; see 'csilocal task list'");
            }
        }

        return exitCode;
    }

    private static async Task<IReadOnlyList<TrashedVolume>> ListAsync(CommandSession session, string? pool, CancellationToken cancellationToken) =>
        (await session.Daemon.CallAsync(
            call => session.Daemon.Admin.ListTrashAsync(new ListTrashRequest { Pool = pool ?? "" }, call), cancellationToken)).Volumes;

    private static IReadOnlyList<string> Row(TrashedVolume volume, DateTimeOffset now) =>
    [
        volume.TrashId, volume.Name, volume.VolumeId, volume.Pool, PlainText.Size(volume.SizeBytes), PlainText.ShortTime(volume.DeletedAt),
        When(volume, now),
    ];

    private static string When(TrashedVolume volume, DateTimeOffset now) => volume.State switch
    {
        "kept" => Left(volume.Deadline.ToDateTimeOffset() - now),
        "erasing" when volume.TotalBytes > 0 => string.Create(
            CultureInfo.InvariantCulture, $"being erased, {(int)((Int128)volume.DoneBytes * 100 / volume.TotalBytes)} %"),
        var other => other,
    };

    private static string Left(TimeSpan left) => left switch
    {
        { Ticks: <= 0 } => "now",
        { TotalHours: >= 48 } => string.Create(CultureInfo.InvariantCulture, $"in {(int)left.TotalDays} days"),
        { TotalMinutes: >= 120 } => string.Create(CultureInfo.InvariantCulture, $"in {(int)left.TotalHours} h"),
        _ => string.Create(CultureInfo.InvariantCulture, $"in {(int)left.TotalMinutes} min"),
    };

    private static TrashJson ToJson(TrashedVolume volume) => new(
        volume.TrashId, volume.VolumeId, volume.Name, volume.Pool, volume.SizeBytes, volume.DeletedAt?.ToDateTime(), volume.Deadline?.ToDateTime(),
        volume.Erase, volume.State, volume.DoneBytes, volume.TotalBytes, PlainText.NullIfEmpty(volume.Error));
}
