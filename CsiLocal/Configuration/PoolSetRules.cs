using System.Globalization;

namespace CsiLocal.Configuration;

/// <summary>What must hold between pools.</summary>
internal static class PoolSetRules
{
    /// <summary>Reports equal names, overlapping paths, and LVM objects that two pools would fight for. Wrong entries take part with what could be read of them.</summary>
    public static void Check(IReadOnlyList<PoolDraft> drafts)
    {
        for (var i = 0; i < drafts.Count; i++)
        {
            for (var j = 0; j < i; j++)
                Compare(drafts[i], drafts[j]);
        }
    }

    /// <summary>What is wrong with the default pool's name, or null.</summary>
    public static string? CheckDefault(string name, IReadOnlyList<PoolDraft> drafts)
    {
        var names = drafts.Select(draft => draft.Name).OfType<string>().ToList();
        return names.Contains(name) ? null : $"there is no pool {OptionText.Quote(name)}{Suggestion.DidYouMean(name, names)}";
    }

    // Two pools in one folder would take each other's files for orphans. Only what is written is compared: where symbolic
    // links make two paths one, the pool's marker file tells.
    private static void Compare(PoolDraft later, PoolDraft earlier)
    {
        if (later.Name is not null && later.Name == earlier.Name)
            later.Options.Report("name", $"'{later.Name}' is also the name of {Describe(earlier, "name")}");
        CompareGroups(later, earlier);
        if (later.Path is null || earlier.Path is null)
            return;
        if (later.Path == earlier.Path)
            later.Options.Report("path", $"'{later.Path}' is also the path of {Describe(earlier, "path")}");
        else if (OptionRules.IsWithin(later.Path, earlier.Path))
            later.Options.Report("path", $"'{later.Path}' lies within '{earlier.Path}', the path of {Describe(earlier, "path")}");
        else if (OptionRules.IsWithin(earlier.Path, later.Path))
            later.Options.Report("path", $"'{later.Path}' holds '{earlier.Path}', the path of {Describe(earlier, "path")}");
    }

    // Thick pools may share a volume group, whatever their layouts, and thin pools may lie beside them: each volume's tags say
    // whose it is. A thin pool has one set of thresholds and one promise of space. A blank disk goes to one volume group.
    private static void CompareGroups(PoolDraft later, PoolDraft earlier)
    {
        if (later.Lvm is not { } mine || earlier.Lvm is not { } other)
            return;
        if (mine.VolumeGroup != other.VolumeGroup)
        {
            foreach (var glob in mine.Devices.Items.Intersect(other.Devices.Items))
            {
                later.Options.Report(
                    "devices",
                    $"'{glob}' is also among the devices of {Describe(earlier, "devices")}, for volume group '{other.VolumeGroup}'; "
                    + "name each disk for one volume group");
            }
        }
        else if (mine.ThinPool is { } thinPool && thinPool == other.ThinPool)
        {
            later.Options.Report(
                "thinPool", $"'{mine.VolumeGroup}/{thinPool}' is also the thin pool of {Describe(earlier, "thinPool")}");
        }
    }

    private static string Describe(PoolDraft draft, string key) =>
        string.Create(CultureInfo.InvariantCulture, $"{draft.Options.PathOf("")[..^1]} in line {draft.Options.Find(key)!.Line}");
}
