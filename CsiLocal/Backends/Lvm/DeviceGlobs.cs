using CsiLocal.Native;

namespace CsiLocal.Backends.Lvm;

/// <summary>A block device that a pattern of the configuration leads to.</summary>
/// <param name="Path">The device's own node, no symlink: <c>/dev/nvme0n1</c>.</param>
/// <param name="Number">Its device number.</param>
/// <param name="IsExact">Some pattern names it without a wildcard: it is meant, not caught.</param>
internal sealed record MatchedDevice(string Path, ulong Number, bool IsExact);

/// <summary>Patterns below /dev, one <c>*</c>, <c>?</c> or <c>[a-z]</c> never reaching beyond a slash, as block devices.</summary>
internal static class DeviceGlobs
{
    private const string Root = "/dev";

    /// <summary>Every device once, by path; links such as those of /dev/disk/by-id lead to their device.</summary>
    /// <remarks>Only the last part of a path may be a symlink, and only to a node in /dev: a folder that is one could lead anywhere.</remarks>
    public static IReadOnlyList<MatchedDevice> Expand(IEnumerable<string> globs)
    {
        var found = new SortedDictionary<string, MatchedDevice>(StringComparer.Ordinal);
        foreach (var glob in globs)
        {
            var parts = glob.Split('/')[2..];
            var isExact = glob.IndexOfAny(['*', '?', '[']) < 0;
            foreach (var path in Paths(Root, parts))
            {
                if (Resolve(path, isExact) is { } device)
                    found[device.Path] = device with { IsExact = isExact || (found.TryGetValue(device.Path, out var known) && known.IsExact) };
            }
        }

        return Distinct(found.Values);
    }

    /// <summary>Whether a name fits a pattern without slashes; like the shell's, a leading dot has to be written.</summary>
    internal static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name) =>
        (name.Length == 0 || name[0] != '.' || (pattern.Length > 0 && pattern[0] == '.')) && MatchesRest(pattern, name);

    private static bool MatchesRest(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name)
    {
        while (pattern.Length > 0)
        {
            if (pattern[0] == '*')
            {
                for (var skip = 0; skip <= name.Length; skip++)
                {
                    if (MatchesRest(pattern[1..], name[skip..]))
                        return true;
                }

                return false;
            }

            if (name.Length == 0)
                return false;
            var used = 1;
            if (pattern[0] == '[' && pattern.Length > 2 && pattern[2..].IndexOf(']') is >= 0 and var end)
            {
                used = end + 3;
                if (!IsInSet(pattern[1..(end + 2)], name[0]))
                    return false;
            }
            else if (pattern[0] != '?' && pattern[0] != name[0])
            {
                return false;
            }

            pattern = pattern[used..];
            name = name[1..];
        }

        return name.Length == 0;
    }

    private static bool IsInSet(ReadOnlySpan<char> set, char letter)
    {
        var isNegated = set[0] is '!' or '^';
        if (isNegated)
            set = set[1..];
        for (var i = 0; i < set.Length; i++)
        {
            var isRange = i + 2 < set.Length && set[i + 1] == '-';
            if (isRange ? letter >= set[i] && letter <= set[i + 2] : letter == set[i])
                return !isNegated;
            i += isRange ? 2 : 0;
        }

        return isNegated;
    }

    private static IEnumerable<string> Paths(string folder, string[] parts)
    {
        foreach (var path in Entries(folder, parts[0]))
        {
            if (parts.Length == 1)
            {
                yield return path;
            }
            else if (FileStatus.Find(path) is { IsDirectory: true })
            {
                foreach (var below in Paths(path, parts[1..]))
                    yield return below;
            }
        }
    }

    private static IEnumerable<string> Entries(string folder, string pattern)
    {
        if (pattern is "" or "." or "..")
            return [];
        if (pattern.IndexOfAny(['*', '?', '[']) < 0)
            return [$"{folder}/{pattern}"];

        try
        {
            return [.. Directory.EnumerateFileSystemEntries(folder).Where(path => Matches(pattern, Path.GetFileName(path)))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It went away, or is none of our business.
            return [];
        }
    }

    private static MatchedDevice? Resolve(string path, bool isExact)
    {
        try
        {
            using var handle = FolderHandle.OpenFollowing(path);
            var real = handle.RealPath;
            return handle.Status is { IsBlockDevice: true } status && real.StartsWith($"{Root}/", StringComparison.Ordinal)
                ? new MatchedDevice(real, status.DeviceNumber, isExact)
                : null;
        }
        catch (NativeException)
        {
            // It is not there, or a link that leads nowhere.
            return null;
        }
    }

    // A device may have two nodes that are no links.
    private static List<MatchedDevice> Distinct(IEnumerable<MatchedDevice> devices)
    {
        var distinct = new List<MatchedDevice>();
        foreach (var device in devices)
        {
            var index = distinct.FindIndex(known => known.Number == device.Number);
            if (index < 0)
                distinct.Add(device);
            else if (device.IsExact)
                distinct[index] = distinct[index] with { IsExact = true };
        }

        return distinct;
    }
}
