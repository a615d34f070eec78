using System.Collections.Concurrent;
using CsiLocal.Tools;

namespace CsiLocal.Tests.Fakes;

/// <summary>Stands before the real command runner of a whole driver, also over its restarts.</summary>
internal sealed class CommandFaults
{
    public ConcurrentQueue<ToolCommand> Commands { get; } = new();

    /// <summary>Is given each command and what runs it really.</summary>
    public Func<ToolCommand, Func<Task<ToolOutput>>, Task<ToolOutput>> Around { get; set; } = static (_, run) => run();

    public ICommandRunner Wrap(ICommandRunner real) => new Runner(this, real);

    public int Count(string program) => Commands.Count(command => command.Program == program);

    /// <summary>Commands of lvm: "lvcreate".</summary>
    public int CountLvm(string subcommand) => Commands.Count(command => command.Program == "lvm" && command.Arguments[0] == subcommand);

    public void Heal() => Around = static (_, run) => run();

    /// <summary>The first command of that program meets <paramref name="fault"/>, the others are run.</summary>
    public void Once(string program, Func<ToolCommand, Func<Task<ToolOutput>>, Task<ToolOutput>> fault) => Once(command => command.Program == program, fault);

    /// <summary>As <see cref="Once(string, Func{ToolCommand, Func{Task{ToolOutput}}, Task{ToolOutput}})"/>, of lvm's commands: "fullreport".</summary>
    public void OnceLvm(string subcommand, Func<ToolCommand, Func<Task<ToolOutput>>, Task<ToolOutput>> fault) =>
        Once(command => command.Program == "lvm" && command.Arguments[0] == subcommand, fault);

    /// <summary>The n-th lvm command that changes something meets <paramref name="fault"/>, the others are run; tags that are written late do not count.</summary>
    /// <param name="n">From 1.</param>
    /// <param name="late">The volume whose tags may be written meanwhile.</param>
    /// <param name="fault">Is given the command and what runs it really.</param>
    /// <returns>The command that met it; null while none has.</returns>
    public Func<ToolCommand?> NthLvmChange(int n, string? late, Func<ToolCommand, Func<Task<ToolOutput>>, Task<ToolOutput>> fault)
    {
        var seen = 0;
        ToolCommand? met = null;
        Around = (command, run) =>
        {
            var isLate = command.Arguments is ["lvchange", .., var volume] && late is not null && volume.EndsWith(late, StringComparison.Ordinal);
            if (command.Program != "lvm" || command.Arguments[0] is "fullreport" or "pvs" || isLate || Interlocked.Increment(ref seen) != n)
                return run();
            met = command;
            return fault(command, run);
        };
        return () => met;
    }

    private void Once(Func<ToolCommand, bool> isMeant, Func<ToolCommand, Func<Task<ToolOutput>>, Task<ToolOutput>> fault)
    {
        var met = 0;
        Around = (command, run) => isMeant(command) && Interlocked.Exchange(ref met, 1) == 0 ? fault(command, run) : run();
    }

    private sealed class Runner(CommandFaults faults, ICommandRunner real) : ICommandRunner
    {
        public Task<ToolOutput> RunAsync(ToolCommand command, CancellationToken cancellationToken)
        {
            faults.Commands.Enqueue(command);
            return faults.Around(command, () => real.RunAsync(command, cancellationToken));
        }
    }
}
