namespace CsiLocal.Backends.Lvm;

/// <summary>How LVM names its devices in the kernel (lvm2, lib/misc/lvm-string.c and lib/activate/dev_manager.c). Pure.</summary>
internal static class DmNames
{
    private const string Prefix = "LVM-";
    private const int UuidLength = 32;

    // id_write_format: groups of 6, 4, 4, 4, 4, 4 and 6 characters.
    private static readonly int[] GroupEnds = [6, 10, 14, 18, 22, 26];

    /// <summary>Name of the device of a logical volume: what is between group and volume is a dash, so theirs are doubled.</summary>
    public static string Of(string group, string volume) =>
        $"{group.Replace("-", "--", StringComparison.Ordinal)}-{volume.Replace("-", "--", StringComparison.Ordinal)}";

    /// <summary>UUID of the logical volume whose own device has this UUID; null where it is no volume of that group, or one of its hidden layers.</summary>
    /// <param name="groupUuid">As LVM prints it, with dashes.</param>
    public static string? VolumeUuid(string deviceUuid, string groupUuid)
    {
        var start = Prefix + groupUuid.Replace("-", "", StringComparison.Ordinal);
        if (start.Length != Prefix.Length + UuidLength || deviceUuid.Length != start.Length + UuidLength
            || !deviceUuid.StartsWith(start, StringComparison.Ordinal))
        {
            return null;
        }

        var text = deviceUuid[start.Length..];
        for (var i = GroupEnds.Length - 1; i >= 0; i--)
            text = text.Insert(GroupEnds[i], "-");
        return text;
    }

    /// <summary>UUID of the device of a logical volume; both given as LVM prints them.</summary>
    public static string UuidOf(string groupUuid, string volumeUuid) =>
        Prefix + groupUuid.Replace("-", "", StringComparison.Ordinal) + volumeUuid.Replace("-", "", StringComparison.Ordinal);
}
