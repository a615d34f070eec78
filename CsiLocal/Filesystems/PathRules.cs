using System.Text;
using CsiLocal.Volumes;

namespace CsiLocal.Filesystems;

/// <summary>Which paths may be a staging or target path, judged by their text alone.</summary>
internal static class PathRules
{
    /// <summary>PATH_MAX of Linux, with the terminating NUL.</summary>
    private const int MaxBytes = 4096;

    // Neither these nor anything below: programs, devices, kernel interfaces and what the host boots from. A mount there hides or
    // replaces what root runs.
    private static readonly string[] ClosedTrees =
    [
        "/bin", "/boot", "/dev", "/efi", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/lost+found", "/proc", "/sbin", "/sys", "/usr",
        "/run/dbus", "/run/lock", "/run/systemd", "/run/udev", "/run/user",
        "/var/lib/apt", "/var/lib/dpkg", "/var/lib/rpm", "/var/lib/systemd", "/var/log", "/var/run", "/var/lock",
    ];

    // Not these themselves, since others live there, but what is made below them: the kubelet's /var/lib/kubelet/…, a unit's
    // /run/…, a user's /home/…/x or /root/x, /srv/x. /mnt itself is allowed: FHS 3.0, 3.12 has it as a place to mount on.
    private static readonly string[] ClosedFolders =
    [
        "/", "/home", "/media", "/opt", "/root", "/run", "/snap", "/srv", "/tmp", "/var", "/var/cache", "/var/lib", "/var/local", "/var/opt",
        "/var/spool", "/var/tmp", "/var/lib/kubelet", "/var/lib/kubelet/plugins", "/var/lib/kubelet/pods",
    ];

    /// <summary>Refuses what is not an absolute, plain path outside system folders.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.InvalidArgument"/>, naming <paramref name="field"/>.</exception>
    public static void Check(string field, string path)
    {
        CheckForm(field, path);
        CheckPlace(field, path);
    }

    /// <summary>Refuses what is not absolute and plain.</summary>
    public static void CheckForm(string field, string path)
    {
        if (path.Length == 0)
            throw Refuse(field, "is empty", "give an absolute path");
        if (Encoding.UTF8.GetByteCount(path) >= MaxBytes)
            throw Refuse(field, $"is longer than {MaxBytes - 1} bytes", "give a shorter path");
        if (path.AsSpan().ContainsAnyInRange('\0', '\x1f') || path.Contains('\x7f'))
            throw Refuse(field, "contains a control character", "give a plain path");
        if (path.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF') && !IsWellFormed(path))
            throw Refuse(field, "is not valid Unicode", "give a plain path");
        if (path[0] != '/')
            throw Refuse(field, $"'{Shorten(path)}' is not absolute", "give a path that begins with /");
        if (path.Length > 1 && path.AsSpan(1).ToString().Split('/').Any(static part => part is "" or "." or ".."))
            throw Refuse(field, $"'{Shorten(path)}' contains an empty, '.' or '..' component", "give the path without //, /./, /../ and a slash at its end");
        if (path.Split('/').Any(static part => Encoding.UTF8.GetByteCount(part) > 255))
            throw Refuse(field, $"'{Shorten(path)}' has a component of more than 255 bytes", "give shorter names");
    }

    /// <summary>Refuses system folders. Also to be asked of what a path resolves to.</summary>
    public static void CheckPlace(string field, string path)
    {
        var closed = ClosedFolders.FirstOrDefault(folder => path == folder) ?? ClosedTrees.FirstOrDefault(tree => IsWithin(path, tree));
        if (closed is not null)
        {
            throw Refuse(
                field,
                path == closed ? $"'{path}' is a system folder" : $"'{Shorten(path)}' lies in the system folder {closed}",
                "give a folder made for volumes, such as /mnt/NAME, /srv/NAME or one below /var/lib/kubelet");
        }
    }

    /// <summary>The path is the tree's root, or below it.</summary>
    public static bool IsWithin(string path, string tree) =>
        path.StartsWith(tree, StringComparison.Ordinal) && (path.Length == tree.Length || tree == "/" || path[tree.Length] == '/');

    public static StorageException Refuse(string field, string fact, string remedy) =>
        new(StorageError.InvalidArgument, $"{field} {fact}", remedy);

    /// <summary>Long paths are cut in messages: a gRPC status travels in a header.</summary>
    public static string Shorten(string path) => path.Length <= 200 ? path : $"{path[..200]}…";

    private static bool IsWellFormed(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
                continue;
            if (i + 1 >= text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
                return false;
            i++;
        }

        return true;
    }
}
