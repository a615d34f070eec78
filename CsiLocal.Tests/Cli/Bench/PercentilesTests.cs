using CsiLocal.Cli.Bench;
using Xunit;

namespace CsiLocal.Tests.Cli.Bench;

public sealed class PercentilesTests
{
    [Theory]
    [InlineData(50, 50)]
    [InlineData(90, 90)]
    [InlineData(99, 99)]
    [InlineData(100, 100)]
    [InlineData(1, 1)]
    public void Of_a_hundred_samples_the_nth_percentile_is_the_nth(int percent, double expected) =>
        Assert.Equal(expected, Percentiles.Of([.. Enumerable.Range(1, 100).Select(i => (double)i)], percent));

    [Theory]
    [InlineData(50, 2)]
    [InlineData(90, 4)]
    [InlineData(99, 4)]
    [InlineData(25, 1)]
    [InlineData(26, 2)]
    public void Few_samples_give_the_next_one_that_was_measured(int percent, double expected) =>
        Assert.Equal(expected, Percentiles.Of([1, 2, 3, 4], percent));

    [Fact]
    public void One_sample_is_every_percentile()
    {
        Assert.Equal(7, Percentiles.Of([7], 50));
        Assert.Equal(7, Percentiles.Of([7], 99));
    }

    [Fact]
    public void No_samples_give_no_figure() => Assert.Null(Percentiles.Of([], 50));
}
