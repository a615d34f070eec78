using System.Globalization;
using CsiLocal.Cli.Output;

namespace CsiLocal.Cli.Bench;

/// <summary>How a run is shown.</summary>
internal static class BenchReport
{
    private static readonly TableColumn[] Columns =
    [
        new("RPC"), new("CALLS", IsNumber: true), new("FAILED", IsNumber: true), new("P50 ms", IsNumber: true),
        new("P90 ms", IsNumber: true),
        new("P99 ms", IsNumber: true), new("MAX ms", IsNumber: true), new("CALLS/s", IsNumber: true),
    ];

    public static void Write(ReportWriter report, BenchPlan plan, BenchResult result, string endpoint)
    {
        report.Json(ToJson(plan, result, endpoint));

        report.Line($"{result.Target.Driver} {result.Target.Version} at {endpoint}");
        report.Line($"{plan.Volumes} volumes of {PlainText.Size(plan.SizeBytes)} {Type(plan)}, {plan.Parallel} at a time");
        report.Line("");
        report.Table(Columns, result.Figures.Select(Row));
        report.Line("");
        var lastStep = Word(plan.Until == BenchStep.Delete ? BenchStep.Publish : plan.Until);
        report.Line($"create to {lastStep}: {Seconds(result.Up)}{PerVolume(result.Up, plan)}");
        if (result.Down is { } down)
            report.Line($"unpublish to delete: {Seconds(down)}{PerVolume(down, plan)}");

        foreach (var error in result.Errors)
            report.Line($"{error.Rpc} failed {error.Count} times with {error.Code}: {error.Message}");
        foreach (var leftover in result.Leftovers)
            report.Line($"left behind: {leftover}");
        if (result.Interrupted)
            report.Line("stopped early: the figures are of what was done until then");
    }

    public static string Word(BenchStep step) => step switch
    {
        BenchStep.Create => "create",
        BenchStep.Stage => "stage",
        BenchStep.Publish => "publish",
        BenchStep.Delete => "delete",
        _ => throw new ArgumentOutOfRangeException(nameof(step), step, null),
    };

    private static string Type(BenchPlan plan) =>
        plan.Capability.Block is not null ? "block"
        : plan.Capability.Mount.FsType.Length > 0 ? plan.Capability.Mount.FsType
        : "default file system";

    private static IReadOnlyList<string> Row(RpcFigures figures) =>
    [
        figures.Rpc, $"{figures.Calls}", $"{figures.Failures}", Number(figures.P50Ms), Number(figures.P90Ms), Number(figures.P99Ms),
        Number(figures.MaxMs),
        Number(figures.CallsPerSecond),
    ];

    private static string Number(double? value) =>
        value?.ToString(value < 10 ? "0.00" : "0.0", CultureInfo.InvariantCulture) ?? PlainText.None;

    private static string Seconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.00} s");

    private static string PerVolume(TimeSpan time, BenchPlan plan) =>
        string.Create(CultureInfo.InvariantCulture, $", {time.TotalMilliseconds / plan.Volumes:0.0} ms a volume");

    private static BenchJson ToJson(BenchPlan plan, BenchResult result, string endpoint) => new(
        endpoint, result.Target.Driver, result.Target.Version, result.Target.NodeId, plan.Volumes, plan.Parallel, plan.SizeBytes,
        plan.Capability.Block is not null ? "block" : "mount", Word(plan.Until), result.StartedAt.UtcDateTime, result.Interrupted,
        Rounded(result.Up.TotalSeconds), Rounded(result.Down?.TotalSeconds),
        [.. result.Figures.Select(f => new BenchRpcJson(
            f.Rpc, f.Calls, f.Failures, Rounded(f.P50Ms), Rounded(f.P90Ms), Rounded(f.P99Ms), Rounded(f.MaxMs), Rounded(f.MeanMs),
            Rounded(f.CallsPerSecond)))],
        [.. result.Errors.Select(e => new BenchErrorJson(e.Rpc, e.Code.ToString(), e.Count, e.Message))], result.Leftovers);

    // Microseconds are as fine as such a measurement can mean anything.
    private static double? Rounded(double? value) => value is { } number ? Math.Round(number, 3) : null;
}
