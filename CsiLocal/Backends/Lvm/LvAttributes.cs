namespace CsiLocal.Backends.Lvm;

/// <summary>Bit 1 of lv_attr.</summary>
internal enum LvType
{
    Normal, Cache, Mirrored, MirroredUnsynced, Origin, OriginMerging, Raid, RaidUnsynced, Snapshot, SnapshotMerging, PvMove, Virtual,
    Image, ImageUnsynced, MirrorLog, UnderConversion, Thin, ThinPool, ThinPoolData, VdoPool, VdoPoolData, MetadataOrSpare, Integrity,
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
internal sealed record LvAttributes(LvType Type, LvState State, LvHealth Health, bool IsWritable, bool IsOpen, bool SkipsActivation)
{
    public bool IsActive => State is not (LvState.Inactive or LvState.Historical or LvState.PresentWithoutTables or LvState.PresentWithInactiveTable);

    /// <summary>Decodes the ten characters.</summary>
    /// <exception cref="FormatException">Not ten characters, or one that lvs(8) does not know where it matters.</exception>
    public static LvAttributes Parse(string text) => throw new NotImplementedException(text);
}
