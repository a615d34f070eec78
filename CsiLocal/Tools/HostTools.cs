using CsiLocal.Volumes;

namespace CsiLocal.Tools;

/// <summary>A program of the host and the Debian package that has it.</summary>
internal sealed record HostTool(string Program, string Package);

/// <summary>Which programs a file system or an image pool needs, and whether they are there.</summary>
internal static class HostTools
{
    private static readonly HostTool[] Common = [new("mount", "mount"), new("umount", "mount"), new("blkid", "util-linux")];

    private static readonly HostTool[] Ext4 =
        [new("mkfs.ext4", "e2fsprogs"), new("e2fsck", "e2fsprogs"), new("resize2fs", "e2fsprogs"), new("tune2fs", "e2fsprogs")];

    private static readonly HostTool[] Xfs = [new("mkfs.xfs", "xfsprogs"), new("xfs_growfs", "xfsprogs"), new("xfs_admin", "xfsprogs")];

    private static readonly HostTool[] Btrfs =
        [new("mkfs.btrfs", "btrfs-progs"), new("btrfs", "btrfs-progs"), new("btrfstune", "btrfs-progs")];

    private static readonly HostTool[] Lvm = [new("lvm", "lvm2")];

    private static readonly HostTool[] Thin = [new("thin_check", "thin-provisioning-tools")];

    private static readonly HostTool[] Loop = [new("losetup", "mount")];

    /// <summary>What staging a volume with this file system runs.</summary>
    public static IReadOnlyList<HostTool> ForFilesystem(FilesystemType type) => type switch
    {
        FilesystemType.Ext4 => [.. Common, .. Ext4],
        FilesystemType.Xfs => [.. Common, .. Xfs],
        FilesystemType.Btrfs => [.. Common, .. Btrfs],
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    /// <summary>What a pool runs, whatever file systems its volumes carry.</summary>
    /// <param name="kind">The pool's backend.</param>
    /// <param name="poolFilesystem">The file system that carries the pool, as in <c>PoolFacts</c>: only btrfs is managed by a tool of its own.</param>
    public static IReadOnlyList<HostTool> ForPool(BackendKind kind, string poolFilesystem) => (kind, poolFilesystem) switch
    {
        (BackendKind.Image, _) => [.. Common, .. Loop],
        (BackendKind.Directory, "btrfs") => [.. Common, .. Btrfs],
        (BackendKind.Directory, _) => Common,
        (BackendKind.Lvm, _) => [.. Common, .. Lvm],
        (BackendKind.LvmThin, _) => [.. Common, .. Lvm, .. Thin],
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    public static IReadOnlyList<HostTool> Missing(IEnumerable<HostTool> tools) =>
        [.. tools.Where(static tool => SearchPath.Find(tool.Program) is null)];

    /// <summary>Refuses where a tool is not there.</summary>
    /// <param name="operation">Operation and id, for the message: "stage volume v…".</param>
    /// <param name="tools">What it needs.</param>
    /// <exception cref="StorageException"><see cref="StorageError.FailedPrecondition"/>: what is missing, and the command that installs it.</exception>
    public static void Require(string operation, IEnumerable<HostTool> tools)
    {
        var missing = Missing(tools);
        if (missing.Count == 0)
            return;

        throw new StorageException(
            StorageError.FailedPrecondition,
            $"{operation}: {string.Join(", ", missing.Select(static tool => tool.Program))} not found in {SearchPath.Text}",
            $"apt-get install {string.Join(' ', missing.Select(static tool => tool.Package).Distinct(StringComparer.Ordinal))}");
    }
}
