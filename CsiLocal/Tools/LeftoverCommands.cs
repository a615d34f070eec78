using System.Globalization;
using System.Text;
using CsiLocal.Native;

namespace CsiLocal.Tools;

/// <summary>A command that an earlier daemon started and that still runs.</summary>
internal sealed record LeftoverCommand(int ProcessId, string CommandLine);

/// <summary>Finds and ends commands that outlived a killed daemon, before recovery looks at what they were working on.</summary>
internal static class LeftoverCommands
{
    /// <summary>Commands marked with <paramref name="stateId"/> in their environment that run now.</summary>
    public static IReadOnlyList<LeftoverCommand> Find(string stateId)
    {
        var mark = Encoding.UTF8.GetBytes($"{CommandRunner.StateVariable}={stateId}\0");
        var found = new List<LeftoverCommand>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                || id == Environment.ProcessId)
                continue;

            var environment = ReadBytes($"{folder}/environ").AsSpan();
            var at = environment.IndexOf(mark);
            if (at == 0 || (at > 0 && environment[at - 1] == 0))
                found.Add(new LeftoverCommand(id, Encoding.UTF8.GetString(ReadBytes($"{folder}/cmdline")).Replace('\0', ' ').Trim()));
        }

        return found;
    }

    /// <summary>Ends them: asked to, then killed, <see cref="RunningCommand.Grace"/> each. Returns those that would not die: still at work.</summary>
    public static async Task<IReadOnlyList<LeftoverCommand>> StopAsync(string stateId, CancellationToken cancellationToken)
    {
        await StopAsync(stateId, Signals.Terminate, cancellationToken);
        await StopAsync(stateId, Signals.Kill, cancellationToken);
        return Find(stateId);
    }

    private static async Task StopAsync(string stateId, int signal, CancellationToken cancellationToken)
    {
        var handles = new List<ProcessHandle>();
        try
        {
            foreach (var command in Find(stateId))
            {
                if (ProcessHandle.TryOpen(command.ProcessId) is { } handle)
                    handles.Add(handle);
            }

            // Looked at again with the handles held: a process id may have passed to another program in between.
            var marked = Find(stateId);
            handles.RemoveAll(handle => !marked.Any(command => command.ProcessId == handle.Id) && Release(handle));
            foreach (var handle in handles)
                handle.Signal(signal);

            if (handles.Count > 0)
                await Task.Run(() => ProcessHandle.WaitForAll(handles, RunningCommand.Grace), cancellationToken);
        }
        finally
        {
            handles.ForEach(static handle => handle.Dispose());
        }
    }

    private static bool Release(ProcessHandle handle)
    {
        handle.Dispose();
        return true;
    }

    private static byte[] ReadBytes(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It ended meanwhile, or is not ours to read: then it is not a command of ours either.
            return [];
        }
    }
}
