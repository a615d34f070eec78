using CsiLocal.Volumes;

namespace CsiLocal.Tools;

/// <summary>The host's own programs, run from a container: its file system, and what lvm and udev speak through.</summary>
/// <remarks>
/// ipc: lvm waits for udev by a System V semaphore, which udev's own process has to see (dmsetup(8), udevcomplete).
/// net: udev is told of events by netlink, which a network namespace divides.
/// </remarks>
internal static class HostNamespaces
{
    /// <summary>What stands before a command that is to run on the host (nsenter(1)).</summary>
    public static readonly IReadOnlyList<string> Prefix = ["nsenter", "--target", "1", "--mount", "--uts", "--ipc", "--net", "--"];

    /// <summary>Refuses where <see cref="Prefix"/> would lead nowhere.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.FailedPrecondition"/>.</exception>
    public static void Require() =>
        Require(SearchPath.Find(Prefix[0]), Namespace("/proc/1/ns/mnt"), Namespace("/proc/self/ns/mnt"));

    internal static void Require(string? program, string? hosts, string? own)
    {
        if (program is null)
            throw Refused($"{Prefix[0]} not found in {SearchPath.Text}", "apt-get install util-linux in the container's image");
        if (hosts is null)
            throw Refused("/proc/1/ns/mnt cannot be read", "run the container privileged");
        if (hosts == own)
        {
            throw Refused(
                "process 1 has this daemon's own file system: it is not the host's, or this is the host",
                "give the container the host's process ids (hostPID: true); on the host itself choose own");
        }
    }

    // "mnt:[4026531840]"; null where the kernel does not say it to this process.
    private static string? Namespace(string path) => new FileInfo(path).LinkTarget;

    private static StorageException Refused(string fact, string remedy) =>
        new(StorageError.FailedPrecondition, $"host-tools nsenter: {fact}", remedy);
}
