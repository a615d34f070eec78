using System.CommandLine;
using CsiLocal.Admin.V1;
using CsiLocal.Cli.Output;

namespace CsiLocal.Cli.Volumes;

/// <summary><c>csilocal volume undelete</c>.</summary>
internal static class VolumeUndeleteCommand
{
    public static Command Create(CommandHost host)
    {
        var volume = new Argument<string>("VOLUME")
        {
            Description = "Id in the trash; or the name or id that the volume had.",
            HelpName = "VOLUME",
        };
        volume.CompletionSources.Add(context => DynamicCompletion.Trash(host, context.ParseResult));
        var name = new Option<string?>("--name") { Description = "Bring it back under this name instead of its old one.", HelpName = "NEW" };
        var command = new Command("undelete", "Brings a deleted volume back, with all that was on it.") { volume, name };
        host.SetAction(command, async (parsed, session, cancellationToken) =>
        {
            var request = new UndeleteVolumeRequest { Volume = parsed.GetValue(volume), NewName = parsed.GetValue(name) ?? "" };
            var back = await session.Daemon.CallAsync(call => session.Daemon.Admin.UndeleteVolumeAsync(request, call), cancellationToken);
            VolumeReport.Changed(
                session.Report, back, $"{back.Name}: is back, {VolumeReport.SizeAndType(back)} in pool {back.Pool}, id {PlainText.OneLine(back.VolumeId)}");
            return ExitCode.Success;
        });
        return command;
    }
}
