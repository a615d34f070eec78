using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using CsiLocal.Cli.Bench;
using CsiLocal.Cli.Doctor;
using CsiLocal.Cli.Explain;
using CsiLocal.Cli.Snapshots;
using CsiLocal.Cli.States;
using CsiLocal.Cli.Volumes;
using CsiLocal.Diagnostics;

namespace CsiLocal.Cli;

/// <summary>The tree of commands.</summary>
internal static class RootCommandFactory
{
    public static RootCommand Create(CliEnvironment environment)
    {
        var root = new RootCommand("Storage of this node as CSI volumes: the driver, and the command line to it.");
        var globals = new GlobalOptions();
        globals.AddTo(root);
        var host = new CommandHost(environment, globals);

        root.Subcommands.Add(ServeCommand.Create(host));
        root.Subcommands.Add(ProbeCommand.Create(host));
        root.Subcommands.Add(ReloadCommand.Create(host));
        root.Subcommands.Add(VolumeCommands.Create(host));
        root.Subcommands.Add(SnapshotCommands.Create(host));
        root.Subcommands.Add(PoolCommands.Create(host));
        root.Subcommands.Add(TrashCommands.Create(host));
        root.Subcommands.Add(StateCommands.Create(host));
        root.Subcommands.Add(TaskCommands.Create(host));
        root.Subcommands.Add(ExplainCommand.Create(host));
        root.Subcommands.Add(DoctorCommand.Create(host));
        root.Subcommands.Add(BenchCommand.Create(host));
        root.Subcommands.Add(CompletionCommand.Create(host));

        if (root.Options.OfType<HelpOption>().FirstOrDefault() is { Action: HelpAction action } help)
        {
            help.Action = new HelpWithEpilogue(action);
            // Windows' spellings would only turn up among the completions.
            foreach (var alias in (string[])["/?", "/h", "-?"])
                help.Aliases.Remove(alias);
        }

        if (root.Options.OfType<VersionOption>().FirstOrDefault() is { } version)
            version.Action = new PrintVersion();
        return root;
    }

    // Only the version: the stock action adds the commit.
    private sealed class PrintVersion : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine(BuildInfo.Version);
            return ExitCode.Success;
        }
    }
}
