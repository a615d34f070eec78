using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>The table of <see cref="LvmErrors"/>: the more telling complaint first, since lvm often ends with a vague one.</summary>
/// <remarks>Messages of LVM 2.03.16; TestData/Lvm/errors has them as captured.</remarks>
internal static class LvmRules
{
    private const string MissingRemedy =
        "bring the device back; if it is lost for good: vgreduce --removemissing; if it came back after changes were made without it: vgextend --restoremissing";

    private const string SpaceRemedy = "delete volumes or snapshots, or add a device to the volume group";

    private const string MetadataRemedy =
        "delete volumes or snapshots; a larger metadata area has to be on every device (pvcreate --metadatasize), or the small ones ignored (pvchange --metadataignore y)";

    private const string PoolRemedy = "extend the thin pool (lvextend), or delete volumes or snapshots in it";

    private const string RepairRemedy = "repair it: lvconvert --repair VG/POOL";

    private const string TransactionRemedy =
        "the pool's metadata is not that of the volume group; a person has to look (lvmthin(7), Metadata check and repair)";

    private const string UdevRemedy =
        "udev has to be running, and a container has to share the host's /dev, /run/udev, /run/lock/lvm and IPC namespace";

    private const string ControlRemedy = "the kernel needs dm-mod (modprobe dm-mod), and a container the host's /dev and the right to use it";

    private const string ModuleRemedy = "load the kernel modules: modprobe -a dm-mod dm-thin-pool dm-snapshot dm-raid raid1 raid10 raid456 dm-integrity";

