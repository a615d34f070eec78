using System.CommandLine;
using CsiLocal.Cli.Output;
using CsiLocal.Configuration;
using CsiLocal.State;

namespace CsiLocal.Cli.States;

/// <summary><c>csilocal state backup</c>: reads the file itself, whether or not a daemon uses it.</summary>
internal static class StateBackupCommand
{
    public static Command Create(CommandHost host)
    {
        var file = new Argument<string>("FILE") { Description = "The copy to be made." };
        var force = new Option<bool>("--force") { Description = "Replace the file where there is one." };
        var flags = new DaemonFlags();
        var command = new Command(
            "backup", "Copies the state to a file, as it is at one moment. Works on the file itself, beside a running daemon or without one.")
        {
            file, force,
        };
        flags.AddTo(command);
        host.SetAction(command, (parsed, session, _) =>
        {
            var options = DriverOptionsResolver.ForThisProcess().Resolve(flags.Read(parsed, host));
            var target = Path.GetFullPath(parsed.GetValue(file)!);
            var bytes = StateCopy.Write(options.StateDirectory, target, parsed.GetValue(force));
            session.Report.Json(new StateBackupJson(target, bytes));
            session.Report.Line($"{target}: {PlainText.Size(bytes)}; to go back to it, stop csilocal and put it in place of {options.StateDirectory}/{StateFile.Name}");
            return Task.FromResult(ExitCode.Success);
        });
        return command;
    }
}
