using Csi.V1;
using Mode = Csi.V1.VolumeCapability.Types.AccessMode.Types.Mode;

namespace CsiLocal.Tests.Support;

/// <summary>Requests as a CO would send them, right in every field; a test changes what it is about.</summary>
internal static class Requests
{
    public const long MiB = 1L << 20;

    public static VolumeCapability Mount(Mode mode = Mode.SingleNodeWriter, string filesystem = "", params IEnumerable<string> flags) => new()
    {
        AccessMode = new() { Mode = mode },
        Mount = new() { FsType = filesystem, MountFlags = { flags } },
    };

    public static VolumeCapability Block(Mode mode = Mode.SingleNodeWriter) => new()
    {
        AccessMode = new() { Mode = mode },
        Block = new(),
    };

    public static CreateVolumeRequest Create(string name, VolumeCapability capability, long bytes = 32 * MiB) => new()
    {
        Name = name,
        CapacityRange = new() { RequiredBytes = bytes },
        VolumeCapabilities = { capability },
    };

    public static CreateVolumeRequest From(this CreateVolumeRequest request, Volume source)
    {
        request.VolumeContentSource = new() { Volume = new() { VolumeId = source.VolumeId } };
        return request;
    }

    public static CreateVolumeRequest From(this CreateVolumeRequest request, Snapshot source)
    {
        request.VolumeContentSource = new() { Snapshot = new() { SnapshotId = source.SnapshotId } };
        return request;
    }

    public static NodeStageVolumeRequest Stage(Volume volume, string path, VolumeCapability capability) => new()
    {
        VolumeId = volume.VolumeId,
        StagingTargetPath = path,
        VolumeCapability = capability,
        VolumeContext = { volume.VolumeContext },
    };

    public static NodePublishVolumeRequest Publish(
        Volume volume, string stagingPath, string targetPath, VolumeCapability capability, bool readOnly = false) =>
        new()
        {
            VolumeId = volume.VolumeId,
            StagingTargetPath = stagingPath,
            TargetPath = targetPath,
            VolumeCapability = capability,
            VolumeContext = { volume.VolumeContext },
            Readonly = readOnly,
        };
}
