namespace CsiLocal.Cli.Bench;

internal static class Percentiles
{
    /// <summary>By nearest rank: the smallest sample that <paramref name="percent"/> per cent of all do not exceed.</summary>
    /// <param name="sorted">Ascending.</param>
    /// <param name="percent">1 to 100.</param>
    /// <returns>Null where there are no samples.</returns>
    public static double? Of(IReadOnlyList<double> sorted, int percent)
    {
        if (sorted.Count == 0)
            return null;

        var rank = (int)(((long)percent * sorted.Count + 99) / 100);
        return sorted[Math.Max(rank, 1) - 1];
    }
}
