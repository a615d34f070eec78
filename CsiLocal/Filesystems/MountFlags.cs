using System.Collections.Frozen;
using CsiLocal.Volumes;

namespace CsiLocal.Filesystems;

/// <summary>The mount flags that a request may give: an allow-list, since they reach mount(8) as root.</summary>
/// <remarks>
/// Not on it: what changes the kind of mount (<c>bind</c>, <c>move</c>, <c>remount</c>, <c>loop</c>, <c>offset=</c>), what runs programs or acts in user space
/// (<c>helper=</c>, <c>x-*</c>, <c>user</c>), what names another device or folder (<c>device=</c>, <c>logdev=</c>, <c>subvol=</c>), what skips recovery or the
/// checks of identity (<c>norecovery</c>, <c>nouuid</c>, <c>degraded</c>), what may take the node down (<c>errors=panic</c>), and all that changes owners.
/// Sources: mount(8) 2.38, ext4(5), xfs(5), btrfs(5).
/// </remarks>
internal static class MountFlags
{
    private const string Field = "volume_capability.mount.mount_flags";

    private static readonly AllowedValue Flag = AllowedValue.OneOf("0", "1");
    private static readonly AllowedValue Count = AllowedValue.Number(0, int.MaxValue);

    /// <summary>What a mount has by itself, so that a bind mount honours it; all others belong to the file system as a whole.</summary>
    public static readonly FrozenSet<string> PerMount = FrozenSet.Create(
        StringComparer.Ordinal,
        "ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime", "strictatime", "nosymfollow");

    // Values: null for a bare flag.
    private static readonly AllowedOption[] Generic =
    [
        .. PerMount.Order(StringComparer.Ordinal).Select(Bare),
        .. Bare("rw", "suid", "dev", "exec", "atime", "diratime", "norelatime", "nostrictatime"),
        .. Bare("async", "sync", "dirsync", "lazytime", "nolazytime", "iversion", "noiversion", "silent", "loud"),
    ];

    private static readonly AllowedOption[] Ext4 =
    [
        .. Bare("acl", "noacl", "user_xattr", "nouser_xattr", "bsddf", "minixdf", "grpid", "nogrpid", "bsdgroups", "sysvgroups"),
        .. Bare("quota", "noquota", "usrquota", "grpquota", "prjquota", "barrier", "nobarrier", "delalloc", "nodelalloc"),
        .. Bare("journal_checksum", "nojournal_checksum", "journal_async_commit", "auto_da_alloc", "noauto_da_alloc"),
        .. Bare("init_itable", "noinit_itable", "discard", "nodiscard", "block_validity", "noblock_validity", "i_version"),
        .. Bare("dioread_lock", "dioread_nolock", "nombcache"),
        new("errors", AllowedValue.OneOf("continue", "remount-ro")),
        new("data", AllowedValue.OneOf("journal", "ordered", "writeback")),
        new("data_err", AllowedValue.OneOf("ignore", "abort")),
        new("barrier", Flag),
        new("commit", AllowedValue.Number(0, 86_400)),
        new("inode_readahead_blks", Count),
        new("stripe", Count),
        new("max_batch_time", Count),
        new("min_batch_time", Count),
        new("journal_ioprio", AllowedValue.Number(0, 7)),
        new("auto_da_alloc", Flag),
        new("init_itable", Count),
        new("max_dir_size_kb", Count),
        new("mb_optimize_scan", Flag),
    ];

    private static readonly AllowedOption[] Xfs =
    [
        .. Bare("discard", "nodiscard", "grpid", "nogrpid", "bsdgroups", "sysvgroups", "filestreams", "ikeep", "noikeep", "inode32", "inode64"),
        .. Bare("largeio", "nolargeio", "noalign", "swalloc", "wsync", "noquota", "uquota", "usrquota", "quota", "uqnoenforce", "qnoenforce"),
        .. Bare("gquota", "grpquota", "gqnoenforce", "pquota", "prjquota", "pqnoenforce"),
        new("allocsize", AllowedValue.Size("kmg")),
        new("logbufs", AllowedValue.Number(2, 8)),
        new("logbsize", AllowedValue.OneOf("0", "16384", "32768", "65536", "131072", "262144", "16k", "32k", "64k", "128k", "256k")),
        new("sunit", Count),
        new("swidth", Count),
    ];

