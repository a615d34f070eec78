using System.Globalization;
using CsiLocal.Configuration;

namespace CsiLocal.Backends.Lvm;

/// <summary>Layouts of thick volumes as options of lvcreate (lvmraid(7)).</summary>
internal static class LvmLayouts
{
    /// <remarks>
    /// Never --nosync: parity of RAID 5 and 6 that was not computed once makes the first repair of a block write garbage, and copies of RAID
    /// 1 and 10 that differ where nothing was written read differently from time to time, which breaks checksumming file systems and every scrub.
    /// The volume can be used while it synchronises.
    /// For --alloc cling see <see cref="StayApart"/>.
    /// </remarks>
    public static IReadOnlyList<string> Of(ThickVolume volume)
    {
        var options = volume.Options;
        IReadOnlyList<string> layout = options.Layout switch
        {
            LvmLayout.Linear => ["--type", "linear"],
            LvmLayout.Striped => ["--type", "striped", .. Stripes(volume.Stripes, options.StripeSizeBytes)],
            LvmLayout.Raid1 => ["--type", "raid1", .. Mirrors(options.Copies)],
            LvmLayout.Raid5 => ["--type", "raid5", .. Stripes(volume.Stripes, options.StripeSizeBytes)],
            LvmLayout.Raid6 => ["--type", "raid6", .. Stripes(volume.Stripes, options.StripeSizeBytes)],
            LvmLayout.Raid10 => ["--type", "raid10", .. Stripes(volume.Stripes, options.StripeSizeBytes), .. Mirrors(options.Copies)],
            _ => throw new ArgumentOutOfRangeException(nameof(volume), options.Layout, null),
        };
        if (IsRaid(options.Layout))
            layout = [.. layout, .. StayApart];
        return options.Integrity && IsRaid(options.Layout) ? [.. layout, "--raidintegrity", "y"] : layout;
    }

    /// <summary>Each image of a RAID volume stays on the device where it begins.</summary>
    /// <remarks>
    /// By its default (--alloc normal) lvm 2.03.16 goes on wherever there is room, and puts parts of two images on one device: raid1 of 700 MiB on
    /// devices with 620, 620 and 1020 MiB free had both its copies on the third. Such a volume does not survive the loss of that device. Tried in the microVM.
    /// </remarks>
    public static IReadOnlyList<string> StayApart => ["--alloc", "cling"];

    public static bool IsRaid(LvmLayout layout) => layout is LvmLayout.Raid1 or LvmLayout.Raid5 or LvmLayout.Raid6 or LvmLayout.Raid10;

    /// <param name="count">Data stripes; lvm adds those for parity or copies.</param>
    public static IReadOnlyList<string> Stripes(int count, long? sizeBytes)
    {
        IReadOnlyList<string> stripes = ["--stripes", count.ToString(CultureInfo.InvariantCulture)];
        return sizeBytes is { } size ? [.. stripes, "--stripesize", LvmArguments.Bytes(size)] : stripes;
    }

    // lvm counts the copies beside the first.
    private static string[] Mirrors(int copies) => ["--mirrors", (copies - 1).ToString(CultureInfo.InvariantCulture)];
}
