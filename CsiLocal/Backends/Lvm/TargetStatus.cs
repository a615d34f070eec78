using System.Globalization;

namespace CsiLocal.Backends.Lvm;

/// <summary>The words of a target's status line (DM_TABLE_STATUS).</summary>
internal readonly struct TargetStatus(string type, string parameters)
{
    private readonly string[] _words = parameters.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    public int Count => _words.Length;

    public string this[int index] => index < _words.Length ? _words[index] : throw Unreadable();

    public long Number(int index) =>
        long.TryParse(this[index], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw Unreadable();

    /// <summary>"used/total".</summary>
    public (long Used, long Total) Ratio(int index)
    {
        var word = this[index];
        var slash = word.IndexOf('/', StringComparison.Ordinal);
        return slash > 0
            && long.TryParse(word.AsSpan(0, slash), NumberStyles.None, CultureInfo.InvariantCulture, out var used)
            && long.TryParse(word.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var total)
                ? (used, total)
                : throw Unreadable();
    }

    /// <summary>Kernels add words at the end; what is there already keeps its place and meaning.</summary>
    public FormatException Unreadable() => new($"the kernel's status of a {type} target cannot be read: '{parameters}'");

    /// <summary>Never 100 before it is full.</summary>
    public static double Percent(long used, long total) => total > 0 ? 100.0 * used / total : 0;
}
