using System.CommandLine;

namespace CsiLocal.Cli;

/// <summary><c>csilocal completion</c>: prints the script that teaches a shell to complete this program's commands.</summary>
internal static class CompletionCommand
{
    public static Command Create(CommandHost host) => new("completion", "Prints a completion script for a shell.")
    {
        Shell(host, "bash", "Prints the script for bash; use it with: source <(csilocal completion bash)", CompletionScripts.Bash),
        Shell(host, "zsh", "Prints the script for zsh; use it with: source <(csilocal completion zsh)", CompletionScripts.Zsh),
        Shell(host, "fish", "Prints the script for fish; use it with: csilocal completion fish | source", CompletionScripts.Fish),
    };

    private static Command Shell(CommandHost host, string name, string description, string script)
    {
        var command = new Command(name, description);
        command.SetAction(_ => host.Environment.Out.Write(script));
        return command;
    }
}
