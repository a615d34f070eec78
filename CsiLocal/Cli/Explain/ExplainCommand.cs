using System.CommandLine;
using System.Globalization;
using CsiLocal.Admin.V1;
using CsiLocal.Cli.Output;
using Google.Protobuf.WellKnownTypes;

namespace CsiLocal.Cli.Explain;

/// <summary><c>csilocal explain</c>.</summary>
internal static class ExplainCommand
{
    public static Command Create(CommandHost host)
    {
        var name = CommonArguments.AnyName(host);
        var since = new Option<DateTimeOffset?>("--since")
        {
            Description = "Only what began then or later: 2h, 2026-01-31, \"2026-01-31 13:05\" (UTC).",
            HelpName = "TIME",
            CustomParser = result => result.ParseText(text => PointInTime.Parse(text, host.Environment.Time.GetUtcNow()), PointInTime.Expectation),
        };
        var limit = new Option<int?>("--limit", "-n")
        {
            Description = "Only the last so many entries; a call is one entry.",
            HelpName = "COUNT",
            CustomParser = result => result.ParseText<int?>(
                static text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0 ? count : null,
                "a number above 0"),
        };
        var command = new Command(
            "explain", "Tells what happened to a volume, snapshot or pool, and why: calls, commands, changes; also of one that is gone.")
        {
            name, since, limit,
        };
        host.SetAction(command, (parsed, session, cancellationToken) => RunAsync(session, new ExplainRequest
        {
            Target = parsed.GetValue(name)!,
            Since = parsed.GetValue(since) is { } from ? Timestamp.FromDateTimeOffset(from) : null,
            Limit = parsed.GetValue(limit) ?? 0,
        }, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(CommandSession session, ExplainRequest request, CancellationToken cancellationToken)
    {
        var parts = await session.Daemon.ReadAllAsync(call => session.Daemon.Admin.Explain(request, call), cancellationToken);
        if (parts is not [{ Subject: { } subject }, ..])
            throw new CliException(ExitCode.Failed, $"{session.Daemon.Endpoint} does not say what '{request.Target}' is");

        var episodes = new List<Episode>(parts.Count);
        foreach (var part in parts)
        {
            if (part.Episode is { } episode)
                episodes.Add(episode);
        }

        session.Report.Json(ExplainShapes.Of(subject, episodes));
        new ExplainReport(session.Report, subject).Write(episodes);
        return ExitCode.Success;
    }
}
