using CsiLocal.Admin.V1;
using CsiLocal.Volumes;
using Proto = Csi.V1;
using Mode = Csi.V1.VolumeCapability.Types.AccessMode.Types.Mode;

namespace CsiLocal.Cli.Daemon;

/// <summary>Builds the capability that accompanies nearly every CSI request.</summary>
internal static class Capabilities
{
    public static Proto.VolumeCapability Block(AccessMode mode) => new()
    {
        Block = new Proto.VolumeCapability.Types.BlockVolume(),
        AccessMode = ToProto(mode),
    };

    /// <param name="filesystem">Empty leaves the choice to the driver.</param>
    /// <param name="mode">How it may be used.</param>
    /// <param name="mountFlags">As given to mount(8), in order.</param>
    public static Proto.VolumeCapability Mount(string filesystem, AccessMode mode, IEnumerable<string> mountFlags)
    {
        var mount = new Proto.VolumeCapability.Types.MountVolume { FsType = filesystem };
        mount.MountFlags.AddRange(mountFlags);
        return new Proto.VolumeCapability { Mount = mount, AccessMode = ToProto(mode) };
    }

    /// <summary>The capability under which an existing volume is used.</summary>
    public static Proto.VolumeCapability Of(VolumeDetail volume, AccessMode mode, IEnumerable<string> mountFlags) =>
        IsBlock(volume) ? Block(mode) : Mount(volume.Filesystem, mode, mountFlags);

    public static bool IsBlock(VolumeDetail volume) => volume.AccessType.Equals("block", StringComparison.OrdinalIgnoreCase);

    private static Proto.VolumeCapability.Types.AccessMode ToProto(AccessMode mode) => new()
    {
        Mode = mode switch
        {
            AccessMode.SingleNodeWriter => Mode.SingleNodeWriter,
            AccessMode.SingleNodeReaderOnly => Mode.SingleNodeReaderOnly,
            AccessMode.SingleNodeSingleWriter => Mode.SingleNodeSingleWriter,
            AccessMode.SingleNodeMultiWriter => Mode.SingleNodeMultiWriter,
            _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, null),
        },
    };
}