    private static readonly AllowedValue Compression = new(
        "no|lzo|zlib[:1..9]|zstd[:1..15]",
        static value => value is "no" or "none" or "lzo" || value.Split(':') switch
        {
            ["zlib" or "zstd"] => true,
            ["zlib", var level] => AllowedValue.Number(1, 9).Accepts(level),
            ["zstd", var level] => AllowedValue.Number(1, 15).Accepts(level),
            _ => false,
        });

    private static readonly AllowedOption[] Btrfs =
    [
        .. Bare("acl", "noacl", "autodefrag", "noautodefrag", "barrier", "nobarrier", "compress", "compress-force", "datacow", "nodatacow"),
        .. Bare("datasum", "nodatasum", "discard", "nodiscard", "flushoncommit", "noflushoncommit", "ssd", "nossd", "ssd_spread", "nossd_spread"),
        .. Bare("skip_balance", "treelog", "notreelog", "user_subvol_rm_allowed", "enospc_debug", "noenospc_debug"),
        new("commit", AllowedValue.Number(1, 86_400)),
        new("compress", Compression),
        new("compress-force", Compression),
        new("discard", AllowedValue.OneOf("sync", "async")),
        new("max_inline", AllowedValue.Size("kKmMgG")),
        new("metadata_ratio", Count),
        new("space_cache", AllowedValue.OneOf("v2")),
        new("thread_pool", AllowedValue.Number(1, 1024)),
    ];

    /// <summary>The flags in the order given, each once; <c>defaults</c> says nothing and is left out.</summary>
    /// <param name="filesystem">Whose flags are allowed beside the generic ones; null: those of any that a volume may have.</param>
    /// <param name="flags">One flag each.</param>
    /// <exception cref="StorageException">InvalidArgument, naming the flag and what is allowed.</exception>
    public static IReadOnlyList<string> Parse(FilesystemType? filesystem, IEnumerable<string> flags)
    {
        var allowed = AllowedFor(filesystem);
        var found = new List<string>();
        foreach (var flag in flags)
        {
            if (flag == "defaults")
                continue;

            if (!IsAllowed(allowed, flag))
                throw Refuse(flag, filesystem is { } known ? known.ToString().ToLowerInvariant() : "any file system", Describe(allowed));

            if (!found.Contains(flag))
                found.Add(flag);
        }

        return found;
    }

    /// <summary>For a volume that is bound from a folder: a flag of the file system would be ignored there, silently.</summary>
    /// <exception cref="StorageException">InvalidArgument, naming the first flag that is not in <see cref="PerMount"/>.</exception>
    public static void RequirePerMount(IEnumerable<string> flags)
    {
        if (flags.FirstOrDefault(static flag => !PerMount.Contains(flag)) is { } other)
            throw Refuse(other, "a directory volume, which has no file system of its own", string.Join(", ", PerMount.Order(StringComparer.Ordinal)));
    }

    /// <summary>Those that each bind mount takes, and those that only the mount of the file system takes.</summary>
    public static (IReadOnlyList<string> PerMount, IReadOnlyList<string> OfFilesystem) Split(IReadOnlyList<string> flags) =>
        (flags.Where(PerMount.Contains).ToArray(), flags.Where(static flag => !PerMount.Contains(flag)).ToArray());

    private static bool IsAllowed(IReadOnlyList<AllowedOption> allowed, string flag)
    {
        var parts = flag.Split('=', 2);
        return allowed.Any(entry => entry.Name == parts[0] && (entry.Value is null ? parts.Length == 1 : parts.Length == 2 && entry.Value.Accepts(parts[1])));
    }

    private static IReadOnlyList<AllowedOption> AllowedFor(FilesystemType? filesystem) => filesystem switch
    {
        null => [.. Generic, .. Ext4, .. Xfs, .. Btrfs],
        FilesystemType.Ext4 => [.. Generic, .. Ext4],
        FilesystemType.Xfs => [.. Generic, .. Xfs],
        FilesystemType.Btrfs => [.. Generic, .. Btrfs],
        _ => throw new ArgumentOutOfRangeException(nameof(filesystem), filesystem, null),
    };

    private static AllowedOption Bare(string name) => new(name, null);

    private static IEnumerable<AllowedOption> Bare(params string[] names) => names.Select(Bare);

    private static string Describe(IEnumerable<AllowedOption> allowed) =>
        string.Join(", ", allowed.Select(static entry => entry.Value is null ? entry.Name : $"{entry.Name}={entry.Value.Text}").Distinct());

    private static StorageException Refuse(string flag, string where, string allowed) =>
        new(StorageError.InvalidArgument, $"{Field}: '{AllowedValue.Printable(flag)}' is not allowed for {where}", $"allowed are {allowed}");
}
