using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Records as tags of their logical volume, and back (design §2.2: truth lies with the data).</summary>
/// <remarks>
/// A tag has at most 1024 characters of <c>A-Z a-z 0-9 _ + . - / = ! : &amp; #</c> (lvm(8), TAGS); others are written as <c>#</c> and two
/// hexadecimal digits per UTF-8 byte, long values as several numbered tags. Kept short: all tags of all volumes share one metadata area.
/// </remarks>
internal static class LvTags
{
    /// <summary>The tags of a volume; every field that is not told by the logical volume itself (its size).</summary>
    public static IReadOnlyList<string> Of(VolumeRecord volume) => throw new NotImplementedException(volume.Name);

    public static IReadOnlyList<string> Of(SnapshotRecord snapshot) => throw new NotImplementedException(snapshot.Name);

    /// <summary>Whether any of the tags is ours, readable or not.</summary>
    public static bool AreOurs(IReadOnlyList<string> tags) => throw new NotImplementedException(tags.ToString());

    /// <summary>The volume that the tags describe, with the logical volume's real size; null where the tags are not those of a volume of ours.</summary>
    /// <exception cref="FormatException">Ours, and not readable.</exception>
    public static VolumeRecord? ReadVolume(LogicalVolume volume) => throw new NotImplementedException(volume.Name);

    /// <inheritdoc cref="ReadVolume"/>
    public static SnapshotRecord? ReadSnapshot(LogicalVolume volume) => throw new NotImplementedException(volume.Name);
}