    public static readonly LvmRule[] All =
    [
        Rule(LvmProblem.TooOld, StorageError.Unavailable, "unrecognized option '--devices'", "LVM 2.03.12 or newer is needed: upgrade lvm2"),

        Rule(LvmProblem.DuplicateNames, StorageError.Unavailable, "Multiple VGs found with the same name",
            "rename one of them: vgrename UUID NEWNAME"),
        Rule(LvmProblem.ForeignSystemId, StorageError.Unavailable, "Cannot access VG * with system ID",
            "it belongs to another host; to take it over: vgchange --systemid"),
        Rule(LvmProblem.Locked, StorageError.Unavailable, "Cannot access VG * due to failed lock", "see lvmlockctl --info"),
        Rule(LvmProblem.Locked, StorageError.Unavailable, "requires lvmlockd", "start lvmlockd, or take a volume group that is not shared"),
        Rule(LvmProblem.Locked, StorageError.Unavailable, "lock failed:", "see lvmlockctl --info"),
        Rule(LvmProblem.Locked, StorageError.Unavailable, "locking initialisation failed", "/run/lock/lvm has to be writable"),
        Rule(LvmProblem.Locked, StorageError.Unavailable, "Can't get lock for", "another LVM command holds it, or /run/lock/lvm is not writable"),
        Rule(LvmProblem.Exported, StorageError.Unavailable, "Volume group * is exported", "vgimport it"),
        Rule(LvmProblem.DevicesMissing, StorageError.Unavailable, "Cannot change VG * while PVs are missing", MissingRemedy),
        Rule(LvmProblem.DevicesMissing, StorageError.Unavailable, "Cannot update * while physical volumes are missing", MissingRemedy),
        Rule(LvmProblem.DevicesMissing, StorageError.Unavailable, "Cannot update partial volume group", MissingRemedy),
        Rule(LvmProblem.DevicesMissing, StorageError.Unavailable, "Refusing activation of partial LV", MissingRemedy),
        Rule(LvmProblem.DevicesMissing, StorageError.Unavailable, "Refusing refresh of partial LV", MissingRemedy),
        Rule(LvmProblem.LogicalVolumeNotFound, StorageError.NotFound, "Failed to find logical volume", null),
        Rule(LvmProblem.LogicalVolumeNotFound, StorageError.NotFound, "Existing logical volume * not found", null),
        Rule(LvmProblem.LogicalVolumeNotFound, StorageError.NotFound, "Snapshot origin LV * not found", null),
        Rule(LvmProblem.IoError, StorageError.Unavailable, "Error reading device", "a device fails: see the kernel's log"),
        Rule(LvmProblem.IoError, StorageError.Unavailable, "Error writing device", "a device fails: see the kernel's log"),
        Rule(LvmProblem.VolumeGroupNotFound, StorageError.Unavailable, "Volume group * not found", "look for its devices: lvm pvs -a"),
        Rule(LvmProblem.ThinPoolNotFound, StorageError.Unavailable, "Pool * not found in Volume group", "look for it: lvm lvs -a"),

        Rule(LvmProblem.AlreadyExists, StorageError.AlreadyExists, "Logical volume * already exists in volume group", null),
        Rule(LvmProblem.AlreadyExists, StorageError.AlreadyExists, "A volume group called * already exists", null),
        Rule(LvmProblem.AlreadyExists, StorageError.AlreadyExists, "already exists in filesystem",
            "a stale folder in /dev, or something else of that name: remove it, or take another name"),
        Rule(LvmProblem.HasThatSizeAlready, StorageError.AlreadyExists, "New size * matches existing size", null),
        Rule(LvmProblem.HasThatSizeAlready, StorageError.AlreadyExists, "New size given * not larger than existing size", null),

        Rule(LvmProblem.ThinPoolDamaged, StorageError.Unavailable, "WARNING: Thin pool * is failed", RepairRemedy),
        Rule(LvmProblem.ThinPoolDamaged, StorageError.Unavailable, "WARNING: Thin pool * needs check", RepairRemedy),
        Rule(LvmProblem.ThinPoolDamaged, StorageError.Unavailable, "WARNING: Thin pool * has read-only metadata", RepairRemedy),
        Rule(LvmProblem.ThinPoolDamaged, StorageError.Unavailable, "WARNING: Thin pool * has unexpected transaction id", TransactionRemedy),
        Rule(LvmProblem.ThinPoolDamaged, StorageError.Unavailable, "Check of pool * failed", RepairRemedy),
        Rule(LvmProblem.ThinPoolDamaged, StorageError.Unavailable, "transaction_id is *, while expected", TransactionRemedy),
        Rule(LvmProblem.ThinPoolFull, StorageError.ResourceExhausted, "WARNING: Remaining free space in metadata of thin pool * is too low",
            "extend its metadata (lvextend --poolmetadatasize), or delete volumes or snapshots in it"),
        Rule(LvmProblem.ThinPoolFull, StorageError.ResourceExhausted, "free space in thin pool * reached threshold", PoolRemedy),
        Rule(LvmProblem.ThinPoolFull, StorageError.ResourceExhausted, "Free space in pool * is above threshold", PoolRemedy),

        Rule(LvmProblem.MetadataAreaFull, StorageError.ResourceExhausted, "exceeds maximum metadata size", MetadataRemedy),
        Rule(LvmProblem.MetadataAreaFull, StorageError.ResourceExhausted, "too large for circular buffer", MetadataRemedy),
        Rule(LvmProblem.NoSpace, StorageError.ResourceExhausted, "has insufficient free space", SpaceRemedy),
        Rule(LvmProblem.NoSpace, StorageError.ResourceExhausted, "Insufficient free space", SpaceRemedy),
        Rule(LvmProblem.NoSpace, StorageError.ResourceExhausted, "Insufficient suitable * extents",
            "the layout needs free space on enough different devices: " + SpaceRemedy),
        Rule(LvmProblem.TooFewDevices, StorageError.ResourceExhausted, "Number of stripes * must not exceed number of physical volumes",
            "fewer stripes, or more devices"),
        Rule(LvmProblem.TooFewDevices, StorageError.ResourceExhausted, "insufficient number of devices", "fewer stripes or copies, or more devices"),

        Rule(LvmProblem.HasSnapshots, StorageError.FailedPrecondition, "Snapshot origin volumes can be resized only while inactive",
            "delete its snapshots first"),
        Rule(LvmProblem.InUse, StorageError.FailedPrecondition, "Logical volume * in use", "find what holds it open: lsof, dmsetup ls --tree"),
        Rule(LvmProblem.InUse, StorageError.FailedPrecondition, "contains a filesystem in use", "unmount it"),
        Rule(LvmProblem.InUse, StorageError.FailedPrecondition, "Device or resource busy", "find what holds it open: lsof, dmsetup ls --tree"),

        Rule(LvmProblem.DeviceNotBlank, StorageError.FailedPrecondition, "existing signature* left on the device",
            "only blank devices are taken: wipefs it if nothing on it is needed"),
        Rule(LvmProblem.DeviceNotBlank, StorageError.FailedPrecondition, "without -ff",
            "it belongs to LVM already: vgreduce and pvremove it if nothing on it is needed"),
        Rule(LvmProblem.DeviceNotBlank, StorageError.FailedPrecondition, "is already in volume group", null),
        Rule(LvmProblem.DeviceExcluded, StorageError.FailedPrecondition, "is excluded:", "admit it: filter in lvm.conf, or lvmdevices --adddev"),
        Rule(LvmProblem.DeviceExcluded, StorageError.FailedPrecondition, "Cannot use *: device is",
            "see lvm pvs -a, lvmdevices, and filter in lvm.conf"),
        Rule(LvmProblem.DeviceExcluded, StorageError.FailedPrecondition, "Cannot use device * with duplicates",
            "one device appears twice (a multipath, or a copy): see lvm pvs -a"),

        Rule(LvmProblem.PermissionDenied, StorageError.Unavailable, "Permission denied", "run as root, privileged, with the host's /dev"),
        Rule(LvmProblem.PermissionDenied, StorageError.Unavailable, "Operation not permitted", "run as root, privileged, with the host's /dev"),
        Rule(LvmProblem.NoDeviceMapper, StorageError.Unavailable, "Failure to communicate with kernel device-mapper driver", ControlRemedy),
        Rule(LvmProblem.NoDeviceMapper, StorageError.Unavailable, "without using device-mapper kernel driver", ControlRemedy),
        Rule(LvmProblem.ModuleMissing, StorageError.Unavailable, "target support missing from kernel", ModuleRemedy),
        Rule(LvmProblem.ModuleMissing, StorageError.Unavailable, "Required device-mapper target(s) not detected in your kernel", ModuleRemedy),
        Rule(LvmProblem.Udev, StorageError.Unavailable, "device not cleared", UdevRemedy),
        Rule(LvmProblem.Udev, StorageError.Unavailable, "notification semaphore", UdevRemedy),
        Rule(LvmProblem.DeviceNodeMissing, StorageError.Unavailable, "No device found for", "the device is gone, or its name changed: lvm pvs -a"),
        Rule(LvmProblem.DeviceNodeMissing, StorageError.Unavailable, "Device not found for", "the device is gone, or its name changed: lvm pvs -a"),
    ];

    private static LvmRule Rule(LvmProblem problem, StorageError error, string pattern, string? remedy) => new(problem, error, pattern, remedy);
}
