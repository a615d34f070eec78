using System.CommandLine;
using CsiLocal.Cli.Daemon;

namespace CsiLocal.Cli.Volumes;

/// <summary><c>csilocal volume show</c>.</summary>
internal static class VolumeShowCommand
{
    public static Command Create(CommandHost host)
    {
        var volume = CommonArguments.Volume(host);
        var command = new Command("show", "Shows all that is known of one volume.") { volume };
        host.SetAction(command, async (parsed, session, cancellationToken) =>
        {
            VolumeReport.Show(session.Report, await References.VolumeAsync(session.Daemon, parsed.GetValue(volume)!, cancellationToken));
            return ExitCode.Success;
        });
        return command;
    }
}
