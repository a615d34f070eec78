using CsiLocal.Configuration;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Tells what happens to a thin pool, each transition once.</summary>
/// <param name="pool">VG/pool.</param>
/// <param name="report">Where to.</param>
internal sealed class GuardianJournal(string pool, PoolEvent report)
{
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    /// <summary>Tells of findings that are new, and of those that are gone.</summary>
    public void Tell(IReadOnlyList<HealthFinding> findings)
    {
        foreach (var finding in findings)
        {
            if (_known.Add(finding.Reason))
                report($"needs help ({finding.Reason})", finding.Message, true);
        }

        var gone = _known.Where(reason => !findings.Any(finding => finding.Reason == reason)).ToList();
        foreach (var reason in gone)
        {
            _known.Remove(reason);
            report($"is past {reason}", $"thin pool {pool} {(findings.Count == 0 ? "is well again" : "has other trouble")}", false);
        }
    }

    public void Extended(string part, long usedBytes, long fromBytes, long toBytes) => report(
        $"has more {part}",
        $"thin pool {pool}: {ByteSize.Format(usedBytes)} of {ByteSize.Format(fromBytes)} were in use, it was extended to {ByteSize.Format(toBytes)}",
        false);
}
