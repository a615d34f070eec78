using System.Globalization;
using CsiLocal.Native;

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
        if (FileStatus.Find(path) is not { } status)
            return "";

        var holders = new List<string>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var id) || !Holds(folder, status.Device))
                continue;
            if (holders.Count == MaxNamed)
            {
                holders.Add("and others");
                break;
            }

            holders.Add($"{ReadText($"{folder}/comm").Trim()} (pid {id})");
        }

        return string.Join(", ", holders);
    }

    private static bool Holds(string process, ulong device)
    {
        try
        {
            return IsOn($"{process}/cwd", device)
                || IsOn($"{process}/root", device)
                || Directory.EnumerateFiles($"{process}/fd").Any(link => IsOn(link, device))
                || Maps(process, device);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It ended while it was looked at.
            return false;
        }
    }

    // Followed through the link itself, so that another mount namespace's paths do not matter.
    private static bool IsOn(string link, ulong device) => FileStatus.FindFollowing(link) is { } status && status.Device == device;

    // proc_pid_maps(5): "address perms offset major:minor inode path", numbers hexadecimal.
    private static bool Maps(string process, ulong device)
    {
        var number = DeviceText(device);
        return ReadText($"{process}/maps").Split('\n').Any(line => line.Split(' ', 5) is [_, _, _, var at, _] && at == number);
    }

    private static string DeviceText(ulong device)
    {
        var major = ((device >> 8) & 0xFFF) | ((device >> 32) & 0xFFFFF000);
        var minor = (device & 0xFF) | ((device >> 12) & 0xFFFFFF00);
        return string.Create(CultureInfo.InvariantCulture, $"{major:x2}:{minor:x2}");
    }

    private static string ReadText(string path)
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
