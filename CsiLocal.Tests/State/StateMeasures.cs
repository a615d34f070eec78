using System.Diagnostics;
using CsiLocal.State;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.State;

/// <summary>Figures, not rules: run with <c>-explicit only -class CsiLocal.Tests.State.StateMeasures</c> on a quiet machine.</summary>
public sealed class StateMeasures(ITestOutputHelper output) : IDisposable
{
    private readonly StateFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact(Explicit = true, Timeout = 120_000)]
    public Task Lists_and_opening()
    {
        Fill(0, 1_000);
        Report("open with 1,000 volumes", 30, () => _folder.Open().Dispose(), store: null);
        using (var store = _folder.Open())
            Report("AllVolumes of 1,000", 200, () => _ = store.AllVolumes(), store);

        Fill(1_000, 10_000);
        using (var store = _folder.Open())
        {
            var page = 0L;
            Report("ListVolumes of 100 out of 10,000", 2_000, () => page = store.ListVolumes(page, 100, readyOnly: true).NextSequence ?? 0, store);
            Report("ListVolumes of 100, half way", 2_000, () => store.ListVolumes(5_000, 100, readyOnly: false), store);
            Report("FindVolume of 10,000", 5_000, () => store.FindVolume(VolumeId.Mint("pvc-5000")), store);
        }

        Report("open with 10,000 volumes", 10, () => _folder.Open().Dispose(), store: null);
        return Task.CompletedTask;
    }

    [Fact(Explicit = true, Timeout = 120_000)]
    public Task Commits()
    {
        using var store = _folder.Open();
        var i = 0;
        Report("InsertVolume", 500, () => store.InsertVolume(Samples.Volume($"pvc-{i++}")), store);
        Report("UpdateVolume + RemoveTask in one transaction", 500, () => store.InTransaction(() =>
        {
            store.UpdateVolume(Samples.Volume("pvc-1"));
            store.RemoveTask(VolumeId.Mint("pvc-1").Value);
        }), store);
        Report("the same with 20 journal rows", 500, () =>
        {
            for (var row = 0; row < 20; row++)
                store.RecordEvent("v", "what", "why");
            store.UpdateVolume(Samples.Volume("pvc-1"));
        }, store);
        Report("BeginOperation + EndOperation, no flush", 1_000, () => store.EndOperation(store.BeginOperation(new CallEntry("rpc", "v", null)), "OK", null), store);
        return Task.CompletedTask;
    }

    private void Fill(int from, int to)
    {
        using var store = _folder.Open();
        store.InTransaction(() =>
        {
            for (var i = from; i < to; i++)
                store.InsertVolume(Samples.Volume($"pvc-{i}") with { MkfsOptions = ["-E", "stride=16"] });
        });
    }

    private void Report(string what, int times, Action action, StateStore? store)
    {
        for (var i = 0; i < Math.Min(50, times); i++)
            action();
        var laps = new double[times];
        for (var i = 0; i < times; i++)
        {
            var start = Stopwatch.GetTimestamp();
            action();
            laps[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }

        store?.Flush();
        Array.Sort(laps);
        output.WriteLine($"{what}: p50 {laps[times / 2]:F3} ms, p99 {laps[times * 99 / 100]:F3} ms, max {laps[^1]:F3} ms");
    }
}
