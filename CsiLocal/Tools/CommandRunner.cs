using System.Collections.Concurrent;
using CsiLocal.Native;

namespace CsiLocal.Tools;

/// <summary>Runs commands: started by the caller, watched by one thread for all of them.</summary>
/// <remarks>
/// One thread in one poll(2) over every child's output and end: no thread per command, none of the pool's threads blocked, and one
/// wake-up between the end of a command and its caller. The streams' asynchronous reads would cost three more.
/// </remarks>
/// <param name="stateId">Marks every command's environment, so that those that outlive a killed daemon are found (<see cref="LeftoverCommands"/>).</param>
internal sealed class CommandRunner(string stateId) : ICommandRunner, IDisposable
{
    /// <summary>In the environment of each command: which state directory's daemon started it.</summary>
    public const string StateVariable = "CSILOCAL_STATE";

    private readonly string[] _environment = ["LC_ALL=C", $"PATH={SearchPath.Text}", $"{StateVariable}={stateId}"];
    private readonly ConcurrentQueue<RunningCommand> _started = new();
    private readonly Lock _lock = new();
    private WakeUp? _wakeUp;
    private bool _disposed;

    /// <inheritdoc/>
    public async Task<ToolOutput> RunAsync(ToolCommand command, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var path = SearchPath.Find(command.Program)
            ?? throw new ToolException(command, ToolFailure.NotFound, $"{command.Program} is not installed in {SearchPath.Text}");
        var wakeUp = EnsureWatcher();
        var running = Start(command, path, cancellationToken);
        _started.Enqueue(running);
        wakeUp.Set();
        using (cancellationToken.UnsafeRegister(static state => ((WakeUp)state!).Set(), wakeUp))
            return await running.Completion;
    }

    /// <summary>Ends the watching thread once the commands under way have ended.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _wakeUp?.Set();
        }
    }

    private RunningCommand Start(ToolCommand command, string path, CancellationToken cancellationToken)
    {
        try
        {
            var child = ChildProcess.Start(path, command.Arguments, _environment, command.StandardInput);
            return new RunningCommand(command, child, Environment.TickCount64, cancellationToken);
        }
        catch (NativeException e)
        {
            throw new ToolException(command, ToolFailure.NotStarted, $"{command.Program} could not be started: {e.Message}", e);
        }
    }

    private WakeUp EnsureWatcher()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_wakeUp is null)
            {
                _wakeUp = new WakeUp();
                new Thread(Watch, 256 * 1024) { IsBackground = true, Name = "commands" }.Start();
            }

            return _wakeUp;
        }
    }

    private void Watch()
    {
        using var wakeUp = _wakeUp!;
        var commands = new List<RunningCommand>();
        var entries = new Libc.PollEntry[16];
        while (true)
        {
            while (_started.TryDequeue(out var started))
                commands.Add(started);
            lock (_lock)
            {
                if (_disposed && commands.Count == 0 && _started.IsEmpty)
                    return;
            }

            Wait(wakeUp, commands, ref entries);
            var now = Environment.TickCount64;
            for (var i = commands.Count - 1; i >= 0; i--)
            {
                if (!commands[i].Advance(now, entries[1 + (3 * i)].Returned != 0))
                    continue;
                commands[i].Dispose();
                commands.RemoveAt(i);
            }
        }
    }

    private static unsafe void Wait(WakeUp wakeUp, List<RunningCommand> commands, ref Libc.PollEntry[] entries)
    {
        var count = 1 + (3 * commands.Count);
        if (entries.Length < count)
            entries = new Libc.PollEntry[count * 2];

        entries[0] = Entry(wakeUp.Descriptor);
        var next = long.MaxValue;
        for (var i = 0; i < commands.Count; i++)
        {
            var (exit, output, error) = commands[i].Descriptors;
            entries[1 + (3 * i)] = Entry(exit);
            entries[2 + (3 * i)] = Entry(output);
            entries[3 + (3 * i)] = Entry(error);
            next = Math.Min(next, commands[i].Deadline);
        }

        var timeout = next == long.MaxValue ? -1 : (int)Math.Clamp(next - Environment.TickCount64, 0, int.MaxValue);
        fixed (Libc.PollEntry* start = entries)
        {
            // On EINTR the entries keep the zeros they were made with: nothing happened, and the next round waits again.
            Libc.poll(start, (nuint)count, timeout);
        }

        if (entries[0].Returned != 0)
            wakeUp.Clear();
    }

    private static Libc.PollEntry Entry(int descriptor) => new() { Descriptor = descriptor, Events = Libc.PollIn };
}
