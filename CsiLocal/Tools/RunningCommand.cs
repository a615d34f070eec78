using System.Text;
using CsiLocal.Native;

namespace CsiLocal.Tools;

/// <summary>One command under way: what it has said so far, and how far its ending has been forced.</summary>
internal sealed class RunningCommand(ToolCommand command, ChildProcess child, long startedAt, CancellationToken cancellationToken) : IDisposable
{
    /// <summary>What an interrupted command has before it is killed, and a killed one before it is given up.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(3);

    private readonly TaskCompletionSource<ToolOutput> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly OutputBuffer _output = new(child.OutputDescriptor, command.MaxOutput);
    private readonly OutputBuffer _error = new(child.ErrorDescriptor, command.MaxOutput);
    private long _deadline = startedAt + (long)command.Timeout.TotalMilliseconds;
    private Stage _stage = Stage.Running;
    private bool _cancelled;

    private enum Stage
    {
        Running,
        Interrupted,
        Killed,
    }

    public Task<ToolOutput> Completion => _completion.Task;

    /// <summary>Descriptors to wait on: the end, and the streams that are still open (-1 is ignored by poll).</summary>
    public (int Exit, int Output, int Error) Descriptors => (child.ExitDescriptor, _output.Descriptor, _error.Descriptor);

    /// <summary>Milliseconds, on the clock of <see cref="Environment.TickCount64"/>, at which <see cref="Advance"/> is due at the latest.</summary>
    /// <remarks>At once where it is cancelled: the wake-up for that may have come before this command was being watched.</remarks>
    public long Deadline => IsCancelPending ? 0 : _deadline;

    private bool IsCancelPending => _stage == Stage.Running && cancellationToken.IsCancellationRequested;

    /// <summary>Reads what is there, forces the end where it is due, and completes. True when there is nothing more to wait for.</summary>
    public bool Advance(long now, bool exited)
    {
        _output.Drain();
        _error.Drain();
        if (exited)
        {
            End();
            return true;
        }

        if (IsCancelPending)
        {
            _cancelled = true;
            _deadline = now;
        }

        if (now < _deadline)
            return false;

        switch (_stage)
        {
            case Stage.Running:
                Force(Stage.Interrupted, Signals.Terminate, now);
                return false;
            case Stage.Interrupted:
                Force(Stage.Killed, Signals.Kill, now);
                return false;
            default:
                // Its process id stays unreaped on purpose: it cannot be used again while this one may still be at work.
                _completion.TrySetException(Failure(ToolFailure.Unkillable, "did not die when killed; it may still be at work"));
                return true;
        }
    }

    public void Dispose() => child.Dispose();

    private void Force(Stage stage, int signal, long now)
    {
        _stage = stage;
        _deadline = now + (long)Grace.TotalMilliseconds;
        child.SignalGroup(signal);
    }

    private void End()
    {
        // Before it is reaped, while its group's number cannot belong to anything else: whatever it left behind.
        if (_stage != Stage.Running)
            child.SignalGroup(Signals.Kill);

        try
        {
            child.TryReap(out var exitCode);
            if (_stage == Stage.Running)
                _completion.TrySetResult(new ToolOutput(exitCode, _output.ToString(), _error.ToString()) { IsTruncated = _output.IsTruncated || _error.IsTruncated });
            else if (_cancelled)
                _completion.TrySetCanceled(cancellationToken);
            else
                _completion.TrySetException(Failure(ToolFailure.TimedOut, $"did not end within {command.Timeout.TotalSeconds:0.###} s and was stopped"));
        }
        catch (NativeException e)
        {
            // Its exit code went to somebody else (a parent that ignores SIGCHLD): it ended, nobody knows how.
            _completion.TrySetException(new ToolException(command, ToolFailure.TimedOut, $"{command.Program}: the exit code was lost", e));
        }
    }

    private ToolException Failure(ToolFailure failure, string fact)
    {
        var said = _error.ToString().Trim();
        return new ToolException(command, failure, said.Length == 0 ? $"{command.Program} {fact}" : $"{command.Program} {fact}: {said}");
    }

    /// <summary>What one stream said, up to a limit; the rest is read and dropped, so that the writer never stalls.</summary>
    private sealed class OutputBuffer(int descriptor, int limit)
    {
        private byte[] _bytes = [];
        private int _length;

        public int Descriptor { get; private set; } = descriptor;

        public bool IsTruncated { get; private set; }

        public unsafe void Drain()
        {
            var chunk = stackalloc byte[16384];
            while (Descriptor >= 0)
            {
                var count = (int)Libc.read(Descriptor, chunk, 16384);
                if (count < 0)
                    return;
                if (count == 0)
                    Descriptor = -1;
                else
                    Append(new ReadOnlySpan<byte>(chunk, count));
            }
        }

        public override string ToString() => Encoding.UTF8.GetString(_bytes, 0, _length);

        private void Append(ReadOnlySpan<byte> chunk)
        {
            IsTruncated |= chunk.Length > limit - _length;
            chunk = chunk[..Math.Min(chunk.Length, limit - _length)];
            if (_length + chunk.Length > _bytes.Length)
                Array.Resize(ref _bytes, Math.Max(_length + chunk.Length, _bytes.Length * 2));
            chunk.CopyTo(_bytes.AsSpan(_length));
            _length += chunk.Length;
        }
    }
}
