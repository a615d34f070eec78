using System.Text;
using CsiLocal.Filesystems;
using CsiLocal.Volumes;
using Proto = Csi.V1;

namespace CsiLocal.Rpc;

/// <summary>VolumeCapability messages to <see cref="Usage"/> values.</summary>
internal static class CapabilityParser
{
    private const string Field = "volume_capability";

    /// <summary>One capability, checked by itself.</summary>
    /// <param name="unsupportedMode">The error for a mode that needs several nodes: it depends on the call.</param>
    public static Usage Parse(Proto.VolumeCapability? capability, StorageError unsupportedMode)
    {
        if (capability is null)
            throw FieldRules.Invalid($"{Field}: it is not set", "set it");

        var mode = Mode(capability.AccessMode, unsupportedMode);
        switch (capability.AccessTypeCase)
        {
            case Proto.VolumeCapability.AccessTypeOneofCase.Block:
                return new Usage(AccessType.Block, mode, null, []);

            case Proto.VolumeCapability.AccessTypeOneofCase.Mount:
                var filesystem = Filesystem(FieldRules.Optional($"{Field}.mount.fs_type", capability.Mount.FsType));
                return new Usage(AccessType.Mount, mode, filesystem, Flags(capability.Mount, filesystem));

            default:
                throw FieldRules.Invalid($"{Field}: neither block nor mount is set", "set one of them");
        }
    }

    /// <summary>All capabilities of one volume: they must agree on what the volume is.</summary>
    public static IReadOnlyList<Usage> ParseAll(IReadOnlyList<Proto.VolumeCapability> capabilities)
    {
        if (capabilities.Count == 0)
            throw FieldRules.Invalid("volume_capabilities: it is empty", "name at least one capability");

        var usages = capabilities.Select(static capability => Parse(capability, StorageError.InvalidArgument)).ToArray();
        if (usages.Any(usage => usage.Access != usages[0].Access))
            throw FieldRules.Invalid("volume_capabilities: block and mount contradict each other", "make two volumes, or ask for one of them");

        var named = usages.FirstOrDefault(static usage => usage.Filesystem is not null)?.Filesystem;
        if (usages.Any(usage => usage.Filesystem is { } other && other != named))
            throw FieldRules.Invalid("volume_capabilities: the fs_type values contradict each other", "ask for one file system");

        return usages;
    }

    public static FilesystemType? Filesystem(string name) => name switch
    {
        "" => null,
        "ext4" => FilesystemType.Ext4,
        "xfs" => FilesystemType.Xfs,
        "btrfs" => FilesystemType.Btrfs,
        _ => throw FieldRules.Invalid($"fs_type '{FieldRules.Printable(name)}': it is not supported", "use ext4, xfs or btrfs, or leave it empty"),
    };

    private static AccessMode Mode(Proto.VolumeCapability.Types.AccessMode? mode, StorageError unsupportedMode) => mode?.Mode switch
    {
        null or Proto.VolumeCapability.Types.AccessMode.Types.Mode.Unknown =>
            throw FieldRules.Invalid($"{Field}.access_mode: it is not set", "set it"),
        Proto.VolumeCapability.Types.AccessMode.Types.Mode.SingleNodeWriter => AccessMode.SingleNodeWriter,
        Proto.VolumeCapability.Types.AccessMode.Types.Mode.SingleNodeReaderOnly => AccessMode.SingleNodeReaderOnly,
        Proto.VolumeCapability.Types.AccessMode.Types.Mode.SingleNodeSingleWriter => AccessMode.SingleNodeSingleWriter,
        Proto.VolumeCapability.Types.AccessMode.Types.Mode.SingleNodeMultiWriter => AccessMode.SingleNodeMultiWriter,
        var other => throw new StorageException(
            unsupportedMode, $"{Field}.access_mode {other}: a volume on a node's own disks is reachable from that node only",
            "use a SINGLE_NODE mode"),
    };

    private static IReadOnlyList<string> Flags(Proto.VolumeCapability.Types.MountVolume mount, FilesystemType? filesystem)
    {
        if (mount.VolumeMountGroup.Length > 0)
            throw FieldRules.Invalid($"{Field}.mount.volume_mount_group: the driver does not have VOLUME_MOUNT_GROUP", "leave it empty");

        var bytes = mount.MountFlags.Sum(Encoding.UTF8.GetByteCount);
        if (bytes > FieldRules.MaxMapBytes)
            throw FieldRules.Invalid($"{Field}.mount.mount_flags: {bytes} bytes in all, {FieldRules.MaxMapBytes} are allowed", "pass less");

        return MountFlags.Parse(filesystem, mount.MountFlags);
    }
}
