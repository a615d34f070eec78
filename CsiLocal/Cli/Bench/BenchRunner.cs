using System.Collections.Concurrent;
using CsiLocal.Cli.Daemon;
using Grpc.Core;

namespace CsiLocal.Cli.Bench;

/// <summary>Takes many volumes through their life at any CSI endpoint, and cleans up whatever happens.</summary>
internal sealed class BenchRunner(DaemonClient endpoint, BenchPlan plan, TimeProvider time)
{
    /// <summary>How long cleaning up goes on after the person has said stop.</summary>
    private static readonly TimeSpan CleanupLimit = TimeSpan.FromMinutes(5);

    private readonly ConcurrentBag<string> _leftovers = [];

    /// <param name="report">Told the volumes done and all volumes, twice over: up and down.</param>
    /// <param name="stop">Starts nothing new; calls under way are seen to their end, so that they can be undone.</param>
    public async Task<BenchResult> RunAsync(Action<long, long> report, CancellationToken stop)
    {
        var target = await BenchSurvey.AskAsync(endpoint, stop);
        var startedAt = time.GetUtcNow();
        var volumes = new List<BenchVolume>(plan.Volumes);
        for (var i = 0; i < plan.Volumes; i++)
            volumes.Add(NewVolume(i));
        var measured = new CallRecorder(time);
        var done = 0L;

        var up = time.GetTimestamp();
        var upSteps = new BenchVolumeUp(endpoint, plan, target, measured, time);
        await ForEachAsync(volumes, async volume =>
        {
            await upSteps.RunAsync(volume, stop);
            report(Interlocked.Increment(ref done), plan.Volumes * 2L);
        }, stop);
        var upTime = time.GetElapsedTime(up);

        if (target.Stats && plan.Until == BenchStep.Delete)
            await ForEachAsync([.. volumes.Where(volume => volume.Published)], upSteps.GetStatsAsync, stop);

        for (var round = 0; round < plan.Republish && !stop.IsCancellationRequested; round++)
            await ForEachAsync([.. volumes.Where(volume => volume.Published)], upSteps.RepublishAsync, stop);

        if (plan.Reads > 0)
            await new BenchReads(endpoint, plan, target, measured).RunAsync(volumes, stop);

        TimeSpan? downTime = null;
        if (!plan.Keep)
        {
            // Teardown is measured where it was asked for; else it is cleaning up, and its figures would only confuse.
            var measuredDown = plan.Until == BenchStep.Delete;
            var recorder = measuredDown ? measured : new CallRecorder(time);
            var elapsed = await TearDownAsync(
                volumes, target, recorder, () => report(Interlocked.Increment(ref done), plan.Volumes * 2L));
            downTime = measuredDown ? elapsed : null;
        }

        return new BenchResult
        {
            Target = target,
            StartedAt = startedAt,
            Interrupted = stop.IsCancellationRequested,
            Up = upTime,
            Down = downTime,
            Figures = measured.Figures(),
            Errors = measured.Errors(),
            Leftovers = [.. _leftovers.Order(StringComparer.Ordinal)],
        };
    }

    private async Task<TimeSpan> TearDownAsync(IReadOnlyList<BenchVolume> volumes, BenchTarget target, CallRecorder recorder,
        Action oneDone)
    {
        using var limit = new CancellationTokenSource(CleanupLimit, time);
        var down = time.GetTimestamp();
        var steps = new BenchVolumeDown(endpoint, target, recorder, time);
        await ForEachAsync([.. volumes.Where(volume => volume.CreateAttempted)], async volume =>
        {
            try
            {
                await steps.RunAsync(volume, limit.Token);
            }
            catch (RpcException e)
            {
                _leftovers.Add($"{volume.Created?.VolumeId ?? volume.Name}: {e.Status.Detail}");
            }
            catch (OperationCanceledException)
            {
                _leftovers.Add($"{volume.Created?.VolumeId ?? volume.Name}: not cleaned up within {CleanupLimit.TotalMinutes} minutes");
            }

            oneDone();
        }, CancellationToken.None);
        return time.GetElapsedTime(down);
    }

    private BenchVolume NewVolume(int index) => new(
        $"{plan.NamePrefix}-{index}", Path.Combine(plan.StagingRoot, $"{plan.NamePrefix}-{index}"),
        Path.Combine(plan.TargetRoot, $"{plan.NamePrefix}-{index}"));

    // Not Parallel.ForEachAsync with the token: it would throw, and what was begun has to be undone.
    private async Task ForEachAsync(IReadOnlyList<BenchVolume> volumes, Func<BenchVolume, Task> run, CancellationToken stop)
    {
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = plan.Parallel };
        await Parallel.ForEachAsync(volumes, parallel, async (volume, _) =>
        {
            if (!stop.IsCancellationRequested)
                await run(volume);
        });
    }
}
