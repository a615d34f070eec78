using System.Globalization;

namespace CsiLocal.Backends.Directories;

/// <summary><c>/sys/fs/btrfs/UUID/qgroups</c>: what the kernel says of a file system's quota groups, without a process.</summary>
/// <param name="path">That folder; there only while quotas are on (Linux 5.9).</param>
internal sealed class QuotaGroupFolder(string path)
{
    public static QuotaGroupFolder Of(Guid filesystem) => new($"/sys/fs/btrfs/{filesystem:D}/qgroups");

    public bool IsOn => Read("enabled") == "1";

    /// <summary>"qgroup", or "squota" for simple quotas; kernels before 6.7 know only the first and do not say.</summary>
    public string Mode => Read("mode") ?? "qgroup";

    /// <summary>The numbers cannot be relied on until a rescan has ended.</summary>
    public bool IsInconsistent => Read("inconsistent") == "1";

    /// <summary>The numbers of a subvolume's own group; null where it has none.</summary>
    public QuotaUsage? Measure(ulong subvolume)
    {
        var group = string.Create(CultureInfo.InvariantCulture, $"0_{subvolume}");
        return Number(Read(Path.Combine(group, "referenced"))) is { } used && Number(Read(Path.Combine(group, "exclusive"))) is { } exclusive
            ? new QuotaUsage(used, exclusive)
            : null;
    }

    private static long? Number(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private string? Read(string name)
    {
        try
        {
            return File.ReadAllText(Path.Combine(path, name)).Trim();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }
}
