using System.CommandLine;
using CsiLocal.Admin.V1;
using CsiLocal.Cli.Output;

namespace CsiLocal.Cli;

/// <summary><c>csilocal pool</c>.</summary>
internal static class PoolCommands
{
    private static readonly TableColumn[] Columns =
    [
        new("NAME", MayFold: true), new("BACKEND"), new("STATE"), new("TOTAL", IsNumber: true), new("AVAILABLE", IsNumber: true),
        new("PROMISED", IsNumber: true), new("VOLUMES", IsNumber: true), new("DEFAULT"),
    ];

    public static Command Create(CommandHost host) =>
        new("pool", "Shows the pools that volumes come from, and takes over those of another node.")
        {
            CreateList(host), CreateShow(host), PoolTakeOverCommand.Create(host, Name(host)),
        };

    private static Command CreateList(CommandHost host)
    {
        var command = new Command("list", "Lists the pools with their space.");
        host.SetAction(command, async (_, session, cancellationToken) =>
        {
            var pools = await PoolsAsync(session, cancellationToken);
            session.Report.Json([.. pools.Select(ToJson)]);
            if (pools.Count == 0)
                session.Report.Line("No pools; name some in the configuration file and run 'csilocal reload'");
            else
                session.Report.Table(Columns, pools.Select(Row));
            foreach (var pool in pools)
            {
                foreach (var problem in Problems(pool))
                    session.Report.Line($"{pool.Name}: {problem}");
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static Command CreateShow(CommandHost host)
    {
        var name = Name(host);
        var command = new Command("show", "Shows all that is known of one pool.") { name };
        host.SetAction(command, async (parsed, session, cancellationToken) =>
        {
            var pools = await PoolsAsync(session, cancellationToken);
            var pool = pools.FirstOrDefault(pool => pool.Name == parsed.GetValue(name))
                ?? throw new CliException(ExitCode.NotFound, $"no pool has the name '{parsed.GetValue(name)}'",
                    pools.Count == 0 ? "there are none" : $"there is {string.Join(", ", pools.Select(pool => pool.Name))}");
            Show(session.Report, pool);
            return ExitCode.Success;
        });
        return command;
    }

    private static Argument<string> Name(CommandHost host)
    {
        var name = new Argument<string>("POOL") { Description = "Name of the pool.", HelpName = "POOL" };
        name.CompletionSources.Add(context => DynamicCompletion.Pools(host, context.ParseResult));
        return name;
    }

    private static async Task<IReadOnlyList<Pool>> PoolsAsync(CommandSession session, CancellationToken cancellationToken) =>
        (await session.Daemon.CallAsync(call => session.Daemon.Admin.ListPoolsAsync(new ListPoolsRequest(), call),
            cancellationToken)).Pools;

    private static void Show(ReportWriter report, Pool pool)
    {
        report.Json(ToJson(pool));
        report.Properties(
        [
            new("Name", pool.IsDefault ? $"{pool.Name} (default)" : pool.Name),
            new("Backend", pool.Backend),
            new("State", State(pool)),
            .. Problems(pool).Select(problem => new Property("Problem", problem)),
            new("Node", pool.ForeignNode),
            new("Location", pool.Location),
            new("Filesystem", pool.Filesystem),
            new("Total", Space(pool, pool.TotalBytes)),
            new("Data used", pool.HasDataPercent ? PlainText.Percent(pool.DataPercent) : ""),
            new("Metadata used", pool.HasMetadataPercent ? PlainText.Percent(pool.MetadataPercent) : ""),
            new("Available", Space(pool, pool.AvailableBytes)),
            new("Promised", PlainText.Size(pool.ProvisionedBytes)),
            new("Volumes", $"{pool.VolumeCount}"),
            new("Snapshots", $"{pool.SnapshotCount}"),
            new("Features", string.Join(", ", pool.Features)),
        ]);
    }

    private static IReadOnlyList<string> Row(Pool pool) =>
    [
        pool.Name, pool.Backend, State(pool), Space(pool, pool.TotalBytes), Space(pool, pool.AvailableBytes),
        PlainText.Size(pool.ProvisionedBytes), $"{pool.VolumeCount}", pool.IsDefault ? "yes" : PlainText.None,
    ];

    // For people: a pool that can be used, and should be looked at.
    private static string State(Pool pool) => pool.Findings.Count > 0 ? "degraded" : pool.State;

    private static IEnumerable<string> Problems(Pool pool) =>
        pool.Problem.Length > 0 ? pool.Findings.Prepend(pool.Problem) : pool.Findings;

    // A pool that is not there has no size, rather than one of nothing.
    private static string Space(Pool pool, long bytes) => pool.TotalBytes == 0 ? PlainText.None : PlainText.Size(bytes);

    public static PoolJson ToJson(Pool pool) => new(
        pool.Name, pool.Backend, pool.Location, pool.State, PlainText.NullIfEmpty(pool.Problem), PlainText.NullIfEmpty(pool.Filesystem),
        pool.TotalBytes, pool.AvailableBytes, pool.ProvisionedBytes, pool.VolumeCount, pool.SnapshotCount, pool.IsDefault,
        [.. pool.Features], [.. pool.Findings], pool.HasDataPercent ? pool.DataPercent : null,
        pool.HasMetadataPercent ? pool.MetadataPercent : null, PlainText.NullIfEmpty(pool.ForeignNode));
}
