using System.Text;
using CsiLocal.Filesystems;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Directories;

/// <summary>Whether a directory has something to do with a mount: then it is neither removed nor renamed.</summary>
internal static class MountUse
{
    private sealed record Mount(string Device, string Root, string Point);

    /// <inheritdoc cref="Refuse(string, string)"/>
    public static void Refuse(DirectoryEntry entry, string attempted)
    {
        foreach (var path in (string[])[entry.Path, entry.UnfinishedPath, entry.RemovedPath])
            Refuse(path, attempted);
    }

    /// <exception cref="StorageException">
    /// <see cref="StorageError.FailedPrecondition"/>: something is mounted in it, or it is mounted elsewhere.
    /// </exception>
    public static void Refuse(string path, string attempted)
    {
        if (Find(File.ReadLines("/proc/self/mountinfo"), path) is { } point)
        {
            throw new StorageException(
                StorageError.FailedPrecondition, $"{attempted}: {path} is in use by the mount at {point}", $"unpublish the volume, or 'umount {point}'");
        }
    }

    /// <summary>As <see cref="Refuse(string, string)"/>, of the mounts of other processes: a container that uses a hostPath volume shows it in its own mount namespace only.</summary>
    /// <remarks>What can be seen of them: in a container, the host's processes only with hostPID.</remarks>
    public static void RefuseElsewhere(string path, string attempted)
    {
        if (Place(ReadMounts("/proc/self"), path) is not { } place)
            return;

        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var id in Processes.Ids())
        {
            try
            {
                var folder = Processes.Folder(id);
                if (Processes.LinkTarget($"{folder}/ns/mnt") is not { } space || !seen.Add(space))
                    continue;
                if (ReadMounts(folder).Find(mount => Shows(mount, place)) is { } mount)
                {
                    throw new StorageException(
                        StorageError.FailedPrecondition, $"{attempted}: {path} is in use by {Processes.Describe(id)}, which has it at {mount.Point}", "stop it first");
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended while it was looked at.
            }
        }
    }

    /// <summary>The first mount that lies at or below the directory, or shows it or something in it; null where none does.</summary>
    /// <param name="mountInfo">Lines of <c>/proc/self/mountinfo</c>, proc_pid_mountinfo(5).</param>
    /// <param name="path">Absolute path of the directory.</param>
    internal static string? Find(IEnumerable<string> mountInfo, string path)
    {
        var mounts = mountInfo.Select(Parse).ToList();
        if (mounts.Find(mount => IsAtOrBelow(mount.Point, path)) is { } inside)
            return inside.Point;

        return Place(mounts, path) is { } place ? mounts.Find(mount => Shows(mount, place))?.Point : null;
    }

    /// <summary>The directory by its file system, and its path from that one's root.</summary>
    private static Mount? Place(List<Mount> mounts, string path) => mounts.Where(mount => IsAtOrBelow(path, mount.Point)).MaxBy(mount => mount.Point.Length) is { } carrier
        ? carrier with { Root = Join(carrier.Root, carrier.Point == "/" ? path : path[carrier.Point.Length..]) }
        : null;

    // A bind mount shows, as its root, the directory's path from the root of its file system.
    private static bool Shows(Mount mount, Mount place) => mount.Device == place.Device && IsAtOrBelow(mount.Root, place.Root);

    private static List<Mount> ReadMounts(string processFolder) => File.ReadLines($"{processFolder}/mountinfo").Select(Parse).ToList();

    private static bool IsAtOrBelow(string path, string folder) =>
        folder == "/" || path == folder || (path.StartsWith(folder, StringComparison.Ordinal) && path[folder.Length] == '/');

    private static string Join(string root, string rest) => root == "/" ? rest : root + rest;

    private static Mount Parse(string line)
    {
        var fields = line.Split(' ', 6);
        return fields.Length == 6
            ? new Mount(fields[2], Unescape(fields[3]), Unescape(fields[4]))
            : throw new StorageException(StorageError.Internal, $"read /proc/self/mountinfo: a line that is none: '{line}'");
    }

    // Space, tab, line feed and backslash are written as \ and three octal digits.
    private static string Unescape(string text)
    {
        if (!text.Contains('\\'))
            return text;

        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 3 < text.Length)
            {
                result.Append((char)(((text[i + 1] - '0') * 64) + ((text[i + 2] - '0') * 8) + (text[i + 3] - '0')));
                i += 3;
            }
            else
            {
                result.Append(text[i]);
            }
        }

        return result.ToString();
    }
}
