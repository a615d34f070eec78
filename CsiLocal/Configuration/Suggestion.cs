namespace CsiLocal.Configuration;

/// <summary>Guesses which known word somebody meant.</summary>
internal static class Suggestion
{
    /// <summary>"; did you mean 'x'?" or nothing.</summary>
    public static string DidYouMean(string word, IReadOnlyList<string> known) =>
        Find(word, known) is { } guess ? $"; did you mean '{guess}'?" : "";

    /// <summary>The nearest known word, if it is near enough to be a slip; null otherwise.</summary>
    public static string? Find(string word, IReadOnlyList<string> known)
    {
        // Far longer words are not slips, and the table below is quadratic.
        if (word.Length is 0 or > 64)
            return null;
        var plain = Plain(word);
        var best = known.MinBy(candidate => Distance(plain, Plain(candidate)));
        return best is not null && Distance(plain, Plain(best)) <= Math.Max(1, best.Length / 4) ? best : null;
    }

    // default_pool and DefaultPool mean defaultPool.
    private static string Plain(string word) =>
        word.Replace("_", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal).ToLowerInvariant();

    // Optimal string alignment: insertions, deletions, replacements and swaps of neighbours count one each.
    private static int Distance(string a, string b)
    {
        var cost = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            cost[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            cost[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = cost[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                cost[i, j] = Math.Min(replaced, 1 + Math.Min(cost[i - 1, j], cost[i, j - 1]));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    cost[i, j] = Math.Min(cost[i, j], cost[i - 2, j - 2] + 1);
            }
        }

        return cost[a.Length, b.Length];
    }
}
