using System.Collections.Frozen;
using CsiLocal.Volumes;

namespace CsiLocal.Filesystems;

/// <summary>The mkfs options that a StorageClass may give: an allow-list, since they reach mkfs as root.</summary>
/// <remarks>
/// Not on it: what names another device or file (<c>-J device=</c>, <c>-l logdev=</c>, <c>-r rtdev=</c>, <c>-d name=</c>, <c>-p</c>, <c>-d</c> of
/// mke2fs), what the driver sets itself (UUID, label, size, force), and what makes no mountable file system (<c>-O journal_dev</c>, <c>-n</c>).
/// Sources: mke2fs(8) and ext4(5) 1.47, mkfs.xfs(8) 6.1, mkfs.btrfs(8) 6.2.
/// </remarks>
internal static class MkfsOptions
{
    private const string Field = "parameters[mkfsOptions]";

    private static readonly AllowedValue Flag = AllowedValue.OneOf("0", "1");

    private static readonly FrozenDictionary<string, AllowedValue> Ext4 = new Dictionary<string, AllowedValue>
    {
        ["-b"] = AllowedValue.OneOf("1024", "2048", "4096"),
        ["-i"] = AllowedValue.Number(1024, 67_108_864), // EXT2_MIN_BLOCK_SIZE to 1024 * EXT2_MAX_BLOCK_SIZE
        ["-I"] = AllowedValue.OneOf("128", "256", "512", "1024", "2048", "4096"),
        ["-m"] = AllowedValue.Percent(50),
        ["-N"] = AllowedValue.Number(1, uint.MaxValue),
        ["-O"] = AllowedValue.Features(
            "64bit", "bigalloc", "casefold", "dir_index", "dir_nlink", "ea_inode", "encrypt", "ext_attr", "extent", "extents", "extra_isize",
            "fast_commit", "filetype", "flex_bg", "has_journal", "huge_file", "inline_data", "large_dir", "large_file", "meta_bg",
            "metadata_csum", "metadata_csum_seed", "orphan_file", "project", "quota", "resize_inode", "sparse_super", "sparse_super2",
            "stable_inodes", "uninit_bg", "verity"),
        ["-E"] = AllowedValue.Pairs(
            new("lazy_itable_init", Flag),
            new("lazy_journal_init", Flag),
            new("stride", AllowedValue.Number(1, uint.MaxValue)),
            new("stripe_width", AllowedValue.Number(1, uint.MaxValue)),
            new("stripe-width", AllowedValue.Number(1, uint.MaxValue)),
            new("packed_meta_blocks", Flag),
            new("num_backup_sb", AllowedValue.OneOf("0", "1", "2")),
            new("discard", null),
            new("nodiscard", null)),
        ["-J"] = AllowedValue.Pairs(new AllowedOption("size", AllowedValue.Number(1, 40_960_000))), // MiB, mke2fs(8) -J
        ["-T"] = AllowedValue.OneOf("default", "floppy", "small", "big", "huge", "news", "largefile", "largefile4"),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, AllowedValue> Xfs = new Dictionary<string, AllowedValue>
    {
        ["-b"] = AllowedValue.Pairs(new AllowedOption("size", AllowedValue.OneOf("1024", "2048", "4096", "1k", "2k", "4k"))),
        ["-i"] = AllowedValue.Pairs(
            new("size", AllowedValue.OneOf("512", "1024", "2048", "1k", "2k")),
            new("maxpct", AllowedValue.Number(0, 100)),
            new("sparse", Flag),
            new("nrext64", Flag)),
        ["-l"] = AllowedValue.Pairs(new AllowedOption("size", AllowedValue.Size("bkmg"))),
        ["-n"] = AllowedValue.Pairs(new AllowedOption("size", AllowedValue.OneOf("4096", "8192", "16384", "32768", "65536", "4k", "8k", "16k", "32k", "64k"))),
        ["-d"] = AllowedValue.Pairs(
            new("su", AllowedValue.Size("bkmg")),
            new("sw", AllowedValue.Number(1, 65_535)),
            new("agcount", AllowedValue.Number(1, 1_000_000))),
        ["-m"] = AllowedValue.Pairs(new AllowedOption("reflink", Flag), new("rmapbt", Flag), new("bigtime", Flag), new("inobtcount", Flag), new("finobt", Flag)),
        ["-s"] = AllowedValue.Pairs(new AllowedOption("size", AllowedValue.OneOf("512", "1024", "2048", "4096", "1k", "2k", "4k"))),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, AllowedValue> Btrfs = new Dictionary<string, AllowedValue>
    {
        ["-n"] = AllowedValue.OneOf("4096", "8192", "16384", "32768", "65536", "4k", "8k", "16k", "32k", "64k"),
        ["-s"] = AllowedValue.OneOf("4096", "16384", "65536", "4k", "16k", "64k"),
        ["-O"] = AllowedValue.Features("block-group-tree", "extref", "free-space-tree", "mixed-bg", "no-holes", "quota", "skinny-metadata", "squota"),
        ["-d"] = AllowedValue.OneOf("single"),
        ["-m"] = AllowedValue.OneOf("single", "dup"),
        ["--csum"] = AllowedValue.OneOf("crc32c", "xxhash", "sha256", "blake2"),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The arguments for mkfs: each option and its value, in the order given.</summary>
    /// <param name="filesystem">Whose mkfs.</param>
    /// <param name="text">Options and values separated by blanks; there is no quoting. A value may follow its option directly (<c>-m0</c>, <c>--csum=xxhash</c>).</param>
    /// <exception cref="StorageException">InvalidArgument, naming the option and what is allowed.</exception>
    public static IReadOnlyList<string> Parse(FilesystemType filesystem, string text)
    {
        var allowed = AllowedBy(filesystem);
        var words = text.Split([' ', '\t', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries);
        var arguments = new List<string>();
        for (var i = 0; i < words.Length; i++)
        {
            var (option, value) = Cut(words[i], allowed);
            if (!allowed.TryGetValue(option, out var form))
                throw Refuse($"'{AllowedValue.Printable(words[i])}' is not allowed for {Name(filesystem)}", $"allowed are {Describe(allowed)}");

            if (arguments.Contains(option))
                throw Refuse($"{option} is given twice", "give it once");

            value ??= ++i < words.Length ? words[i] : throw Refuse($"{option} has no value", $"give one of {form.Text}");
            if (!form.Accepts(value))
                throw Refuse($"{option} '{AllowedValue.Printable(value)}' is not allowed for {Name(filesystem)}", $"allowed is {option} {form.Text}");

            arguments.Add(option);
            arguments.Add(value);
        }

        return arguments;
    }

    private static (string Option, string? Value) Cut(string word, FrozenDictionary<string, AllowedValue> allowed)
    {
        if (word.StartsWith("--", StringComparison.Ordinal))
            return word.Split('=', 2) is [var name, var value] ? (name, value) : (word, null);

        return word.Length > 2 && allowed.ContainsKey(word[..2]) ? (word[..2], word[2..]) : (word, null);
    }

    private static FrozenDictionary<string, AllowedValue> AllowedBy(FilesystemType filesystem) => filesystem switch
    {
        FilesystemType.Ext4 => Ext4,
        FilesystemType.Xfs => Xfs,
        FilesystemType.Btrfs => Btrfs,
        _ => throw new ArgumentOutOfRangeException(nameof(filesystem), filesystem, null),
    };

    private static string Name(FilesystemType filesystem) => filesystem.ToString().ToLowerInvariant();

    private static string Describe(FrozenDictionary<string, AllowedValue> allowed) =>
        string.Join("; ", allowed.Keys.Order(StringComparer.Ordinal).Select(option => $"{option} {allowed[option].Text}"));

    private static StorageException Refuse(string fact, string remedy) => new(StorageError.InvalidArgument, $"{Field}: {fact}", remedy);
}
