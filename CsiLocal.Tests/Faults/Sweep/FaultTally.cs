using System.Collections.Concurrent;
using System.Globalization;
using CsiLocal.Tests.Faults.Sweep;
using CsiLocal.Tests.Support;
using Xunit;

[assembly: AssemblyFixture(typeof(FaultTally))]

namespace CsiLocal.Tests.Faults.Sweep;

/// <summary>Counts the points of every sweep of this run, and says at its end how many converged.</summary>
public sealed class FaultTally : IDisposable
{
    private static readonly ConcurrentDictionary<string, (int Tried, int Converged)> s_points = new();

    /// <summary>Every point is tried; else two of three (CONTRIBUTING.md).</summary>
    internal static bool TakesAll { get; } = Environment.GetEnvironmentVariable("CSILOCAL_FAULTS") == "all";

    /// <param name="pool">The kind of pool that it was tried on.</param>
    /// <param name="converged">The repeated call did what it had to, and nothing was left.</param>
    internal static void Count(string pool, bool converged) => s_points.AddOrUpdate(
        pool, (1, converged ? 1 : 0), (_, before) => (before.Tried + 1, before.Converged + (converged ? 1 : 0)));

    /// <summary>One line, on standard output and in TestResults/faults.txt, from where scripts/test shows it.</summary>
    public void Dispose()
    {
        if (s_points.IsEmpty)
            return;

        var pools = s_points.OrderBy(static entry => entry.Key, StringComparer.Ordinal).Select(static entry => $"{entry.Key} {entry.Value.Tried}");
        var line = string.Create(
            CultureInfo.InvariantCulture,
            $"fault points: {s_points.Values.Sum(static points => points.Tried)} tried, {s_points.Values.Sum(static points => points.Converged)} converged ({string.Join(", ", pools)}{(TakesAll ? "" : "; a share of them, all with CSILOCAL_FAULTS=all")})");
        var (where, file) = Machine.IsVm ? ($"{line}; real LVM, kills alone", $"faults-{s_points.Keys.Order(StringComparer.Ordinal).First()}.txt") : (line, "faults.txt");
        var folder = Directory.CreateDirectory(Path.Combine(SourceFile.FindRoot(), "TestResults"));
        File.WriteAllText(Path.Combine(folder.FullName, file), where + "\n");
        Console.WriteLine(where);
    }
}
