using System.CommandLine;
using CsiLocal.Admin.V1;
using CsiLocal.Cli.Daemon;
using CsiLocal.Cli.Output;
using Proto = Csi.V1;

namespace CsiLocal.Cli.Volumes;

/// <summary><c>csilocal volume delete</c>.</summary>
internal static class VolumeDeleteCommand
{
    public static Command Create(CommandHost host)
    {
        var volumes = new Argument<string[]>("VOLUME")
        {
            Description = "Names or ids of the volumes.",
            HelpName = "VOLUME",
            Arity = ArgumentArity.OneOrMore,
        };
        volumes.CompletionSources.Add(context => DynamicCompletion.Volumes(host, context.ParseResult));
        var yes = DeleteRun.YesOption();
        var command = new Command("delete", "Deletes volumes and their data.") { volumes, yes };
        host.SetAction(command, async (parsed, session, cancellationToken) =>
        {
            var names = parsed.GetValue(volumes)!;
            var (plural, them) = names.Length > 1 ? ("s", "them") : ("", "it");
            var question = $"Delete the volume{plural} {string.Join(", ", names)} with everything on {them}";
            await DeleteRun.ConfirmAsync(session, question, parsed.GetValue(yes), cancellationToken);
            return await DeleteRun.ForEachAsync(session, names, DeleteAsync, cancellationToken);
        });
        return command;
    }

    private static async Task<DeleteJson> DeleteAsync(CommandSession session, string nameOrId, CancellationToken cancellationToken)
    {
        var daemon = session.Daemon;
        var volume = await References.VolumeAsync(daemon, nameOrId, cancellationToken);
        RefuseIfMounted(volume);
        var request = new Proto.DeleteVolumeRequest { VolumeId = volume.VolumeId };
        await daemon.CallAsync(call => daemon.Controller.DeleteVolumeAsync(request, call), cancellationToken);
        return new DeleteJson(volume.VolumeId, volume.Name, true, null);
    }

    // The daemon refuses as well; here the remedy can be given in this program's own commands.
    private static void RefuseIfMounted(VolumeDetail volume)
    {
        if (volume.Publications.Count > 0)
            throw new CliException(ExitCode.Precondition, $"the volume {volume.Name} is in use at {volume.Publications[^1].Path}",
                $"unmount it first: csilocal volume unmount {volume.Name}");
    }
}
