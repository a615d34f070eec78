using System.CommandLine;
using CsiLocal.Admin.V1;
using CsiLocal.Cli.Daemon;
using CsiLocal.Cli.Output;
using Proto = Csi.V1;

namespace CsiLocal.Cli.Volumes;

/// <summary><c>csilocal volume unmount</c>: NodeUnpublishVolume, and NodeUnstageVolume once no publication is left.</summary>
internal static class VolumeUnmountCommand
{
    public static Command Create(CommandHost host)
    {
        var volume = CommonArguments.Volume(host);
        var path = new Argument<string?>("PATH")
        {
            Description = "Only this one of its mounts (default: all).",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var command = new Command("unmount", "Unmounts a volume, from one path or from all.") { volume, path };
        host.SetAction(command, async (parsed, session, cancellationToken) =>
        {
            var detail = await References.VolumeAsync(session.Daemon, parsed.GetValue(volume)!, cancellationToken);
            return await RunAsync(session, detail, parsed.GetValue(path), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(CommandSession session, VolumeDetail volume, string? path, CancellationToken cancellationToken)
    {
        var mounted = Publications.TargetPaths(volume);
        var wanted = path is null ? mounted : [Path.GetFullPath(path)];
        if (path is not null && !mounted.Contains(wanted[0]))
            throw new CliException(ExitCode.NotFound, $"the volume {volume.Name} is not mounted at {wanted[0]}",
                mounted.Count == 0 ? "it is mounted nowhere" : $"it is at {string.Join(" and ", mounted)}");

        var daemon = session.Daemon;
        foreach (var target in wanted)
        {
            var unpublish = new Proto.NodeUnpublishVolumeRequest { VolumeId = volume.VolumeId, TargetPath = target };
            await daemon.CallAsync(call => daemon.Node.NodeUnpublishVolumeAsync(unpublish, call), cancellationToken);
        }

        var staging = wanted.Count == mounted.Count ? Publications.StagingPath(volume) : null;
        if (staging is not null)
        {
            var unstage = new Proto.NodeUnstageVolumeRequest { VolumeId = volume.VolumeId, StagingTargetPath = staging };
            await daemon.CallAsync(call => daemon.Node.NodeUnstageVolumeAsync(unstage, call), cancellationToken);
            RemoveIfEmpty(staging);
        }

        session.Report.Json(new UnmountJson(volume.VolumeId, volume.Name, wanted, staging is not null));
        session.Report.Line(wanted.Count == 0 && staging is null
            ? $"{volume.Name}: was not mounted"
            : $"{volume.Name}: unmounted{(wanted.Count > 0 ? " from " + string.Join(" and ", wanted) : "")}");
        return ExitCode.Success;
    }

    // Our own staging folder, empty now; somebody else's is theirs to remove. Never recursive: it was a mount point a moment ago.
    private static void RemoveIfEmpty(string staging)
    {
        try
        {
            Directory.Delete(staging);
        }
        catch (IOException)
        {
            // Not there, not empty or busy: it does no harm.
        }
        catch (UnauthorizedAccessException)
        {
            // Not ours to remove.
        }
    }
}
