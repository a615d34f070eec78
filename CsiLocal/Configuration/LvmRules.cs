using System.Globalization;
using CsiLocal.Volumes;

namespace CsiLocal.Configuration;

/// <summary>What the options of LVM pools must look like, alone and together. Each answers what is wrong and what to write, or null.</summary>
/// <remarks>Limits are those of lvm(8), lvcreate(8), lvmraid(7) and lvmthin(7), LVM 2.03.</remarks>
internal static class LvmRules
{
    // A device-mapper name has at most 127 characters. It is VG-LV with each dash doubled, and an ending of LVM's own, of which the
    // longest is that of RAID with integrity (_rimage_00_imeta). So 64 characters are free for the group.
    private const int MaxGroupName = 64;
    private const int MaxThinPoolName = 127 - MaxGroupName - 1 - 16;

    private const int MaxStripes = 128;
    private const int MaxCopies = 10;

    private const long MinStripe = 4L << 10;

    // A stripe is at most as large as an extent, which has 4 MiB unless somebody chose otherwise.
    private const long MaxStripe = 4L << 20;

    private const long ChunkUnit = 64L << 10;
    private const long MaxChunk = 1L << 30;
    private const long MinThinMetadata = 2L << 20;

    // The kernel's own end is at 15.81 GiB (lvmthin(7)).
    private const long MaxThinMetadata = 15L << 30;

    private static readonly string[] ReservedInNames =
    [
        "_cdata", "_cmeta", "_corig", "_cpool", "_cvol", "_imeta", "_iorig", "_mimage", "_mlog", "_pmspare", "_rimage", "_rmeta",
        "_tdata", "_tmeta", "_vdata", "_vorigin", "_wcorig",
    ];

    public static string? VolumeGroupName(string name) => NameProblem(name, "a volume group", MaxGroupName);

    public static string? ThinPoolName(string name)
    {
        if (NameProblem(name, "a thin pool", MaxThinPoolName) is { } problem)
            return problem;
        if (name.StartsWith("snapshot", StringComparison.Ordinal) || name.StartsWith("pvmove", StringComparison.Ordinal)
            || ReservedInNames.Any(part => name.Contains(part, StringComparison.Ordinal)))
        {
            return $"{OptionText.Quote(name)} is a name that LVM keeps for itself; choose another one";
        }

        return VolumeId.TryParse(name, out _) || SnapshotId.TryParse(name, out _)
            ? $"{OptionText.Quote(name)} has the form of a volume's id; choose another name"
            : null;
    }

    /// <summary>A pattern of devices: below /dev, and one that does not name all there are.</summary>
    public static string? DeviceGlob(string glob)
    {
        if (OptionRules.AbsolutePath(glob) is { } problem)
            return problem;
        var parts = glob.Split('/');
        if (parts.Length < 3 || parts[1] != "dev")
            return $"{OptionText.Quote(glob)} does not lie below /dev; write a pattern such as /dev/disk/by-id/nvme-*";
        if (parts.Skip(1).Any(static part => part is "" or "."))
            return $"{OptionText.Quote(glob)} has an empty part; write single slashes and no '.'";
        return parts[2][0] is '*' or '?' or '['
            ? $"{OptionText.Quote(glob)} is a pattern of all devices; begin with what they have in common, such as /dev/disk/by-id/nvme-*"
            : null;
    }

    public static string? Stripes(int stripes) => stripes is >= 1 and <= MaxStripes ? null : OutOfRange(stripes, 1, MaxStripes);

    public static string? Copies(int copies) => copies is >= 2 and <= MaxCopies ? null : OutOfRange(copies, 2, MaxCopies);

    public static string? StripeSize(long bytes) => bytes is >= MinStripe and <= MaxStripe && long.IsPow2(bytes)
        ? null
        : $"{ByteSize.Format(bytes)} cannot be; write a power of two from 4Ki to 4Mi, such as 64Ki";

    public static string? ChunkSize(long bytes) => bytes is >= ChunkUnit and <= MaxChunk && bytes % ChunkUnit == 0
        ? null
        : $"{ByteSize.Format(bytes)} cannot be; write a multiple of 64Ki, at most 1Gi";

    public static string? ThinMetadataSize(long bytes) => bytes is >= MinThinMetadata and <= MaxThinMetadata
        ? null
        : $"{ByteSize.Format(bytes)} cannot be; write 2Mi to 15Gi, or remove it for a size that fits";

