using System.Globalization;

namespace CsiLocal.Filesystems;

/// <summary>The processes that /proc shows. In a container that does not share the host's (hostPID) these are its own only.</summary>
internal static class Processes
{
    public static IEnumerable<int> Ids()
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var id))
                yield return id;
        }
    }

    public static string Folder(int id) => $"/proc/{id.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>For messages: "postgres (pid 71)".</summary>
    public static string Describe(int id) => $"{ReadText($"{Folder(id)}/comm").Trim()} (pid {id.ToString(CultureInfo.InvariantCulture)})";

    /// <summary>Where a magic link leads, as the kernel names it; null where the process is gone.</summary>
    public static string? LinkTarget(string link) => new FileInfo(link).LinkTarget;

    /// <summary>Empty where it cannot be read: the process ended, or the device went away.</summary>
    public static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
