namespace CsiLocal.Backends.Lvm;

/// <summary>Bit 1 of lv_attr.</summary>
internal enum LvType
{
    Normal, Cache, Mirrored, MirroredUnsynced, Origin, OriginMerging, Raid, RaidUnsynced, Snapshot, SnapshotMerging, PvMove, Virtual,
    Image, ImageUnsynced, MirrorLog, UnderConversion, Thin, ThinPool, ThinPoolData, VdoPool, VdoPoolData, MetadataOrSpare, Integrity,

    /// <summary>A letter that lvs(8) of LVM 2.03 does not have: none of ours, since those are none of the new kind.</summary>
    Unknown,
}

/// <summary>Bit 5 of lv_attr.</summary>
internal enum LvState
{
    Inactive, Active, Suspended, InvalidSnapshot, InvalidSuspendedSnapshot, SnapshotMergeFailed, SuspendedSnapshotMergeFailed,
    PresentWithoutTables, PresentWithInactiveTable, Historical, CheckNeeded, SuspendedCheckNeeded, Unknown,
}

/// <summary>Bit 9 of lv_attr.</summary>
internal enum LvHealth
{
    Ok, Partial, RefreshNeeded, Mismatches, WriteMostly, Reshaping, RemoveAfterReshape, Failed, OutOfData, MetadataReadOnly,
    WriteCacheError, Unknown,
}

/// <summary>lv_attr (lvs(8)), decoded.</summary>
/// <param name="IsOpen">Also where LVM cannot tell ("X"): what may be in use is treated as in use.</param>
internal sealed record LvAttributes(LvType Type, LvState State, LvHealth Health, bool IsWritable, bool IsOpen, bool SkipsActivation)
{
    // lvs(8), NOTES; (g) and the order of precedence: lib/metadata/lv.c, lv_attr_dup_with_info_and_seg_status.
    private const string Types = "-CmMoOrRsSpviIlcVtTdDeg";
    private const string States = "-asISmMdihcCX";
    private const string Healths = "-prmwsRFDMEX";

    public bool IsActive => State is not (LvState.Inactive or LvState.Historical or LvState.PresentWithoutTables or LvState.PresentWithInactiveTable);

    /// <summary>Decodes the ten characters. Letters of a later LVM are <c>Unknown</c>: one strange volume must not hide all others.</summary>
    /// <exception cref="FormatException">Not ten characters, or another character than a letter or a dash.</exception>
    public static LvAttributes Parse(string text)
    {
        if (text.Length < 10)
            throw new FormatException($"lv_attr is '{text}', not ten characters");

        foreach (var c in text)
        {
            if (c != '-' && !char.IsAsciiLetter(c))
                throw new FormatException($"lv_attr is '{text}', which has a '{c}'");
        }

        return new LvAttributes(TypeOf(text[0]), StateOf(text[4]), HealthOf(text[8]), text[1] == 'w', text[5] is 'o' or 'X', text[9] == 'k');
    }

    // The enums have the order of the letters above: a switch of as many arms says the same three times as long.
    private static LvType TypeOf(char c) => Types.IndexOf(c) is >= 0 and var index ? (LvType)index : LvType.Unknown;

    private static LvState StateOf(char c) => States.IndexOf(c) is >= 0 and var index ? (LvState)index : LvState.Unknown;

    private static LvHealth HealthOf(char c) => Healths.IndexOf(c) is >= 0 and var index ? (LvHealth)index : LvHealth.Unknown;
}