    public static string? ThinPoolSize(ThinPoolSize? size) => size switch
    {
        { Percent: { } percent } => Percentage(percent),
        { Bytes: 0 } => "0 bytes hold nothing; write a size such as 100Gi or 80%",
        _ => null,
    };

    public static string? Percentage(int percent) =>
        percent is >= 1 and <= 100 ? null : $"{percent.ToString(CultureInfo.InvariantCulture)}% is out of range; write 1% to 100%";

    /// <summary>What must hold between the options of a thick pool.</summary>
    public static void CheckThick(OptionReader options, LvmPoolOptions pool)
    {
        var layout = pool.Layout.ToString().ToLowerInvariant();
        var (least, most) = StripeRange(pool.Layout);
        if (most == 0)
        {
            Refuse("stripes", "no stripes", "striped, raid5, raid6 or raid10");
            Refuse("stripeSize", "no stripes", "striped, raid5, raid6 or raid10");
        }
        else if (pool.Stripes is { } stripes && (stripes < least || stripes > most))
        {
            options.Report("stripes", $"{layout} has {Range(least, most)} data stripes, not {stripes.ToString(CultureInfo.InvariantCulture)}");
        }

        if (pool.Layout is not (LvmLayout.Raid1 or LvmLayout.Raid10))
            Refuse("copies", "no copies", "raid1 or raid10");
        else if (pool is { Layout: LvmLayout.Raid10, Copies: > 2 })
            options.Report("copies", "LVM's raid10 has 2 copies; write 2, or choose layout raid1");

        if (pool.Integrity && pool.Layout is LvmLayout.Linear or LvmLayout.Striped)
            options.Report("integrity", $"a {layout} volume could find damage and not heal it; remove it, or choose a raid layout");
        else if (pool is { Integrity: true, SnapshotReservePercent: not null })
            options.Report("snapshotReserve", "LVM has no snapshots of RAID volumes with integrity; remove one of the two");

        void Refuse(string key, string lack, string layouts)
        {
            if (options.Has(key))
                options.Report(key, $"layout {layout} has {lack}; remove it, or choose {layouts}");
        }
    }

    /// <summary>What must hold between the options of a thin pool.</summary>
    public static void CheckThin(OptionReader options, LvmPoolOptions pool)
    {
        foreach (var key in (ReadOnlySpan<string>)["thinMetadataSize", "chunkSize", "stripes", "stripeSize"])
        {
            if (options.Has(key) && !options.Has("thinPoolSize"))
                options.Report(key, "says how the thin pool is made, and without thinPoolSize it is not made; add that, or remove this");
        }

        if (pool.StripeSizeBytes is not null && pool.Stripes is null or 1)
            options.Report("stripeSize", "there is one stripe; add stripes, or remove it");

        // 100%: never extended.
        if (pool.ExtendAtPercent < 100 && pool.ExtendAtPercent >= pool.StopAtPercent)
        {
            options.Report(
                options.Has("extendAt") ? "extendAt" : "stopAt",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"the pool would stop at {pool.StopAtPercent}%, before it is extended at {pool.ExtendAtPercent}%; "
                    + $"write an extendAt below stopAt, or 100% to extend it never"));
        }
    }

    // Data stripes, by the kernel's limit of 64 images of a RAID volume; 0: none.
    private static (int Least, int Most) StripeRange(LvmLayout layout) => layout switch
    {
        LvmLayout.Linear or LvmLayout.Raid1 => (0, 0),
        LvmLayout.Striped => (2, MaxStripes),
        LvmLayout.Raid5 => (2, 63),
        LvmLayout.Raid6 => (3, 62),
        LvmLayout.Raid10 => (2, 32),
        _ => throw new ArgumentOutOfRangeException(nameof(layout), layout, null),
    };

    private static string? NameProblem(string name, string what, int maxLength)
    {
        var length = name.Length + name.Count(static c => c == '-');
        if (length > maxLength)
            return string.Create(CultureInfo.InvariantCulture, $"{length} characters, each '-' counted twice; at most {maxLength} are possible");

        var fits = name.Length > 0
            && name[0] != '-'
            && name is not ("." or "..")
            && name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '+' or '_' or '.' or '-');
        return fits
            ? null
            : $"{OptionText.Quote(name)} is not a name of {what}; write letters, digits, '+', '_', '.' and '-', not beginning with '-'";
    }

    private static string OutOfRange(int value, int least, int most) =>
        string.Create(CultureInfo.InvariantCulture, $"{value} is out of range; write {Range(least, most)}");

    private static string Range(int least, int most) => string.Create(CultureInfo.InvariantCulture, $"{least} to {most}");
}
