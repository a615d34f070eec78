using System.CommandLine;

namespace CsiLocal.Cli.Volumes;

/// <summary><c>csilocal volume</c>.</summary>
internal static class VolumeCommands
{
    public static Command Create(CommandHost host) => new("volume", "Creates, mounts, grows, copies and deletes volumes, brings deleted ones back, and takes over those of others.")
    {
        VolumeCreateCommand.Create(host),
        VolumeListCommand.Create(host),
        VolumeShowCommand.Create(host),
        VolumeMountCommand.Create(host),
        VolumeUnmountCommand.Create(host),
        VolumeExpandCommand.Create(host),
        VolumeCloneCommand.Create(host),
        VolumeDeleteCommand.Create(host),
        VolumeUndeleteCommand.Create(host),
        VolumeAdoptCommand.Create(host),
    };
}
