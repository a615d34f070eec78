using CsiLocal.Cli.Output;

namespace CsiLocal.Cli.Daemon;

/// <summary>Sees a call through that may have to copy or erase: the daemon answers ABORTED while it does, and the result once it has.</summary>
internal sealed class LongWork(DaemonClient daemon, ProgressDisplay display, TimeProvider time)
{
    /// <summary>A call that is answered within this time shows no progress at all.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    /// <summary>How long to stand in line behind another operation on the same volume that has no progress to tell.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <param name="what">Subject of the messages: "clone of data into data2".</param>
    /// <param name="targetId">Id of the volume or snapshot that the work fills.</param>
    /// <param name="call">The idempotent call, made again until it does not answer ABORTED.</param>
    /// <param name="cancellationToken">The person gives up waiting; the work goes on.</param>
    public async Task<T> RunAsync<T>(string what, string targetId, Func<CancellationToken, Task<T>> call,
        CancellationToken cancellationToken)
    {
        var attempt = call(cancellationToken);
        try
        {
            if (await EndsWithinAsync(attempt, cancellationToken))
                return await attempt;
        }
        catch (CliException e) when (e.ExitCode == ExitCode.Busy)
        {
            attempt = Task.FromException<T>(e);
        }

        var work = new Watched(targetId);
        try
        {
            return await display.RunAsync(what, report => FollowAsync(attempt, call, work, report, cancellationToken));
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
        {
            throw new CliException(ExitCode.Interrupted, $"stopped waiting; the {what} goes on in the daemon",
                "'csilocal task list' shows how far it is, the same command waits for it again", e);
        }
    }

    private async Task<T> FollowAsync<T>(
        Task<T> attempt, Func<CancellationToken, Task<T>> call, Watched work, Action<long, long> report,
        CancellationToken cancellationToken)
    {
        var waitingSince = time.GetTimestamp();
        while (true)
        {
            while (!await EndsWithinAsync(attempt, cancellationToken))
                await LookAsync(work, report, cancellationToken);

            try
            {
                return await attempt;
            }
            catch (CliException e) when (e.ExitCode == ExitCode.Busy)
            {
                if (await LookAsync(work, report, cancellationToken))
                    waitingSince = time.GetTimestamp();
                else if (time.GetElapsedTime(waitingSince) > Patience)
                    throw;
            }

            await Task.Delay(Interval, time, cancellationToken);
            attempt = call(cancellationToken);
        }
    }

    private async Task<bool> LookAsync(Watched work, Action<long, long> report, CancellationToken cancellationToken)
    {
        var tasks = await daemon.ListTasksAsync(cancellationToken);
        var task = tasks.FirstOrDefault(task => task.TargetId == work.TargetId);
        if (task is null || task.State == "failed")
            return false;

        report(task.DoneBytes, task.TotalBytes);
        return true;
    }

    private async Task<bool> EndsWithinAsync(Task attempt, CancellationToken cancellationToken)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var ended = await Task.WhenAny(attempt, Task.Delay(Interval, time, enough.Token)) == attempt;
        await enough.CancelAsync();
        if (!ended)
            cancellationToken.ThrowIfCancellationRequested();
        return ended;
    }

    private sealed record Watched(string TargetId);
}
