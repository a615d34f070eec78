using System.Collections.Concurrent;

namespace CsiLocal.Tools;

/// <summary>Where programs are looked for: fixed, so that nobody's PATH decides what runs as root.</summary>
internal static class SearchPath
{
    public const string Text = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private static readonly string[] Folders = Text.Split(':');

    // Found ones only: a tool installed while the daemon runs is seen at once.
    private static readonly ConcurrentDictionary<string, string> Found = new(StringComparer.Ordinal);

    /// <summary>The full path of a program, or null. A name with a slash is taken as it is.</summary>
    public static string? Find(string program)
    {
        if (program.Contains('/'))
            return File.Exists(program) ? program : null;
        if (Found.TryGetValue(program, out var known))
            return known;

        foreach (var folder in Folders)
        {
            var path = Path.Combine(folder, program);
            if (File.Exists(path))
                return Found.GetOrAdd(program, path);
        }

        return null;
    }
}
