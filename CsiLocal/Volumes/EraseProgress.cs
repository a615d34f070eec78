using CsiLocal.Backends;
using CsiLocal.State;

namespace CsiLocal.Volumes;

/// <summary>Progress of one erasure, kept in its task row so that a restart goes on from there, and held back to the pool's rate.</summary>
/// <param name="store">Keeps it.</param>
/// <param name="task">As an earlier run left it.</param>
/// <param name="bytesPerSecond">0: no limit.</param>
/// <param name="clock">Time.</param>
internal sealed class EraseProgress(StateStore store, TaskRecord task, long bytesPerSecond, TimeProvider clock) : IEraseProgress
{
    /// <summary>Between two commits: what a restart repeats at the most, besides the step under way.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly long started = clock.GetTimestamp();
    private long saved = clock.GetTimestamp();
    private long last = task.DoneBytes;
    private long written;

    public long ResumeFrom { get; } = task.DoneBytes;

    public async Task ReportAsync(long doneBytes, long totalBytes, CancellationToken cancellationToken)
    {
        // Holes that are jumped over cost the disk nothing.
        written += Math.Min(doneBytes - last, Overwriting.StepBytes);
        last = doneBytes;
        if (doneBytes == totalBytes || clock.GetElapsedTime(saved) >= Interval)
        {
            store.PutTask(task with { DoneBytes = doneBytes, TotalBytes = totalBytes });
            saved = clock.GetTimestamp();
        }

        if (bytesPerSecond > 0 && TimeSpan.FromSeconds((double)written / bytesPerSecond) - clock.GetElapsedTime(started) is var ahead && ahead > TimeSpan.Zero)
            await Task.Delay(ahead, clock, cancellationToken);
    }
}
