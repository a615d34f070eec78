using System.CommandLine;
using CsiLocal.Admin.V1;
using CsiLocal.Cli.Daemon;
using CsiLocal.Cli.Output;
using CsiLocal.Volumes;
using Proto = Csi.V1;

namespace CsiLocal.Cli.Volumes;

/// <summary><c>csilocal volume mount</c>: what a container orchestrator does, NodeStageVolume and NodePublishVolume.</summary>
internal static class VolumeMountCommand
{
    public const string StagingRootVariable = "CSILOCAL_STAGING_ROOT";
    public const string DefaultStagingRoot = "/run/csilocal/staging";

    public static Command Create(CommandHost host)
    {
        var volume = CommonArguments.Volume(host);
        var path = new Argument<string>("PATH") { Description = "Where to mount it; for a block volume, the device node to make." };
        var readOnly = new Option<bool>("--read-only", "-r") { Description = "Mount it read-only." };
        var options = new Option<string[]>("--option")
        {
            Description = "A mount option such as noatime; may be repeated.",
            HelpName = "OPTION",
            Arity = ArgumentArity.OneOrMore,
        };
        var mode = CommonArguments.AccessModeOption();
        var stagingRoot = new Option<string?>("--staging-root")
        {
            Description = $"Folder for the volumes' own mounts (environment {StagingRootVariable}; default {DefaultStagingRoot}).",
            HelpName = "FOLDER",
        };

        var command = new Command("mount", "Mounts a volume, formatting it if it never was.")
        {
            volume, path, readOnly, options, mode, stagingRoot,
        };
        host.SetAction(command, async (parsed, session, cancellationToken) =>
        {
            var detail = await References.VolumeAsync(session.Daemon, parsed.GetValue(volume)!, cancellationToken);
            var root = parsed.GetValue(stagingRoot) ?? host.Environment.Variable(StagingRootVariable) ?? DefaultStagingRoot;
            var mount = new MountJson(detail.VolumeId, detail.Name, Path.GetFullPath(parsed.GetValue(path)!),
                Publications.StagingPath(detail) ?? Path.Combine(Path.GetFullPath(root), detail.VolumeId), parsed.GetValue(readOnly));
            return await RunAsync(session, detail, mount, parsed.GetValue(mode), parsed.GetValue(options) ?? [], cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(
        CommandSession session, VolumeDetail volume, MountJson mount, AccessMode mode, IReadOnlyList<string> options,
        CancellationToken cancellationToken)
    {
        // CSI leaves these two folders to the caller: the staging path itself, and the parent of the target path.
        Directory.CreateDirectory(mount.StagingPath!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.CreateDirectory(Path.GetDirectoryName(mount.Path) ?? "/");

        var daemon = session.Daemon;
        var capability = Capabilities.Of(volume, mode, options);
        var stage = new Proto.NodeStageVolumeRequest
        {
            VolumeId = volume.VolumeId,
            StagingTargetPath = mount.StagingPath,
            VolumeCapability = capability,
        };
        await daemon.CallAsync(call => daemon.Node.NodeStageVolumeAsync(stage, call), cancellationToken);

        var publish = new Proto.NodePublishVolumeRequest
        {
            VolumeId = volume.VolumeId,
            StagingTargetPath = mount.StagingPath,
            TargetPath = mount.Path,
            VolumeCapability = capability,
            Readonly = mount.ReadOnly,
        };
        try
        {
            await daemon.CallAsync(call => daemon.Node.NodePublishVolumeAsync(publish, call), cancellationToken);
        }
        catch (CliException) when (Publications.TargetPaths(volume) is [])
        {
            await UnstageAsync(daemon, volume, mount.StagingPath!);
            throw;
        }

        session.Report.Json(mount);
        session.Report.Line($"{volume.Name}: {VolumeReport.SizeAndType(volume)} {(mount.ReadOnly ? "read-only " : "")}at {mount.Path}");
        return ExitCode.Success;
    }

    /// <summary>A volume that was staged for a mount that then failed would be in use for nothing.</summary>
    private static async System.Threading.Tasks.Task UnstageAsync(DaemonClient daemon, VolumeDetail volume, string stagingPath)
    {
        try
        {
            var request = new Proto.NodeUnstageVolumeRequest { VolumeId = volume.VolumeId, StagingTargetPath = stagingPath };
            await daemon.CallAsync(call => daemon.Node.NodeUnstageVolumeAsync(request, call), CancellationToken.None);
            Directory.Delete(stagingPath);
        }
        catch (Exception e) when (e is CliException or IOException)
        {
            // The failure to publish is what the person has to hear; "volume unmount" undoes the rest.
        }
    }
}
