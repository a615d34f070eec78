using System.Text.Json;
using CsiLocal.Admin.V1;
using CsiLocal.Cli.Output;
using CsiLocal.Volumes.Diagnosis;
using Finding = CsiLocal.Volumes.Diagnosis.Finding;

namespace CsiLocal.Cli.Doctor;

/// <summary>Findings for people, the worst last: next to the prompt. And the document.</summary>
internal static class DoctorReport
{
    /// <param name="report">Where to.</param>
    /// <param name="repairs">What was done; null: nothing was asked for.</param>
    /// <param name="findings">All of them.</param>
    /// <returns>The exit code: what the worst finding is worth.</returns>
    public static int Write(ReportWriter report, IReadOnlyList<Decision>? repairs, IReadOnlyList<Finding> findings)
    {
        report.Json(new DoctorJson(repairs ?? [], findings));
        if (repairs is { Count: 0 })
            report.Line("Nothing was to be repaired");
        foreach (var repair in repairs ?? [])
            report.Line("repaired", Tone.Good, $"  {repair.Target}  {repair.What}: {repair.Why}");
        foreach (var finding in findings.OrderBy(static finding => Word(finding.Severity) switch { "ok" => "1", "warning" => "2", _ => "3" }, StringComparer.Ordinal))
        {
            report.Line($"{Word(finding.Severity),-8}", ToneOf(finding.Severity), $"  {finding.Code}  {finding.Subject}: {finding.Evidence}");
            if (finding.Remedy is { } remedy)
                report.Line($"            remedy: {remedy}");
        }

        var (errors, warnings) = (Count(findings, Severity.Error), Count(findings, Severity.Warning));
        report.Line($"{errors} errors, {warnings} warnings, {Count(findings, Severity.Ok)} well");
        return errors > 0 ? 2 : warnings > 0 ? 1 : ExitCode.Success;
    }

    private static int Count(IReadOnlyList<Finding> findings, Severity severity) => findings.Count(finding => finding.Severity == severity);

    private static string Word(Severity severity) => severity switch
    {
        Severity.Ok => "ok",
        Severity.Warning => "warning",
        Severity.Error => "error",
        _ => throw new ArgumentOutOfRangeException(nameof(severity), severity, null),
    };

    private static Tone ToneOf(Severity severity) => severity switch
    {
        Severity.Ok => Tone.Good,
        Severity.Warning => Tone.Warning,
        Severity.Error => Tone.Bad,
        _ => throw new ArgumentOutOfRangeException(nameof(severity), severity, null),
    };

    private sealed record DoctorJson(IReadOnlyList<Decision> Repairs, IReadOnlyList<Finding> Findings) : IJsonShape
    {
        public void Write(Utf8JsonWriter json)
        {
            json.WriteNumber("errors", Count(Findings, Severity.Error));
            json.WriteNumber("warnings", Count(Findings, Severity.Warning));
            json.WriteShapes("repairs", [.. Repairs.Select(static repair => new RepairJson(repair))]);
            json.WriteShapes("findings", [.. Findings.Select(static finding => new FindingJson(finding))]);
        }
    }

    private sealed record RepairJson(Decision Repair) : IJsonShape
    {
        public void Write(Utf8JsonWriter json)
        {
            json.WriteString("target", Repair.Target);
            json.WriteString("what", Repair.What);
            json.WriteString("why", Repair.Why);
        }
    }

    private sealed record FindingJson(Finding Finding) : IJsonShape
    {
        public void Write(Utf8JsonWriter json)
        {
            json.WriteString("code", Finding.Code);
            json.WriteString("severity", Word(Finding.Severity));
            json.WriteString("subject", Finding.Subject);
            json.WriteString("evidence", Finding.Evidence);
            json.WriteString("remedy", Finding.Remedy);
        }
    }
}
