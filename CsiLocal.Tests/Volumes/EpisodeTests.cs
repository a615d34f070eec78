using CsiLocal.State;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Volumes;

public sealed class EpisodeTests
{
    private static readonly DateTimeOffset _start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public void A_change_belongs_to_its_call_wherever_it_falls_in_time()
    {
        var episodes = Episode.Group([Call(7, 0), Call(8, 1), Change("late", 2, call: 7)], lastOfEarlierRuns: 0);

        Assert.Equal([7, 8], episodes.Select(static episode => Assert.IsType<HistoryEntry.Operation>(episode.What).Id));
        Assert.Equal(["late"], episodes[0].Changes.Select(static change => change.What));
        Assert.Empty(episodes[1].Changes);
    }

    [Fact]
    public void What_no_call_made_stands_for_itself_and_so_does_what_a_call_about_something_else_made()
    {
        var episodes = Episode.Group([Change("recovered", 0, call: null), Call(7, 1), Change("reload", 2, call: 99)], lastOfEarlierRuns: 0);

        Assert.Equal(
            ["recovered", "CreateVolume", "reload"],
            episodes.Select(static episode => episode.What is HistoryEntry.Event change ? change.What : ((HistoryEntry.Operation)episode.What).Rpc));
    }

    [Fact]
    public void A_call_without_an_end_runs_or_was_cut_off_by_the_end_of_its_daemon()
    {
        var ended = Call(9, 2) with { FinishedAt = _start };

        var episodes = Episode.Group([Call(7, 0), Call(8, 1), ended], lastOfEarlierRuns: 7);

        Assert.Equal([false, true, false], episodes.Select(static episode => episode.IsRunning));
    }

    private static HistoryEntry.Operation Call(long id, int second) =>
        new(_start.AddSeconds(second)) { Id = id, Rpc = "CreateVolume", Commands = [] };

    private static HistoryEntry.Event Change(string what, int second, long? call) => new(_start.AddSeconds(second), what, "why") { OperationId = call };
}
