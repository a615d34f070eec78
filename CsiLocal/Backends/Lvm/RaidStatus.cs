namespace CsiLocal.Backends.Lvm;

/// <summary>How one image of a RAID volume is.</summary>
internal enum RaidImage
{
    /// <summary>A: alive and in sync.</summary>
    InSync,

    /// <summary>a: alive, being filled.</summary>
    Syncing,

    /// <summary>D: dead.</summary>
    Failed,

    /// <summary>-: there is no device for it.</summary>
    Missing,
}

/// <summary>Status of a raid target.</summary>
/// <param name="Type">"raid1", "raid5_ls", "raid6_zr", "raid10" …</param>
/// <param name="Images">One after the other.</param>
/// <param name="DoneSectors">How far the action is; where there is none, how far it is in sync.</param>
/// <param name="TotalSectors">Of how much.</param>
/// <param name="Action">idle, frozen, resync, recover, check, repair, reshape.</param>
/// <param name="Mismatches">Sectors that the last check found to differ.</param>
/// <seealso href="https://docs.kernel.org/admin-guide/device-mapper/dm-raid.html"/>
internal sealed record RaidStatus(
    string Type, IReadOnlyList<RaidImage> Images, long DoneSectors, long TotalSectors, string Action, long Mismatches)
{
    /// <summary>All living images hold the same: it was synced once, and what the action goes through now is only read or mended.</summary>
    public bool IsInSync => Count(RaidImage.Syncing) == 0 && (DoneSectors == TotalSectors || Action is "check" or "repair");

    public double DonePercent => TargetStatus.Percent(DoneSectors, TotalSectors);

    /// <summary>Images that are dead or not there.</summary>
    public int Failed => Count(RaidImage.Failed) + Count(RaidImage.Missing);

    /// <summary>How many images may fail before data is lost, whichever they are.</summary>
    public int Redundancy => Type switch
    {
        "raid0" or "raid0_meta" => 0,
        "raid1" => Images.Count - 1,
        _ => Type.StartsWith("raid6", StringComparison.Ordinal) ? 2 : 1,
    };

    /// <exception cref="FormatException">Not the status of a RAID volume.</exception>
    public static RaidStatus Parse(string parameters)
    {
        // dm-raid.c, raid_status; version 1.5 of the target added action and mismatches, later ones two more words.
        var words = new TargetStatus("raid", parameters);
        var (done, total) = words.Ratio(3);
        var images = new List<RaidImage>();
        foreach (var c in words[2])
        {
            images.Add(c switch
            {
                'A' => RaidImage.InSync,
                'a' => RaidImage.Syncing,
                'D' => RaidImage.Failed,
                '-' => RaidImage.Missing,
                _ => throw words.Unreadable(),
            });
        }

        return images.Count == words.Number(1)
            ? new RaidStatus(words[0], images, done, total, words.Count > 4 ? words[4] : "idle", words.Count > 5 ? words.Number(5) : 0)
            : throw words.Unreadable();
    }

    private int Count(RaidImage wanted)
    {
        var count = 0;
        foreach (var image in Images)
            count += image == wanted ? 1 : 0;
        return count;
    }
}
