using System.Globalization;

namespace CsiLocal.Filesystems;

/// <summary>Finds out who keeps a mount busy, for the message to the person who has to stop it.</summary>
internal static class MountHolders
{
    private const int MaxNamed = 5;

    /// <summary>In words: processes by id and name, or mounts below. Empty where nobody was found.</summary>
    public static string Describe(string path)
    {
        var below = MountTable.Read().Below(path);
        if (below.Count > 0)
            return $"mounts below it: {string.Join(", ", below.Take(MaxNamed).Select(static mount => mount.Path))}";
        if (MountTable.Read().FindAt(path) is not { } mount)
            return "";

        var holders = new List<string>();
        foreach (var id in Processes.Ids())
        {
            if (!Holds(Processes.Folder(id), mount))
                continue;
            if (holders.Count == MaxNamed)
            {
                holders.Add("and others");
                break;
            }

            holders.Add(Processes.Describe(id));
        }

        return string.Join(", ", holders);
    }

    private static bool Holds(string process, MountEntry mount)
    {
        try
        {
            return IsBelow(Processes.LinkTarget($"{process}/cwd"), mount.Path)
                || IsBelow(Processes.LinkTarget($"{process}/root"), mount.Path)
                || HasOpen(process, mount.Id)
                || Processes.ReadText($"{process}/maps").Split('\n').Any(line => line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries) is [_, _, _, _, _, var file] && IsBelow(file, mount.Path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It ended while it was looked at.
            return false;
        }
    }

    // The mount's id and not the device: a bind shares its device with the staging path, or with the whole host (proc_pid_fdinfo(5)).
    private static bool HasOpen(string process, int mountId)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"mnt_id:\t{mountId}\n");
        return Directory.EnumerateFiles($"{process}/fdinfo").Any(info => Processes.ReadText(info).Contains(line, StringComparison.Ordinal));
    }

    private static bool IsBelow(string? file, string folder) =>
        file is not null && (file == folder || file.StartsWith($"{folder}/", StringComparison.Ordinal));
}
