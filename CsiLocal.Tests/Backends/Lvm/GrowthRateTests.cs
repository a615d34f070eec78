using CsiLocal.Backends.Lvm;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class GrowthRateTests
{
    [Theory]
    [InlineData("", 0)]
    [InlineData("0:100", 0)] // one look tells nothing
    [InlineData("0:100 1:150", 50)]
    [InlineData("0:100 1:50", 0)] // something was deleted
    [InlineData("0:100 2:500", 200)]
    [InlineData("0:0 1:0 2:0 3:300", 300)] // a burst counts at once
    [InlineData("0:0 1:300 2:300 3:300", 100)] // and is not forgotten at once
    [InlineData("0:0 1:300 9:300 20:300 30:300", 0)] // but in the end
    [InlineData("0:0 60:600", 10)] // slow turns still have two looks
    [InlineData("5:100 5:900", 0)]
    public void The_rate_is_the_higher_of_now_and_of_late(string looks, double expected)
    {
        var rate = GrowthRate.None;
        foreach (var look in looks.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = look.Split(':');
            rate = rate.With(TimeSpan.FromSeconds(int.Parse(parts[0])), long.Parse(parts[1]));
        }

        Assert.Equal(expected, rate.BytesPerSecond);
    }
}
